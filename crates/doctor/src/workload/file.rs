//! A workload file: statements with their values, as `psql` would take them, each under lines that say as whom it runs.
//!
//! ```sql
//! -- name: a dispatcher's calls
//! -- calls: 1200
//! -- role: authenticated
//! -- set: request.jwt.claims = {"sub": "…"}
//! select * from calls order by created_at desc limit 20;
//! ```
//!
//! Never runs anything. Statements that do not read are left out where they are used, not here.

use serde::{Deserialize, Serialize};

use super::text::{Part, parts};

/// The largest file that is read.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most statements that are read.
const STATEMENTS_MAX: usize = 5000;

/// A statement to measure by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What it is called in reports.
    pub name: String,
    /// Its text, without parameters.
    pub sql: String,
    /// How often it runs, in relation to the others.
    pub calls: f64,
    /// The role it runs as.
    pub role: Option<String>,
    /// Settings it runs under.
    pub settings: Vec<(String, String)>,
}

/// Why a workload file cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is too long.
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// It has too many statements.
    #[error("it has more than {STATEMENTS_MAX} statements")]
    TooMany,
    /// A header line is wrong.
    #[error("line \"{0}\": {1}")]
    Header(String, &'static str),
    /// A statement has a parameter, for which there is no value.
    #[error("\"{0}\" has the parameter $1: write a value in its place")]
    Parameter(String),
    /// There is nothing in it.
    #[error("it holds no statement")]
    Empty,
}

/// Reads a workload file.
pub fn parse(text: &str) -> Result<Vec<Probe>, FileError> {
    if text.len() > BYTES_MAX {
        return Err(FileError::TooLong);
    }
    let mut probes = Vec::new();
    for statement in split(text) {
        let probe = read(statement, probes.len() + 1)?;
        probes.extend(probe);
        if probes.len() > STATEMENTS_MAX {
            return Err(FileError::TooMany);
        }
    }
    if probes.is_empty() { Err(FileError::Empty) } else { Ok(probes) }
}

/// At the semicolons that are none of a literal's, an identifier's or a comment's.
fn split(text: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut start = 0;
    for (at, part) in parts(text) {
        if part == Part::Symbol(";") {
            statements.push(&text[start..at]);
            start = at + 1;
        }
    }
    statements.push(&text[start..]);
    statements
}

fn read(statement: &str, number: usize) -> Result<Option<Probe>, FileError> {
    let mut probe = Probe {
        name: format!("statement {number}"),
        sql: String::new(),
        calls: 1.0,
        role: None,
        settings: Vec::new(),
    };
    let mut rest = statement.trim_start();
    while let Some(comment) = rest.strip_prefix("--") {
        let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
        header(&mut probe, line.trim())?;
        rest = after.trim_start();
    }
    probe.sql = rest.trim().to_owned();
    if let Some((_, Part::Parameter(_))) =
        parts(&probe.sql).find(|(_, part)| matches!(part, Part::Parameter(_)))
    {
        return Err(FileError::Parameter(probe.name));
    }
    Ok((!probe.sql.is_empty()).then_some(probe))
}

fn header(probe: &mut Probe, line: &str) -> Result<(), FileError> {
    let wrong = |why| FileError::Header(line.to_owned(), why);
    // Whatever else stands in a comment is for people.
    let Some((key, value)) = line.split_once(':') else { return Ok(()) };
    let value = value.trim();
    match key.trim() {
        "name" => value.clone_into(&mut probe.name),
        "role" => probe.role = Some(value.to_owned()),
        "calls" => {
            let calls = value.parse::<f64>().ok().filter(|calls| calls.is_finite() && *calls >= 0.0);
            probe.calls = calls.ok_or_else(|| wrong("calls is a number"))?;
        }
        "set" => {
            let (name, value) = value.split_once('=').ok_or_else(|| wrong("expected set: name = value"))?;
            probe.settings.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_with_what_stands_above_them() {
        let text = "-- A file; with remarks.\n\n-- name: calls\n-- calls: 12\n-- role: app\n-- set: a.b = {\"c\": 1}\n\
                    select ';' from \"a;b\" /* ; */ where c = $$;$$;\n\nselect 2";
        let probes = parse(text).unwrap();
        assert_eq!(probes.len(), 2);
        assert_eq!(probes[0].name, "calls");
        assert_eq!((probes[0].calls, probes[0].role.as_deref()), (12.0, Some("app")));
        assert_eq!(probes[0].settings, [("a.b".to_owned(), "{\"c\": 1}".to_owned())]);
        assert_eq!(probes[0].sql, "select ';' from \"a;b\" /* ; */ where c = $$;$$");
        assert_eq!((probes[1].name.as_str(), probes[1].sql.as_str()), ("statement 2", "select 2"));
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        assert_eq!(parse("  -- nothing\n"), Err(FileError::Empty));
        assert!(matches!(parse("select * from t where a = $1"), Err(FileError::Parameter(_))));
        assert!(matches!(parse("-- calls: many\nselect 1"), Err(FileError::Header(..))));
    }
}
