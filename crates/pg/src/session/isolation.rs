//! How far a transaction is isolated from others, as `default_transaction_isolation` spells it.

use std::str::FromStr;

use super::Mode;

/// A transaction's isolation level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// The level is not one of PostgreSQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such isolation level")]
pub struct UnknownIsolation;

impl FromStr for Isolation {
    type Err = UnknownIsolation;

    fn from_str(text: &str) -> Result<Isolation, UnknownIsolation> {
        match text.to_ascii_lowercase().as_str() {
            // PostgreSQL reads the former as the latter.
            "read uncommitted" | "read committed" => Ok(Isolation::ReadCommitted),
            "repeatable read" => Ok(Isolation::RepeatableRead),
            "serializable" => Ok(Isolation::Serializable),
            _ => Err(UnknownIsolation),
        }
    }
}

impl Isolation {
    /// The statement that begins such a transaction. It must be the first: the level cannot be changed once the
    /// transaction has looked at anything, which to set a setting by `set_config` is.
    pub(super) fn begin(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Isolation::ReadCommitted, Mode::ReadOnly) => "begin isolation level read committed, read only",
            (Isolation::ReadCommitted, Mode::ReadWrite) => "begin isolation level read committed",
            (Isolation::RepeatableRead, Mode::ReadOnly) => "begin isolation level repeatable read, read only",
            (Isolation::RepeatableRead, Mode::ReadWrite) => "begin isolation level repeatable read",
            (Isolation::Serializable, Mode::ReadOnly) => "begin isolation level serializable, read only",
            (Isolation::Serializable, Mode::ReadWrite) => "begin isolation level serializable",
        }
    }
}
