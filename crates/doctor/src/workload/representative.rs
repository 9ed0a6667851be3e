//! Values for normalized statements, so that they can be planned and measured: taken from the columns' own statistics.
//!
//! What a parameter is compared with is guessed from the text; its type is the server's word. A statement for which a value
//! cannot be found is left out.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::text::{Part, parts, reads, short};
use super::{Probe, Statement};

/// The statements that take most of the time, with values in place of their parameters.
pub(crate) async fn representatives(
    client: &Client,
    statements: &[Statement],
) -> Result<Vec<Probe>, tokio_postgres::Error> {
    // Their names are the app's, and found by its search path.
    client.batch_execute("set search_path to default").await?;
    let mut probes = Vec::new();
    for statement in statements.iter().filter(|statement| reads(&statement.text)) {
        let sql = match filled(client, &statement.text).await {
            Ok(Some(sql)) => sql,
            Ok(None) => continue,
            // The table may be gone, or not this login's to read.
            Err(error) if error.as_db_error().is_some() => continue,
            Err(error) => return Err(error),
        };
        let name = short(&statement.text, 60);
        probes.push(Probe { name, sql, calls: statement.calls.max(1.0), role: None, settings: Vec::new() });
    }
    client.batch_execute("set search_path = pg_catalog").await?;
    Ok(probes)
}

async fn filled(client: &Client, text: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let all: Vec<(usize, Part<'_>)> = parts(text).collect();
    if !all.iter().any(|(_, part)| matches!(part, Part::Parameter(_))) {
        return Ok(Some(text.to_owned()));
    }
    let types = client.prepare(text).await?.params().to_vec();
    let words = words(&all);
    let mut sql = String::new();
    let mut copied = 0;
    for (index, (at, part)) in all.iter().enumerate() {
        let Part::Parameter(number) = part else { continue };
        let kind = usize::try_from(*number).ok().and_then(|number| types.get(number.checked_sub(1)?));
        let Some(kind) = kind else { return Ok(None) };
        let before: Vec<Part<'_>> = all[..index].iter().map(|(_, part)| *part).collect();
        let Some(value) = value(client, kind, &before, &words).await? else { return Ok(None) };
        sql.push_str(&text[copied..*at]);
        sql.push_str(&value);
        copied = at + 1 + number.to_string().len();
    }
    sql.push_str(&text[copied..]);
    Ok(Some(sql))
}

/// A literal for a parameter: how many rows a page has, or what the column it is compared with mostly holds.
async fn value(
    client: &Client,
    kind: &Type,
    before: &[Part<'_>],
    words: &[String],
) -> Result<Option<String>, tokio_postgres::Error> {
    match before.last() {
        Some(part) if is_word(*part, "limit") => return Ok(Some("20".to_owned())),
        Some(part) if is_word(*part, "offset") => return Ok(Some("0".to_owned())),
        _ => {}
    }
    let Some(column) = compared(before) else { return Ok(None) };
    let row = client
        .query_typed_opt(include_str!("value.sql"), &[(&column, Type::TEXT), (&words, Type::TEXT_ARRAY)])
        .await?;
    let Some(value) = row.map(|row| row.try_get::<_, Option<String>>(0)).transpose()?.flatten() else {
        return Ok(None);
    };
    // An array of one, where many are asked for.
    let (value, of) = match kind.name().strip_prefix('_') {
        Some(of) => {
            (format!("{{\"{}\"}}", value.replace('\\', "\\\\").replace('"', "\\\"")), format!("{of}[]"))
        }
        None => (value, kind.name().to_owned()),
    };
    Ok(Some(format!("'{}'::{of}", value.replace('\'', "''"))))
}

/// The name of the column that stands before the operator before the parameter.
pub(super) fn compared(before: &[Part<'_>]) -> Option<String> {
    const BETWEEN: [&str; 12] =
        ["in", "any", "all", "like", "ilike", "not", "between", "and", "is", "from", "array", "symmetric"];
    let is_between = |part: &&Part<'_>| match part {
        Part::Word(word) => BETWEEN.iter().any(|known| word.eq_ignore_ascii_case(known)),
        Part::Symbol(symbol) => *symbol != ".",
        Part::Literal(_) | Part::Parameter(_) | Part::Comment => true,
    };
    before.iter().rev().take(12).find(|part| !is_between(part)).and_then(|part| identifier(*part))
}

/// The names that may be a table's.
pub(super) fn words(all: &[(usize, Part<'_>)]) -> Vec<String> {
    all.iter().filter_map(|(_, part)| identifier(*part)).collect()
}

/// Whether it is this keyword.
pub(super) fn is_word(part: Part<'_>, keyword: &str) -> bool {
    matches!(part, Part::Word(word) if word.eq_ignore_ascii_case(keyword))
}

pub(super) fn identifier(part: Part<'_>) -> Option<String> {
    match part {
        Part::Word(word) => match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
            Some(quoted) => Some(quoted.replace("\"\"", "\"")),
            None => Some(word.to_lowercase()),
        },
        _ => None,
    }
}
