//! The statements that one connection has prepared, the least recently used of which go first.
//!
//! By role as well as by text: PostgreSQL checks the right to use a schema when it parses, so a statement
//! that one role had parsed must not serve another that may not name its tables.

use std::sync::Arc;

use foldhash::HashMap;

use crate::row::Column;

/// What one session of PostgreSQL is asked to remember; each costs it some 10 to 100 kB.
const STATEMENTS_MAX: usize = 256;

/// A statement that the server has prepared under a name.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) name: Arc<str>,
    pub(crate) columns: Arc<[Column]>,
}

#[derive(Default)]
pub(crate) struct Statements {
    by_role: HashMap<String, HashMap<String, Entry>>,
    count: usize,
    clock: u64,
    age: u64,
    /// Names given so far.
    named: u64,
    /// Names that the server may still know, and that nobody uses any more.
    unused: Vec<Arc<str>>,
}

struct Entry {
    prepared: Prepared,
    used: u64,
}

impl Statements {
    /// Forgets all of them if they are of another age.
    pub(crate) fn of_age(&mut self, age: u64) {
        if self.age != age {
            let all = self.by_role.drain().flat_map(|(_, of_role)| of_role.into_values());
            self.unused.extend(all.map(|entry| entry.prepared.name));
            self.count = 0;
            self.age = age;
        }
    }

    /// The statement, if it has been prepared; no role is the login's.
    pub(crate) fn get(&mut self, role: Option<&str>, sql: &str) -> Option<Prepared> {
        let entry = self.by_role.get_mut(role.unwrap_or_default())?.get_mut(sql)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(entry.prepared.clone())
    }

    /// A name that no statement has had.
    pub(crate) fn name(&mut self) -> Arc<str> {
        self.named += 1;
        format!("s{}", self.named).into()
    }

    /// Remembers a statement, and forgets another where there are too many.
    pub(crate) fn put(&mut self, role: Option<&str>, sql: &str, prepared: Prepared) {
        if self.count >= STATEMENTS_MAX {
            self.forget_one();
        }
        self.clock += 1;
        let entry = Entry { prepared, used: self.clock };
        let of_role = self.by_role.entry(role.unwrap_or_default().to_owned()).or_default();
        match of_role.insert(sql.to_owned(), entry) {
            Some(before) => self.unused.push(before.prepared.name),
            None => self.count += 1,
        }
    }

    /// Has a name closed that nobody will use, whether or not the server knows it.
    pub(crate) fn disuse(&mut self, name: Arc<str>) {
        self.unused.push(name);
    }

    /// The names to be closed; the caller closes them.
    pub(crate) fn unused(&mut self) -> impl Iterator<Item = Arc<str>> {
        self.unused.drain(..)
    }

    fn forget_one(&mut self) {
        let all = self
            .by_role
            .iter()
            .flat_map(|(role, of_role)| of_role.iter().map(move |(sql, entry)| (entry.used, role, sql)));
        let Some((_, role, sql)) = all.min() else { return };
        let (role, sql) = (role.clone(), sql.clone());
        if let Some(of_role) = self.by_role.get_mut(&role) {
            let forgotten = of_role.remove(&sql);
            self.unused.extend(forgotten.map(|entry| entry.prepared.name));
            self.count -= 1;
            if of_role.is_empty() {
                self.by_role.remove(&role);
            }
        }
    }
}
