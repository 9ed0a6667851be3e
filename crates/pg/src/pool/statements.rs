//! The statements that one connection has prepared, the least recently used of which go first.
//!
//! By role as well as by text: PostgreSQL checks the right to use a schema when it parses, so a statement
//! that one role had parsed must not serve another that may not name its tables.

use foldhash::HashMap;
use tokio_postgres::Statement;

/// What one session of PostgreSQL is asked to remember; each costs it some 10 to 100 kB.
const STATEMENTS_MAX: usize = 256;

#[derive(Default)]
pub(crate) struct Statements {
    by_role: HashMap<String, HashMap<String, Entry>>,
    count: usize,
    clock: u64,
    age: u64,
}

struct Entry {
    statement: Statement,
    used: u64,
}

impl Statements {
    /// Forgets all of them if they are of another age.
    pub(crate) fn of_age(&mut self, age: u64) {
        if self.age != age {
            *self = Statements { age, ..Statements::default() };
        }
    }

    /// The statement, if it has been prepared; no role is the login's.
    pub(crate) fn get(&mut self, role: Option<&str>, sql: &str) -> Option<Statement> {
        let entry = self.by_role.get_mut(role.unwrap_or_default())?.get_mut(sql)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(entry.statement.clone())
    }

    /// Remembers a statement, and forgets another where there are too many.
    pub(crate) fn put(&mut self, role: Option<&str>, sql: &str, statement: Statement) {
        if self.count >= STATEMENTS_MAX {
            self.forget_one();
        }
        self.clock += 1;
        let entry = Entry { statement, used: self.clock };
        let of_role = self.by_role.entry(role.unwrap_or_default().to_owned()).or_default();
        if of_role.insert(sql.to_owned(), entry).is_none() {
            self.count += 1;
        }
    }

    fn forget_one(&mut self) {
        let all = self
            .by_role
            .iter()
            .flat_map(|(role, of_role)| of_role.iter().map(move |(sql, entry)| (entry.used, role, sql)));
        let Some((_, role, sql)) = all.min() else { return };
        let (role, sql) = (role.clone(), sql.clone());
        if let Some(of_role) = self.by_role.get_mut(&role) {
            // Dropping it has the server deallocate it.
            of_role.remove(&sql);
            self.count -= 1;
            if of_role.is_empty() {
                self.by_role.remove(&role);
            }
        }
    }
}
