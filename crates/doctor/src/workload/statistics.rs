//! The counters of pg_stat_statements, whatever the extension's version calls its columns.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Source, Statement, Workload};

/// Reads the counters, those of statements inside functions where they are wanted. The extension may be in any schema, so its name is looked up by the search path.
pub(crate) async fn read_statistics(
    client: &Client,
    schema: &str,
    nested: bool,
) -> Result<Workload, tokio_postgres::Error> {
    let path = format!("set search_path = pg_catalog, {}", pg::identifier(schema));
    client.batch_execute(&path).await?;
    let rows = client.query_typed(include_str!("statistics.sql"), &[(&nested, Type::BOOL)]).await;
    client.batch_execute("set search_path = pg_catalog").await?;
    let mut statements = Vec::new();
    for row in rows? {
        statements.push(Statement {
            id: row.try_get(0)?,
            text: row.try_get(1)?,
            calls: row.try_get(2)?,
            total_ms: row.try_get(3)?,
            mean_ms: row.try_get(4)?,
            deviation_ms: row.try_get(5)?,
            rows: row.try_get(6)?,
            role: row.try_get(7)?,
        });
    }
    Ok(Workload { source: Source::PgStatStatements, statements })
}
