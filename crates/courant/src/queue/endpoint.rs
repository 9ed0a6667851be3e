//! Sends a job to an app's own address, and reads from its answer how that went.
//!
//! The request is a `POST` of JSON with the headers of Standard Webhooks: `webhook-id` (the job and its attempt),
//! `webhook-timestamp`, and where there is a secret `webhook-signature`, `v1,` and the HMAC-SHA256 of the three parts in
//! base64. A connection for each job; redirects are not followed. What each status means stands in `docs/queue.md`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use queue::{Claimed, Outcome};
use tokio::net::TcpStream;

use crate::config::Secret;

/// Of an answer's body, what is read, and what is kept of it as the error.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const ERROR_BYTES_MAX: usize = 500;
/// The longest that an answer may put its job off.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Where jobs are sent.
pub(super) struct Endpoint {
    address: (String, u16),
    authority: String,
    target: String,
    key: Option<hmac::Key>,
}

impl Endpoint {
    pub(super) fn new(url: &Uri, secret: Option<&Secret>) -> Endpoint {
        let host = url.host().unwrap_or_default();
        Endpoint {
            address: (host.trim_matches(['[', ']']).to_owned(), url.port_u16().unwrap_or(80)),
            authority: url.authority().map_or_else(|| host.to_owned(), ToString::to_string),
            target: url.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            key: secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())),
        }
    }

    /// Sends a job. Whoever calls bounds the time.
    pub(super) async fn send(&self, job: &Claimed) -> Outcome {
        match self.exchange(job).await {
            Ok(response) => {
                outcome(response.status(), response.headers(), response.body(), SystemTime::now())
            }
            Err(error) => Outcome::Failed { error: format!("{error:#}"), after: None },
        }
    }

    async fn exchange(&self, job: &Claimed) -> anyhow::Result<Response<Bytes>> {
        let (host, port) = (self.address.0.as_str(), self.address.1);
        let connected = TcpStream::connect((host, port)).await;
        let socket = connected.with_context(|| format!("cannot connect to {}", self.authority))?;
        socket.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let asked = async {
            let response = sender.send_request(self.request(job)?).await.context("no answer")?;
            let (head, body) = response.into_parts();
            // What is more than that, nobody reads; the status says it all.
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            anyhow::Ok(Response::from_parts(head, body))
        };
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => answer,
            // It has ended; the answer, or that there is none, is already here.
            _ = connection => asked.await,
        }
    }

    fn request(&self, job: &Claimed) -> anyhow::Result<Request<Full<Bytes>>> {
        let id = format!("job-{}-{}", job.run.id, job.run.attempt);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        let body = job.json();
        let mut request = Request::post(&self.target)
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("courant/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &at);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", signature(key, &id, &at, &body));
        }
        Ok(request.body(Full::from(body))?)
    }
}

fn signature(key: &hmac::Key, id: &str, at: &str, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

/// What an answer says of a job.
fn outcome(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Outcome {
    if status.is_success() {
        return Outcome::Completed;
    }
    let text = String::from_utf8_lossy(body);
    let text = &text[..text.floor_char_boundary(ERROR_BYTES_MAX)];
    let error = format!("it answered {status}: {text}").trim_end_matches([' ', ':']).to_owned();
    let is_passing = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::LOCKED
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
    );
    if status.is_client_error() && !is_passing {
        return Outcome::Discarded { error };
    }
    Outcome::Failed { error, after: retry_after(headers, now) }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(after.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn said(status: u16, retry_after: &'static str) -> Outcome {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        }
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        outcome(StatusCode::from_u16(status).unwrap(), &headers, b"why", now)
    }

    #[test]
    fn a_status_says_whether_to_try_again_and_when() {
        let failed = |error: &str, after: Option<u64>| Outcome::Failed {
            error: error.to_owned(),
            after: after.map(Duration::from_secs),
        };
        assert_eq!(said(204, ""), Outcome::Completed);
        assert_eq!(said(503, "120"), failed("it answered 503 Service Unavailable: why", Some(120)));
        assert_eq!(said(429, "Sun, 06 Nov 1994 08:50:37 GMT").word(), "failed");
        assert_eq!(
            said(500, "Sun, 06 Nov 1994 08:50:37 GMT"),
            failed("it answered 500 Internal Server Error: why", Some(60))
        );
        assert_eq!(said(500, "soon"), failed("it answered 500 Internal Server Error: why", None));
        assert_eq!(said(302, ""), failed("it answered 302 Found: why", None));
        assert_eq!(
            said(503, "99999999999"),
            failed("it answered 503 Service Unavailable: why", Some(30 * 86_400))
        );
        for status in [400, 401, 404, 410, 422] {
            assert_eq!(said(status, "").word(), "discarded", "{status}");
        }
    }

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        // The example of https://www.standardwebhooks.com, with its key as it is before base64.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
