//! The workload's statements with values in them: what is replayed, and what the doctor is given to measure by.
//!
//! Reads the values that the draws name; never sends what it makes.

use std::collections::HashMap;
use std::fmt::Write as _;

use tokio_postgres::Client;

use crate::Error;
use crate::demo::{DEMO_USERS, DemoUser};
use crate::workload::{draws, statements};

/// Each statement gets so many sets of values, one for each of these users. They are of one organization.
const ACTING: &[DemoUser] = DEMO_USERS.first_chunk::<2>().expect("there are more").as_slice();

/// A statement of the workload with values in it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name, unique among what is asked.
    pub name: String,
    /// The role it is sent as.
    pub role: &'static str,
    /// The setting `request.jwt.claims`.
    pub claims: String,
    /// Its text, without parameters.
    pub sql: String,
    /// How often it is sent.
    pub calls: u32,
}

/// The statements as often as they are sent in this share of an hour, at least once each. Values are those of the acting
/// user's own organization. The connection must pass row-level security.
pub async fn asked(client: &Client, share_of_hour: f64) -> Result<Vec<Asked>, Error> {
    let mut values: HashMap<&str, Vec<String>> = HashMap::new();
    for draw in draws() {
        for row in client.query(draw.sql, &[]).await? {
            let (of, value): (Option<&str>, String) = (row.get(0), row.get(1));
            if of.is_none_or(|org| org == ACTING[0].org_id) {
                values.entry(draw.name).or_default().push(value);
            }
        }
    }
    let mut asked = Vec::new();
    for statement in statements() {
        let calls = ((f64::from(statement.frequency_per_hour) * share_of_hour) as usize).max(1);
        let ways = calls.min(ACTING.len());
        for (way, user) in ACTING.iter().enumerate().take(ways) {
            let mut sql = statement.sql.to_owned();
            // From the last one on: $1 is also the beginning of $10.
            for (place, name) in statement.parameters.iter().enumerate().rev() {
                let drawn = &values[name];
                // A prime number of places apart.
                let value = drawn[(way * 7919) % drawn.len()].replace('\'', "''");
                sql = sql.replace(&format!("${}", place + 1), &format!("'{value}'"));
            }
            asked.push(Asked {
                name: format!("{} {way}", statement.name),
                role: statement.role,
                claims: format!(r#"{{"role": "{}", "sub": "{}"}}"#, statement.role, user.sub),
                sql,
                calls: u32::try_from(calls / ways).unwrap_or(u32::MAX),
            });
        }
    }
    Ok(asked)
}

/// The same as a file that `courant doctor --workload` reads.
pub fn workload_file(asked: &[Asked]) -> String {
    let mut text = String::new();
    for Asked { name, role, claims, sql, calls } in asked {
        let _ = write!(
            text,
            "-- name: {name}\n-- calls: {calls}\n-- role: {role}\n-- set: request.jwt.claims = {claims}\n{sql};\n\n"
        );
    }
    text
}
