//! Why a request that was to be passed on has no answer of an upstream's.

use http::StatusCode;

use super::upload::Fault;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failed {
    #[error("the upstream cannot be reached")]
    Unreachable,
    #[error("the upstream could not prove who it is, or speaks no TLS (proxy.upstream_ca)")]
    Distrusted,
    #[error("the upstream ended the connection without an answer")]
    Broken,
    #[error("the upstream did not answer in time (timeout_ms)")]
    Slow,
    #[error("all connections to the upstream are in use (proxy.connections_max)")]
    Full,
    #[error("the answer is not in the cache, and nothing else was asked for")]
    NotCached,
    #[error("{0}")]
    Upload(Fault),
}

impl Failed {
    /// The status and the code that a client is told.
    pub(crate) fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Failed::Unreachable => (StatusCode::BAD_GATEWAY, "COURANT_UPSTREAM_UNREACHABLE"),
            Failed::Distrusted => (StatusCode::BAD_GATEWAY, "COURANT_UPSTREAM_TLS"),
            Failed::Broken => (StatusCode::BAD_GATEWAY, "COURANT_UPSTREAM_BROKEN"),
            Failed::Slow => (StatusCode::GATEWAY_TIMEOUT, "COURANT_UPSTREAM_TIMEOUT"),
            Failed::Full => (StatusCode::SERVICE_UNAVAILABLE, "COURANT_UPSTREAM_BUSY"),
            Failed::NotCached => (StatusCode::GATEWAY_TIMEOUT, "COURANT_NOT_CACHED"),
            Failed::Upload(Fault::Long) => (StatusCode::PAYLOAD_TOO_LARGE, "COURANT_TOO_LARGE"),
            Failed::Upload(Fault::Slow) => (StatusCode::REQUEST_TIMEOUT, "COURANT_BODY_TIMEOUT"),
            Failed::Upload(Fault::Broken) => (StatusCode::BAD_REQUEST, "COURANT_BODY"),
        }
    }

    /// Whether the client's body is at fault.
    pub(crate) fn is_of_client(self) -> bool {
        matches!(self, Failed::Upload(_))
    }

    /// Whether the upstream is at fault, so that a kept answer may stand in (RFC 5861).
    pub(super) fn is_of_upstream(self) -> bool {
        match self {
            Failed::Unreachable | Failed::Distrusted | Failed::Broken | Failed::Slow | Failed::Full => true,
            Failed::NotCached | Failed::Upload(_) => false,
        }
    }
}
