//! Values for normalized statements, so that they can be planned and measured: taken from the columns' own statistics.
//!
//! What a parameter is compared with is guessed from the text; its type is the server's word. A statement for which a value
//! cannot be found is left out; one whose values are held by many rows or by few comes twice, since an index may help the
//! one and not the other.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::advisable::bound;
use super::text::{Part, parts, reads, short};
use super::{Probe, Statement};

/// Which of a column's values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// By many rows.
    Often,
    /// By few.
    Seldom,
}

/// The statements that take most of the time, with values in place of their parameters.
pub(crate) async fn representatives(
    client: &Client,
    statements: &[Statement],
) -> Result<Vec<Probe>, tokio_postgres::Error> {
    // Their names are the app's, and found by its search path.
    client.batch_execute("set search_path to default").await?;
    let mut probes = Vec::new();
    for statement in statements.iter().filter(|statement| reads(&statement.text)) {
        let both = async {
            let often = filled(client, &statement.text, Held::Often).await?;
            Ok((often, filled(client, &statement.text, Held::Seldom).await?))
        };
        let (often, seldom) = match both.await {
            Ok((Some(often), seldom)) => (often, seldom),
            Ok((None, _)) => continue,
            // The table may be gone, or not this login's to read.
            Err(error) if tokio_postgres::Error::as_db_error(&error).is_some() => continue,
            Err(error) => return Err(error),
        };
        let name = short(&statement.text, 60);
        let probe = |name: String, sql: String| {
            let calls = statement.calls.max(1.0);
            Probe { name, sql, calls, role: None, settings: Vec::new() }
        };
        match seldom.filter(|seldom| *seldom != often) {
            Some(seldom) => {
                probes.push(probe(format!("{name} (a common value)"), often));
                probes.push(probe(format!("{name} (a rare value)"), seldom));
            }
            None => probes.push(probe(name, often)),
        }
    }
    client.batch_execute("set search_path = pg_catalog").await?;
    Ok(probes)
}

/// The statement with values in place of its parameters, if all can be found.
async fn filled(client: &Client, text: &str, held: Held) -> Result<Option<String>, tokio_postgres::Error> {
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
        let Some(value) = value(client, kind, held, (&before, &words)).await? else { return Ok(None) };
        sql.push_str(&text[copied..*at]);
        sql.push_str(&value);
        copied = at + 1 + number.to_string().len();
    }
    sql.push_str(&text[copied..]);
    Ok(Some(sql))
}

/// A literal for a parameter: how many rows a page has, where a recent report begins, or what the column it is compared with
/// holds.
async fn value(
    client: &Client,
    kind: &Type,
    held: Held,
    (before, words): (&[Part<'_>], &[String]),
) -> Result<Option<String>, tokio_postgres::Error> {
    if let Some(bound) = bound(client, kind, before, words).await? {
        return Ok(Some(bound));
    }
    let Some(column) = compared(before) else { return Ok(None) };
    let row = client
        .query_typed_opt(include_str!("value.sql"), &[(&column, Type::TEXT), (&words, Type::TEXT_ARRAY)])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (common, rare): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let value = if held == Held::Often { common } else { rare.or(common) };
    let Some(value) = value else { return Ok(None) };
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
