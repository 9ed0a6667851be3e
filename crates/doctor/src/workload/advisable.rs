//! The statements that an index advisor is asked about: the heaviest, as whoever runs them, those inside functions too.
//!
//! pg_stat_statements has parameters where constants were. One that says how many rows a page has, or from when on, decides
//! the plan by its size, and gets a value that pages and recent reports have; all others stay parameters, so that no index is
//! made for a value that nobody asked for. Never runs any of them.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::representative::{compared, is_word, words};
use super::text::{Part, parts, short};
use super::{Probe, Statement, read_statistics};
use crate::error::Error;
use crate::server;

/// The statements that are looked at, the heaviest first.
const STATEMENTS_MAX: usize = 200;

/// Reads them; none where the extension is missing or may not be read.
pub async fn advisable(client: &Client) -> Result<Vec<Probe>, Error> {
    let failed = Error::database("the statements to find indexes for were read");
    server::prepare(client).await?;
    let Some(schema) = server::look(client, &[]).await?.statements_schema else { return Ok(Vec::new()) };
    let mut statements = match read_statistics(client, &schema, true).await {
        Ok(workload) => workload.statements,
        // What the login may not read is said by the examination itself.
        Err(error) if error.as_db_error().is_some() => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    statements.truncate(STATEMENTS_MAX);
    client.batch_execute("set search_path to default").await.map_err(&failed)?;
    let mut probes = Vec::new();
    for statement in &statements {
        probes.push(probe(client, statement).await.map_err(&failed)?);
    }
    client.batch_execute("set search_path = pg_catalog").await.map_err(&failed)?;
    Ok(probes)
}

async fn probe(client: &Client, statement: &Statement) -> Result<Probe, tokio_postgres::Error> {
    let sql = match bounded(client, &statement.text).await {
        Ok(sql) => sql,
        // Its table may be gone: the advisor says what cannot be planned.
        Err(error) if error.as_db_error().is_some() => statement.text.clone(),
        Err(error) => return Err(error),
    };
    Ok(Probe {
        name: short(&statement.text, 60),
        sql,
        calls: statement.calls.max(1.0),
        role: statement.role.clone(),
        settings: Vec::new(),
    })
}

/// The text with values for its limits and bounds, and its other parameters counted anew.
async fn bounded(client: &Client, text: &str) -> Result<String, tokio_postgres::Error> {
    let all: Vec<(usize, Part<'_>)> = parts(text).collect();
    if !all.iter().any(|(_, part)| matches!(part, Part::Parameter(_))) {
        return Ok(text.to_owned());
    }
    let types = client.prepare(text).await?.params().to_vec();
    let words = words(&all);
    let (mut sql, mut copied, mut kept) = (String::new(), 0, Vec::new());
    for (index, (at, part)) in all.iter().enumerate() {
        let Part::Parameter(number) = part else { continue };
        let before: Vec<Part<'_>> = all[..index].iter().map(|(_, part)| *part).collect();
        let kind = usize::try_from(*number).ok().and_then(|number| types.get(number.checked_sub(1)?));
        let value = match kind {
            Some(kind) => bound(client, kind, &before, &words).await?,
            None => None,
        };
        sql.push_str(&text[copied..*at]);
        sql.push_str(&value.unwrap_or_else(|| {
            let place = kept.iter().position(|known| known == number).unwrap_or_else(|| {
                kept.push(*number);
                kept.len() - 1
            });
            format!("${}", place + 1)
        }));
        copied = at + 1 + number.to_string().len();
    }
    sql.push_str(&text[copied..]);
    Ok(sql)
}

/// How many rows a page has, or the bound that leaves the latest fiftieth (the earliest, where what is below is asked for).
pub(super) async fn bound(
    client: &Client,
    kind: &Type,
    before: &[Part<'_>],
    words: &[String],
) -> Result<Option<String>, tokio_postgres::Error> {
    let share: f64 = match before.last() {
        Some(part) if is_word(*part, "limit") => return Ok(Some("20".to_owned())),
        Some(part) if is_word(*part, "offset") => return Ok(Some("0".to_owned())),
        Some(Part::Symbol(">" | ">=")) => 0.98,
        Some(Part::Symbol("<" | "<=")) => 0.02,
        _ => return Ok(None),
    };
    let Some(column) = compared(before) else { return Ok(None) };
    let row = client
        .query_typed_opt(
            include_str!("bound.sql"),
            &[(&column, Type::TEXT), (&words, Type::TEXT_ARRAY), (&share, Type::FLOAT8)],
        )
        .await?;
    let value = row.map(|row| row.try_get::<_, Option<String>>(0)).transpose()?.flatten();
    Ok(value.map(|value| format!("'{}'::{}", value.replace('\'', "''"), kind.name())))
}
