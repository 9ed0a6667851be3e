//! How a change stream ends, named by what its owner can do about it.

use std::io;
use std::time::Duration;

use pg::wire::WireError;
use pg::{DatabaseError, RelationId};

/// Why there is no stream, or no longer one. After any of them the [`crate::Stream`] is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server said no. The code tells what to change: `28P01` the password, `42501` the right to
    /// replicate, `53300` and `53400` the number of connections, WAL senders or slots, `55000` the
    /// setting `wal_level`, `42704` the publication, `57P03` nothing but patience.
    #[error("the server refused replication: {message} (SQLSTATE {code})")]
    Refused {
        /// The SQLSTATE.
        code: String,
        /// The server's primary message.
        message: String,
    },
    /// No way to log in that both sides have: a password is missing, or the method is unknown.
    #[error("no login for replication: {0}")]
    Authentication(String),
    /// The connection ended: the network, a shutdown, an administrator. Worth another try.
    #[error("the replication connection ended: {reason}")]
    Closed {
        /// What was seen of it.
        reason: String,
        /// The socket's own error, if it had one.
        source: Option<io::Error>,
    },
    /// Nothing was heard for longer than the option `silence_max` allows. Worth another try.
    #[error("the server has been silent for {0:?}")]
    Silent(Duration),
    /// The server sent what it may not send at that point of the conversation.
    #[error("the server broke the replication protocol: {0}")]
    Protocol(String),
    /// The change stream does not make sense: nothing that was kept by it may be trusted.
    #[error("cannot decode the change stream")]
    Decode(#[from] DecodeError),
}

impl Error {
    pub(crate) fn protocol(source: io::Error) -> Error {
        Error::Protocol(source.to_string())
    }
}

/// Class 57P is an operator's intervention (`pg_terminate_backend`, shutdown, crash): an end, not a refusal,
/// except while the server is starting up and cannot take us yet.
impl From<WireError> for Error {
    fn from(error: WireError) -> Error {
        match error {
            WireError::Refused(refusal) => {
                let DatabaseError { code, message, .. } = *refusal;
                if code.starts_with("57P") && code != "57P03" {
                    return Error::Closed { reason: message, source: None };
                }
                Error::Refused { code, message }
            }
            WireError::Closed { reason, source } => Error::Closed { reason, source },
            WireError::Protocol(what) => Error::Protocol(what),
            error => Error::Authentication(error.to_string()),
        }
    }
}

/// What is wrong with the change stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A message ends before its content does.
    #[error("a message ends too early")]
    Truncated,
    /// A message goes on after its content.
    #[error("a message has {0} bytes too many")]
    Trailing(usize),
    /// A message of a kind that protocol version 2 does not have.
    #[error("unknown message {:?}", char::from(*.0))]
    Message(u8),
    /// A part of a tuple or a row change that protocol version 2 does not have.
    #[error("unknown kind of value or tuple {:?}", char::from(*.0))]
    Kind(u8),
    /// A value in binary format, which was not asked for.
    #[error("a value in binary format")]
    Binary,
    /// A name that is not UTF-8.
    #[error("a name that is not UTF-8")]
    Name,
    /// A message that cannot come at this point, such as a commit without a beginning.
    #[error("message {:?} out of place", char::from(*.0))]
    OutOfPlace(u8),
    /// A streamed transaction that was never begun.
    #[error("streamed transaction {0} was never begun")]
    UnknownTransaction(u32),
    /// A row of a relation that was never described.
    #[error("relation {} was never described", .0.0)]
    UnknownRelation(RelationId),
    /// A row that has not as many values as its relation has columns.
    #[error("a row of relation {} has not one value per column", .0.0)]
    Width(RelationId),
    /// More relations described than are remembered.
    #[error("more than {0} relations described")]
    TooManyRelations(usize),
}
