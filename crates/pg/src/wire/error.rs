//! How a session on the wire fails.

use std::io;

use crate::DatabaseError;

/// Why there is no answer, or no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The server said no. Unless it closes the session as well, it is ready for the next command.
    #[error("{0}")]
    Refused(#[source] Box<DatabaseError>),
    /// The server asks for a password, and none is known.
    #[error("the server asks for a password, none is set")]
    PasswordMissing,
    /// No way to log in that both sides have, or the server could not prove who it is.
    #[error("cannot log in: {0}")]
    Authentication(String),
    /// The session has ended.
    #[error("the connection ended: {reason}")]
    Closed {
        /// What was seen of it.
        reason: String,
        /// The socket's own error, if it had one.
        source: Option<io::Error>,
    },
    /// The server sent what it may not send at that point of the conversation.
    #[error("the protocol was not kept: {0}")]
    Protocol(String),
}

impl WireError {
    pub(crate) fn closed(source: io::Error) -> WireError {
        WireError::Closed { reason: source.to_string(), source: Some(source) }
    }

    /// What `postgres-protocol` says of bytes that are no message.
    pub fn protocol(source: io::Error) -> WireError {
        WireError::Protocol(source.to_string())
    }
}
