//! Why an examination or a treatment cannot go on.

/// Why the doctor cannot go on. A single check that fails is no error: the report says what it lacks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server is older than the catalogs that are read.
    #[error("PostgreSQL {0} is too old: the doctor needs 13 or later")]
    TooOld(String),
    /// A role that was named does not exist.
    #[error("there is no role {0}: name roles as they are in pg_roles")]
    NoRole(String),
    /// The database failed.
    #[error("the database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: tokio_postgres::Error,
    },
    /// The ledger could not be made.
    #[error("the ledger cannot be kept in the schema courant")]
    Ledger(#[from] pg::schema::SchemaError),
    /// Another doctor is at work in this database.
    #[error("another doctor is at work in this database: let it finish, and try again")]
    Busy,
    /// A standby cannot be treated.
    #[error("this server is a standby: apply to its primary")]
    Standby,
    /// A lock did not come free.
    #[error(
        "{object} could not be locked in {tries} tries: end the transactions that hold it, and try again"
    )]
    Locked {
        /// What was to be changed.
        object: String,
        /// How often it was tried.
        tries: u32,
    },
    /// Nothing in the report bears that name.
    #[error("no finding is called {0}: the report shows their names")]
    NoFinding(String),
}

impl Error {
    /// Says what was being done when the database failed.
    pub(crate) fn database(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> Error {
        move |source| Error::Database { doing, source }
    }
}
