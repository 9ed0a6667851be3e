//! Why a request was not let in, and what its client is told.

use std::time::Duration;

use gateway::Forged;
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::failure::made;
use crate::response::Body;

/// Why a request was not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Its client is kept out.
    #[error("this address is blocked")]
    Blocked,
    /// Its client asks too often.
    #[error("too many requests: the limit {name} allows another in {} s", .retry_after.as_secs() + 1)]
    Limited { name: Box<str>, retry_after: Duration },
    /// A page of another site may have sent it.
    #[error(transparent)]
    Forged(#[from] Forged),
}

impl Refusal {
    /// The response, in the shape of PostgREST's errors.
    pub(super) fn response(&self) -> Response<Body> {
        let message = self.to_string();
        match self {
            Refusal::Blocked => {
                let mut response = made(StatusCode::FORBIDDEN, "COURANT_BLOCKED", &message, None);
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
            Refusal::Limited { retry_after, .. } => {
                let mut response = made(StatusCode::TOO_MANY_REQUESTS, "COURANT_LIMIT", &message, None);
                let seconds = HeaderValue::from(retry_after.as_secs() + 1);
                response.headers_mut().insert(RETRY_AFTER, seconds);
                response
            }
            Refusal::Forged(_) => made(StatusCode::FORBIDDEN, "COURANT_CSRF", &message, None),
        }
    }
}
