//! Why a request's token was not accepted, in PostgREST's words and codes.
//!
//! <https://docs.postgrest.org/en/stable/references/errors.html#group-3-jwt>

use http::StatusCode;

/// Why a request's token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("Anonymous access is disabled")]
    AnonymousDisabled,
    #[error("Server lacks JWT secret")]
    NoSecret,
    #[error("Empty JWT is sent in Authorization header")]
    Empty,
    #[error("Expected 3 parts in JWT; got {0}")]
    Parts(usize),
    /// It is not in base64, or its header is none.
    #[error("JWT cryptographic operation failed")]
    Unreadable,
    #[error("Wrong or unsupported encoding algorithm")]
    Unsecured,
    /// No key is of its kind or has its name.
    #[error("No suitable key or wrong key type")]
    NoKey,
    /// The keys that could have signed it did not.
    #[error("No suitable key or wrong key type")]
    Signature,
    #[error("{0}")]
    Claims(&'static str),
}

impl Refused {
    /// The response's status and PostgREST's code.
    pub(crate) fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Refused::AnonymousDisabled => (StatusCode::UNAUTHORIZED, "PGRST302"),
            Refused::NoSecret => (StatusCode::INTERNAL_SERVER_ERROR, "PGRST300"),
            Refused::Claims(_) => (StatusCode::UNAUTHORIZED, "PGRST303"),
            Refused::Empty
            | Refused::Parts(_)
            | Refused::Unreadable
            | Refused::Unsecured
            | Refused::NoKey
            | Refused::Signature => (StatusCode::UNAUTHORIZED, "PGRST301"),
        }
    }

    /// What else is said of it.
    pub(crate) fn details(self) -> Option<&'static str> {
        match self {
            Refused::Unsecured => Some("JWT is unsecured but expected 'alg' was not 'none'"),
            Refused::NoKey => Some("No suitable key was found to decode the JWT"),
            Refused::Signature => Some("None of the keys was able to decode the JWT"),
            _ => None,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750, section 3), where the client may try again.
    pub(crate) fn challenge(self) -> Option<String> {
        match self {
            Refused::NoSecret => None,
            Refused::AnonymousDisabled => Some("Bearer".to_owned()),
            _ => Some(format!("Bearer error=\"invalid_token\", error_description=\"{self}\"")),
        }
    }
}
