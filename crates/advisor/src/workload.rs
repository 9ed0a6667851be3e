//! The workload: statements, how often each is called, and by which role.
//!
//! Read from a file of SQL, where comments before a statement say more of it (`-- calls: 120`, `-- role: web`,
//! `-- name: open orders`), or of JSON: `[{"query": …, "calls": …, "role": …, "name": …}]`. Statements may have
//! parameters (`$1`), as pg_stat_statements writes them: they are planned for any value.

mod split;

use serde_json::Value;

use crate::AdviceError;

/// Statements in a workload.
const STATEMENTS_MAX: usize = 10_000;
/// Bytes of a workload's file.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a comment may begin with that says how often a statement is called.
const CALLS: [&str; 2] = ["calls:", "weight:"];

/// One statement of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is called in reports.
    pub name: String,
    /// Its text, without the semicolon.
    pub text: String,
    /// How often it is called, relative to the others.
    pub calls: f64,
    /// The role that calls it, where row-level security is to count.
    pub role: Option<String>,
    /// The highest parameter in it.
    parameters: usize,
}

/// The statements that indexes are to be found for.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// In the order of the file.
    pub statements: Vec<Statement>,
}

impl Statement {
    /// A statement that is called so often.
    pub fn new(name: String, text: String, calls: f64, role: Option<String>) -> Statement {
        let parameters = split::parameters(&text);
        Statement { name, text, calls, role, parameters }
    }

    /// The commands that ask for its plan, which is the last row that they return.
    pub(crate) fn explain(&self, verbose: bool) -> String {
        let verbose = if verbose { "verbose, " } else { "" };
        let Statement { text, .. } = self;
        // A comment at the end of the text must not swallow what follows it.
        if self.parameters == 0 {
            return format!("explain ({verbose}format json) {text}\n");
        }
        let nulls = vec!["null"; self.parameters].join(", ");
        format!(
            "deallocate all; set plan_cache_mode = force_generic_plan; prepare courant_statement as {text}\n; \
             explain ({verbose}format json) execute courant_statement({nulls})"
        )
    }

    /// Whether it is one that has a plan.
    fn can_be_planned(&self) -> bool {
        let text = split::without_comments(&self.text);
        let word: String = text
            .trim_start_matches(|c: char| c.is_whitespace() || c == '(')
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .collect();
        ["select", "with", "insert", "update", "delete", "merge", "values", "table"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    }
}

impl Workload {
    /// Reads a workload's file, SQL or JSON.
    pub fn parse(text: &str) -> Result<Workload, AdviceError> {
        if text.len() > BYTES_MAX {
            return Err(AdviceError::Workload(format!("it has more than {BYTES_MAX} bytes")));
        }
        let mut statements = match text.trim_start().starts_with(['[', '{']) {
            true => from_json(text)?,
            false => from_sql(text)?,
        };
        statements.retain(Statement::can_be_planned);
        if statements.is_empty() {
            return Err(AdviceError::Workload("there is no statement in it that has a plan".to_owned()));
        }
        if statements.len() > STATEMENTS_MAX {
            return Err(AdviceError::Workload(format!("it has more than {STATEMENTS_MAX} statements")));
        }
        Ok(Workload { statements })
    }
}

fn from_sql(text: &str) -> Result<Vec<Statement>, AdviceError> {
    let mut statements = Vec::new();
    for (number, piece) in (1..).zip(split::statements(text)) {
        let (mut name, mut calls, mut role) = (None, 1.0, None);
        for comment in &piece.comments {
            if let Some(value) = CALLS.iter().find_map(|word| comment.strip_prefix(word)) {
                calls = weight(value.trim())?;
            } else if let Some(value) = comment.strip_prefix("role:") {
                role = Some(value.trim().to_owned());
            } else if let Some(value) = comment.strip_prefix("name:") {
                name = Some(value.trim().to_owned());
            }
        }
        let name = name.unwrap_or_else(|| format!("statement {number}"));
        statements.push(Statement::new(name, piece.text.to_owned(), calls, role));
    }
    Ok(statements)
}

fn from_json(text: &str) -> Result<Vec<Statement>, AdviceError> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| AdviceError::Workload(error.to_string()))?;
    let list = value.as_array().or_else(|| value.get("statements")?.as_array());
    let list = list.ok_or_else(|| AdviceError::Workload("expected a JSON array of statements".to_owned()))?;
    (1..)
        .zip(list)
        .map(|(number, item)| {
            let own = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
            let query = own("query").or_else(|| item.as_str().map(str::to_owned));
            let query = query.ok_or_else(|| {
                AdviceError::Workload(format!("entry {number} has no text under \"query\""))
            })?;
            let pieces = split::statements(&query);
            let [single] = &pieces[..] else {
                return Err(AdviceError::Workload(format!("entry {number} is not one statement")));
            };
            let calls = match item.get("calls") {
                Some(calls) => weight(&calls.to_string())?,
                None => 1.0,
            };
            let name = own("name").unwrap_or_else(|| format!("statement {number}"));
            Ok(Statement::new(name, single.text.to_owned(), calls, own("role")))
        })
        .collect()
}

fn weight(text: &str) -> Result<f64, AdviceError> {
    let weight = text.parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0);
    weight.ok_or_else(|| AdviceError::Workload(format!("{text:?} is not how often something is called")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_before_a_statement_say_how_often_and_by_whom_it_is_called() {
        let text = "-- name: lists\n-- calls: 12.5\n-- role: web\nselect ';' from t -- not; here\n;\nselect $$;$$, $2;";
        let statements = Workload::parse(text).unwrap().statements;
        assert_eq!(statements.len(), 2);
        assert_eq!(statements[0].name, "lists");
        assert_eq!(statements[0].calls, 12.5);
        assert_eq!(statements[0].role.as_deref(), Some("web"));
        assert_eq!(statements[1].parameters, 2);
        assert_eq!(statements[1].calls, 1.0);
    }

    #[test]
    fn json_is_read_and_what_is_not_one_statement_is_refused() {
        let read = |text: &str| Workload::parse(text).map(|workload| workload.statements);
        let statements = read(r#"[{"query": "select 1", "calls": 3}, "select 2;"]"#).unwrap();
        assert_eq!((statements.len(), statements[0].calls), (2, 3.0));
        for bad in [
            r#"[{"query": "select 1; drop table t"}]"#,
            r#"[{"calls": 1}]"#,
            "[",
            r#"[{"query":"select 1","calls":-1}]"#,
        ] {
            assert!(matches!(read(bad), Err(AdviceError::Workload(_))), "{bad}");
        }
    }

    #[test]
    fn statements_without_a_plan_are_passed_over() {
        let statements = Workload::parse("begin; (select 1); set x = 1; commit; /* a */ delete from t")
            .unwrap()
            .statements;
        assert_eq!(statements.len(), 2);
        assert!(Workload::parse("vacuum; begin").is_err());
    }
}
