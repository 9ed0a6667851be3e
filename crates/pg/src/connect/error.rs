//! Why there is no connection, and what to change. Never contains a password.

use std::path::PathBuf;
use std::time::Duration;

use crate::DatabaseError;

/// Why a connection could not be described or made; each message is one line that says what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection string, or a variable that stands in for it, is wrong.
    #[error("{0}")]
    Invalid(String),
    /// It asks for something that libpq has and this does not.
    #[error("{0}")]
    Unsupported(String),
    /// A certificate or key file is missing or unusable.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Nobody answered there.
    #[error("cannot reach {target}: {source}; check host and port, and that PostgreSQL listens there")]
    Unreachable {
        /// Where.
        target: String,
        /// What the network said.
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("{target} did not answer within {} s; check the address, or raise connect_timeout", after.as_secs_f32())]
    Timeout {
        /// Where.
        target: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server has TLS switched off.
    #[error("{target} does not offer TLS; switch on ssl there, or set sslmode=prefer")]
    TlsNotOffered {
        /// Where.
        target: String,
    },
    /// The TLS handshake failed; most often, the certificate is not trusted.
    #[error("TLS with {target} failed: {source}; check sslrootcert, the host name and sslmode")]
    Tls {
        /// Where.
        target: String,
        /// What the TLS library said.
        source: std::io::Error,
    },
    /// The server asked for a password and none is known.
    #[error("{target} asks for a password; set PGPASSWORD, or add a line to the password file")]
    PasswordMissing {
        /// Where.
        target: String,
    },
    /// The server refused.
    #[error("{target} refused: {source}")]
    Refused {
        /// Where.
        target: String,
        /// What it said.
        source: Box<DatabaseError>,
    },
    /// The server is not of the wanted kind.
    #[error("{target} is not what target_session_attrs={wanted} asks for")]
    Session {
        /// Where.
        target: String,
        /// The value of `target_session_attrs`.
        wanted: &'static str,
    },
    /// The server spoke otherwise than PostgreSQL does.
    #[error("{target} did not complete the login: {source}; check that it is PostgreSQL")]
    Protocol {
        /// Where.
        target: String,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Every one of several hosts failed.
    #[error("no host accepted the connection: {}", join(.0))]
    Several(Vec<ConnectError>),
}

impl ConnectError {
    /// One error for the failures of all hosts.
    pub(super) fn of(mut failures: Vec<ConnectError>) -> ConnectError {
        // With and without TLS, a server often says the same.
        failures.dedup_by_key(|failure| failure.to_string());
        match failures.len() {
            0 => ConnectError::Invalid("the connection string names no host".to_owned()),
            1 => failures.remove(0),
            _ => ConnectError::Several(failures),
        }
    }

    /// Whether trying the next host is pointless, as libpq sees it: this one answered and said no.
    pub(super) fn is_final(&self) -> bool {
        match self {
            // 57P03: it is starting up or shutting down.
            ConnectError::Refused { source, .. } => source.code != "57P03",
            ConnectError::PasswordMissing { .. } | ConnectError::Protocol { .. } => true,
            ConnectError::Several(failures) => failures.iter().any(ConnectError::is_final),
            _ => false,
        }
    }
}

fn join(failures: &[ConnectError]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
