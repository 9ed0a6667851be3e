//! What can go wrong between here and the database, named by what the caller can do about it.

use std::fmt;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

use tokio_postgres::error::Severity;

use crate::connect::ConnectError;
use crate::wire::WireError;

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection became free in time, or too many were waiting for one. Try again later.
    #[error("all database connections are in use")]
    Busy,
    /// The pool was closed: the process is about to end.
    #[error("the connection pool is closed")]
    Closing,
    /// No connection could be made. Try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<ConnectError>),
    /// The connection was lost while in use. Whether a write was committed is not known.
    #[error("the connection to the database was lost")]
    Lost(#[source] WireError),
    /// The database refused, and said why.
    #[error("{0}")]
    Database(#[source] Box<DatabaseError>),
    /// The statement returned no row, or more than one, where exactly one is expected.
    #[error("the statement did not return exactly one row")]
    RowCount,
    /// The statement's parameters are not as many as it has, or the server's answer makes no sense.
    #[error("the database protocol was not kept: {0}")]
    Protocol(#[source] WireError),
}

impl Error {
    /// The `SQLSTATE`, where the database gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Database(error) => Some(&error.code),
            _ => None,
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        Error::Unavailable(Box::new(error))
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Error {
        match error {
            WireError::Refused(refusal) => match &*refusal.code {
                // Shut down, crashed or terminated under us: the connection is gone with it. A function can raise any
                // code; only what is fatal ends the connection.
                "57P01" | "57P02" | "57P03" | "57P05" if refusal.fatal => {
                    Error::Lost(WireError::Refused(refusal))
                }
                // Protocol violation: more or fewer parameters than the statement has.
                "08P01" => Error::Protocol(WireError::Refused(refusal)),
                _ => Error::Database(refusal),
            },
            error @ WireError::Closed { .. } => Error::Lost(error),
            error => Error::Protocol(error),
        }
    }
}

/// What the database said, field by field
/// (<https://www.postgresql.org/docs/current/protocol-error-fields.html>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseError {
    /// The `SQLSTATE`: five characters.
    pub code: String,
    /// Whether it ended the session; a function may raise any code without that.
    pub fatal: bool,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the code of the database's functions it arose.
    pub context: Option<String>,
    /// The schema of the relation concerned.
    pub schema: Option<String>,
    /// The relation concerned.
    pub table: Option<String>,
    /// The column concerned.
    pub column: Option<String>,
    /// The constraint that was violated.
    pub constraint: Option<String>,
    /// The server's function that reported it; unlike the message, never translated.
    pub routine: Option<String>,
}

impl DatabaseError {
    /// Reads an ErrorResponse or a NoticeResponse.
    pub(crate) fn read(mut fields: ErrorFields<'_>) -> DatabaseError {
        let mut read = DatabaseError::default();
        // A field that cannot be read ends them: what stands before it is still worth telling.
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'V' => read.fatal = matches!(text.as_str(), "FATAL" | "PANIC"),
                b'C' => read.code = text,
                b'M' => read.message = text,
                b'D' => read.detail = Some(text),
                b'H' => read.hint = Some(text),
                b'W' => read.context = Some(text),
                b's' => read.schema = Some(text),
                b't' => read.table = Some(text),
                b'c' => read.column = Some(text),
                b'n' => read.constraint = Some(text),
                b'R' => read.routine = Some(text),
                _ => {}
            }
        }
        read
    }

    /// Whether a statement prepared earlier no longer exists or no longer fits the schema.
    pub(crate) fn is_stale_plan(&self) -> bool {
        self.code == "26000"
            || self.code == "0A000" && self.routine.as_deref() == Some("RevalidateCachedQuery")
    }
}

impl std::error::Error for DatabaseError {}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl From<&tokio_postgres::error::DbError> for DatabaseError {
    fn from(error: &tokio_postgres::error::DbError) -> DatabaseError {
        let own = |text: Option<&str>| text.map(str::to_owned);
        DatabaseError {
            code: error.code().code().to_owned(),
            fatal: matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic)),
            message: error.message().to_owned(),
            detail: own(error.detail()),
            hint: own(error.hint()),
            context: own(error.where_()),
            schema: own(error.schema()),
            table: own(error.table()),
            column: own(error.column()),
            constraint: own(error.constraint()),
            routine: own(error.routine()),
        }
    }
}
