//! The workload's files, and their reading: statements with frequencies, and the draws that give parameters.
//!
//! Reads only what is compiled in, so a mistake in a file is a mistake of this crate's. The format is described in
//! the example's README. Never sends anything: that is the work of whoever measures.

/// The pages as request scripts, as JSON.
pub const PAGES: &str = include_str!("../workload/pages.json");

const STATEMENTS: &str = include_str!("../workload/statements.sql");
const DRAWS: &str = include_str!("../workload/draws.sql");

/// A statement that a page sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name, unique among the statements.
    pub name: &'static str,
    /// How many times an hour it is sent.
    pub frequency_per_hour: u32,
    /// The page that sends it, as in [`PAGES`].
    pub page: &'static str,
    /// The role it is sent as.
    pub role: &'static str,
    /// For `$1`, `$2`…, the names of the draws that give their values.
    pub parameters: Vec<&'static str>,
    /// Its text.
    pub sql: &'static str,
}

/// A query whose rows are the values that a parameter may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Its name.
    pub name: &'static str,
    /// Returns `org_id` (null: fit for everybody) and `value`, both text; to be run past row-level security.
    pub sql: &'static str,
}

/// The statements that the pages send.
pub fn statements() -> Vec<Statement> {
    entries(STATEMENTS)
        .map(|entry| {
            let frequency = entry.header("frequency").expect("every statement has a frequency");
            let frequency = frequency.strip_suffix(" per hour").expect("frequencies are per hour");
            let parameters = entry.header("parameters").unwrap_or_default();
            Statement {
                name: entry.name,
                frequency_per_hour: frequency.parse().expect("frequencies are whole numbers"),
                page: entry.header("page").expect("every statement has a page"),
                role: entry.header("role").expect("every statement has a role"),
                parameters: parameters.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
                sql: entry.sql,
            }
        })
        .collect()
}

/// Where parameters of statements and placeholders of pages take their values from.
pub fn draws() -> Vec<Draw> {
    entries(DRAWS).map(|entry| Draw { name: entry.name, sql: entry.sql }).collect()
}

/// A named part of a file: header lines `-- key: value`, then SQL up to the next name.
struct Entry {
    name: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    sql: &'static str,
}

impl Entry {
    fn header(&self, key: &str) -> Option<&'static str> {
        self.headers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

fn entries(file: &'static str) -> impl Iterator<Item = Entry> {
    // What precedes the first name describes the file.
    file.split("\n-- name: ").skip(1).map(|part| {
        let (name, mut rest) = part.split_once('\n').expect("a name is followed by its SQL");
        let mut headers = Vec::new();
        while let Some((key, value)) = header_line(rest) {
            headers.push((key, value));
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        }
        // What follows the statement introduces the next part of the file.
        let (sql, _) = rest.rsplit_once(';').expect("every statement ends with a semicolon");
        Entry { name: name.trim(), headers, sql: sql.trim() }
    })
}

fn header_line(text: &'static str) -> Option<(&'static str, &'static str)> {
    let line = text.lines().next()?.strip_prefix("-- ")?;
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}
