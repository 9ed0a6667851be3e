//! EXPLAIN, as JSON, and the values that stand in what is explained.

use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Runs `explain (format json, …) …` and returns the first plan's document: its node under `Plan`, its times beside it.
///
/// By the simple protocol, whose answers are text whatever the column's type.
pub(crate) async fn explain(
    client: &Client,
    options: &str,
    sql: &str,
) -> Result<Value, tokio_postgres::Error> {
    let messages = client.simple_query(&format!("explain (format json, {options}) {sql}")).await?;
    let text = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    // The server made it with its own json functions.
    let mut plans: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(plans.get_mut(0).map(Value::take).unwrap_or_default())
}

/// A literal, whatever the server thinks of backslashes.
pub(crate) fn literal(text: &str) -> String {
    format!(" e'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
