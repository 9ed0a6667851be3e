//! Settings that the database keeps for roles and functions, as a transaction takes them on.
//!
//! PostgreSQL applies a role's settings to a login and a function's while it runs; who becomes the role by `set role`
//! gets neither.

use crate::session::Isolation;

/// The setting that no transaction can be given once it has begun.
const ISOLATION: &str = "default_transaction_isolation";

/// What a transaction is given of a role or a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptSettings {
    /// By name, each once.
    pub settings: Vec<(String, String)>,
    /// The level of `default_transaction_isolation`.
    pub isolation: Option<Isolation>,
}

impl KeptSettings {
    /// Adds a setting, or replaces it.
    pub(super) fn put(&mut self, name: String, value: String) {
        if name == ISOLATION {
            self.isolation = value.parse().ok();
            return;
        }
        match self.settings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => self.settings.push((name, value)),
        }
    }

    /// Of `pg_proc.proconfig`: `name=value` each.
    pub(super) fn of_function(entries: &[String]) -> KeptSettings {
        let mut settings = KeptSettings::default();
        for (name, value) in entries.iter().filter_map(|entry| entry.split_once('=')) {
            settings.put(name.to_owned(), value.to_owned());
        }
        settings
    }

    /// Those alone that are in this list, and the isolation level whether it is or not: it can hold for nothing less than
    /// the transaction.
    pub fn only(&self, names: &[String]) -> KeptSettings {
        let is_listed = |name: &str| names.iter().any(|listed| listed == name);
        let listed = self.settings.iter().filter(|(name, _)| is_listed(name));
        KeptSettings { settings: listed.cloned().collect(), isolation: self.isolation }
    }
}
