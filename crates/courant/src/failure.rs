//! Every way a request can fail, and the one place that turns each into a response.

use http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};

use crate::consistency;
use crate::identity::Refused;
use crate::proxy::Failed;
use crate::response::{self, Body};

/// Seconds after which an overloaded node may be asked again.
const RETRY_AFTER_S: u64 = 1;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It is not a request that can be planned.
    #[error(transparent)]
    Request(#[from] rest::Error),
    /// Its token was not accepted.
    #[error(transparent)]
    Identity(#[from] Refused),
    /// It asks for an answer in words that are not known.
    #[error(transparent)]
    Consistency(#[from] consistency::Unknown),
    /// It would write, and this node serves an open database read-only.
    #[error("this server is read-only: it runs without an anonymous role")]
    ReadOnly,
    /// Its body, headers or address are over the limit.
    #[error("{what} is over the limit of {bytes_max} bytes ({key})")]
    TooLarge { status: StatusCode, what: &'static str, key: &'static str, bytes_max: usize },
    /// Its head is no head of an HTTP/1.1 request, or could be read in two ways.
    #[error("the request cannot be read: {why}")]
    Head { status: StatusCode, why: &'static str },
    /// Its head did not come in time.
    #[error("the request's head did not arrive in time (http.header_timeout_ms)")]
    HeadSlow,
    /// Its body did not come in time.
    #[error("the request's body did not arrive in time (http.body_timeout_ms)")]
    BodySlow,
    /// It is no batch of requests, or one of its parts is none that a batch can hold.
    #[error("{why}")]
    Batch { status: StatusCode, why: String },
    /// Its body ended before it was whole.
    #[error("the request's body could not be read")]
    Body,
    /// More requests than this node takes on at once.
    #[error("too many requests at once")]
    Overloaded,
    /// The database answered with an error, or could not be asked.
    #[error("{source}")]
    Database {
        source: pg::Error,
        /// Whether the request carried no token: then what is forbidden may be a missing login.
        anonymous: bool,
    },
    /// It asks the queue for what there is not.
    #[error("{why}")]
    Job { status: StatusCode, code: &'static str, why: String },
    /// The queue could not do what was asked.
    #[error(transparent)]
    Queue(#[from] queue::QueueError),
    /// A backend did not answer, or could not be passed the request.
    #[error(transparent)]
    Upstream(#[from] Failed),
    /// The database answered in a form that the statement cannot have.
    #[error("the database's answer could not be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// The response, in the shape of PostgREST's errors.
    pub(crate) fn response(&self) -> Response<Body> {
        match self {
            Failure::Request(error) => rest_error(error),
            Failure::Identity(refused) => refused_token(*refused),
            Failure::Consistency(_) => {
                made(StatusCode::BAD_REQUEST, "COURANT_CONSISTENCY", &self.to_string(), None)
            }
            Failure::ReadOnly => made(
                StatusCode::FORBIDDEN,
                "COURANT_READ_ONLY",
                &self.to_string(),
                Some("Set PGRST_DB_ANON_ROLE (or database.anon_role) to a role that may write."),
            ),
            Failure::TooLarge { status, .. } => made(*status, "COURANT_TOO_LARGE", &self.to_string(), None),
            Failure::Head { status, .. } => made(*status, "COURANT_HEAD", &self.to_string(), None),
            Failure::HeadSlow => {
                made(StatusCode::REQUEST_TIMEOUT, "COURANT_HEAD_TIMEOUT", &self.to_string(), None)
            }
            Failure::Body => made(StatusCode::BAD_REQUEST, "PGRST102", &self.to_string(), None),
            Failure::Batch { status, .. } => made(*status, "COURANT_BATCH", &self.to_string(), None),
            Failure::BodySlow => {
                let mut response =
                    made(StatusCode::REQUEST_TIMEOUT, "COURANT_BODY_TIMEOUT", &self.to_string(), None);
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
            Failure::Overloaded => {
                retry(made(StatusCode::SERVICE_UNAVAILABLE, "COURANT_BUSY", &self.to_string(), None))
            }
            Failure::Database { source, anonymous } => database(source, *anonymous),
            Failure::Job { status, code, why } => made(*status, code, why, None),
            Failure::Queue(error) => job(error),
            Failure::Upstream(failed) => upstream(*failed),
            Failure::Unreadable(_) => {
                made(StatusCode::INTERNAL_SERVER_ERROR, "COURANT_ANSWER", &self.to_string(), None)
            }
        }
    }

    /// Whether no connection became free in time.
    pub(crate) fn waited_in_vain(&self) -> bool {
        matches!(self, Failure::Database { source: pg::Error::Busy, .. })
    }

    /// What the log says of it: codes where the message could hold a client's data.
    pub(crate) fn told(&self) -> String {
        match self {
            Failure::Request(error) => error.code().to_owned(),
            Failure::Database { source: pg::Error::Database(error), .. } => error.code.clone(),
            failure => failure.to_string(),
        }
    }
}

fn job(error: &queue::QueueError) -> Response<Body> {
    match error {
        queue::QueueError::Refused(said) => rest_error(&rest::Error::from_database(
            &said.code,
            &said.message,
            said.detail.as_deref(),
            said.hint.as_deref(),
            true,
        )),
        error => retry(made(StatusCode::SERVICE_UNAVAILABLE, "COURANT_QUEUE", &error.to_string(), None)),
    }
}

fn upstream(failed: Failed) -> Response<Body> {
    let (status, code) = failed.status_and_code();
    let mut response = made(status, code, &failed.to_string(), None);
    if failed.is_of_client() {
        // What is left of the body would be taken for the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE { retry(response) } else { response }
}

fn database(error: &pg::Error, anonymous: bool) -> Response<Body> {
    match error {
        pg::Error::Database(error) => rest_error(&rest::Error::from_database(
            &error.code,
            &error.message,
            error.detail.as_deref(),
            error.hint.as_deref(),
            !anonymous,
        )),
        pg::Error::Busy => unreached("PGRST003", "Timed out acquiring connection from connection pool."),
        // The log's line of the request says why.
        _ => unreached("PGRST001", "Database client error. Retrying the connection."),
    }
}

/// The same error without details and hint.
pub(crate) async fn brief(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    // An error's body is in memory.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let Ok(told) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(head, Body::new(body));
    };
    head.headers.remove(CONTENT_LENGTH);
    let body = json!({ "code": told["code"], "message": told["message"] });
    Response::from_parts(head, Body::from(body.to_string()))
}

fn unreached(code: &str, message: &str) -> Response<Body> {
    retry(proxied(made(StatusCode::SERVICE_UNAVAILABLE, code, message, None), code))
}

/// Says the code in `Proxy-Status` (RFC 9209), under the name that clients of PostgREST look for.
fn proxied(mut response: Response<Body>, code: &str) -> Response<Body> {
    // A function can raise any text as a code.
    if let Ok(status) = HeaderValue::try_from(format!("PostgREST; error={code}")) {
        response.headers_mut().insert(PROXY_STATUS, status);
    }
    response
}

fn refused_token(refused: Refused) -> Response<Body> {
    let (status, code) = refused.status_and_code();
    let body = json!({
        "code": code, "details": refused.details(), "hint": null, "message": refused.to_string()
    });
    let mut response = proxied(response::json(status, body.to_string()), code);
    if let Some(challenge) = refused.challenge().and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn rest_error(error: &rest::Error) -> Response<Body> {
    let mut response = response::json(error.status(), error.to_json());
    if error.is_proxied() {
        response = proxied(response, error.code());
    }
    if let Some(reason) = error.reason_phrase().and_then(|text| ReasonPhrase::try_from(text.as_bytes()).ok())
    {
        response.extensions_mut().insert(reason);
    }
    for (name, value) in error.headers() {
        // A function can raise any text as a header; what is none is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    if error.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
    }
    if error.status() == StatusCode::SERVICE_UNAVAILABLE { retry(response) } else { response }
}

fn retry(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    response
}

/// An error that was made here.
pub(crate) fn made(status: StatusCode, code: &str, message: &str, hint: Option<&str>) -> Response<Body> {
    let body = json!({ "code": code, "details": null, "hint": hint, "message": message });
    response::json(status, body.to_string())
}
