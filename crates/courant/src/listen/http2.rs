//! HTTP/2 on a connection, within bounds: streams, heads, resets, and how long a client may let answers wait.
//!
//! hyper frames; what it leaves to its users is done here: heads are judged as those of HTTP/1.1 are, cookies are put
//! together, and idle or deaf clients are cut.

mod pulse;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use http::header::{CONTENT_LENGTH, COOKIE, HOST, TE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_util::task::TaskTracker;

use super::authority::is_authority;
use super::judgement::{HEADERS_MAX, malformed, refused};
use super::patient::Patient;
use super::{Visit, Visitor};
use crate::failure::Failure;
use crate::response::Body;
use crate::telemetry::guard::Refused;
use pulse::{Pulse, Verdict};

/// How a client begins that speaks HTTP/2 without being asked.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a client may send of a body before somebody reads it, in a stream and in all of them.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// What may wait for a client in a stream.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// How long the answer to a ping may take that shows whether a client is there.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a connection is looked after.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// Whether a client without TLS begins with HTTP/2. Takes nothing from the socket.
pub(super) async fn begins(socket: &TcpStream, within: Duration) -> Result<bool> {
    let mut begin = [0; PREFACE.len()];
    let deciding = async {
        loop {
            let seen = socket.peek(&mut begin).await?;
            if seen == 0 || seen == PREFACE.len() || !PREFACE.starts_with(&begin[..seen]) {
                return anyhow::Ok(seen == PREFACE.len() && begin == PREFACE);
            }
            // What is there already would be reported again at once.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(within, deciding).await?
}

/// Serves one connection until it ends, is idle, or is cut.
pub(super) async fn serve<S, F, A>(visitor: Visitor, socket: S, watcher: Watcher, answer: F) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>, Visit) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let (visit, bounds, limits) = (visitor.visit, visitor.bounds, visitor.entrance.http2);
    let shutdown = visitor.shutdown.clone();
    let pulse = Arc::new(Pulse::new(limits.resets_max));
    let mut builder = Builder::new(Tracked(visitor.tasks.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_pending_accept_reset_streams(limits.resets_max)
        .max_local_error_reset_streams(limits.resets_max)
        .max_header_list_size(u32::try_from(bounds.header_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(bounds.idle_timeout)
        .keep_alive_timeout(PING_TIMEOUT);
    let beating = Arc::clone(&pulse);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let stream = beating.begin();
        let judged = judge(&mut request);
        if let Err(failure) = &judged {
            visitor.refused(Refused::Head, failure);
        }
        let answer = answer.clone();
        async move {
            let response = match judged {
                Ok(()) => answer(request, visit).await,
                Err(failure) => failure.response(),
            };
            Ok::<_, Infallible>(response.map(|body| stream.carry(body)))
        }
    });
    let socket = TokioIo::new(Patient::new(socket, bounds.write_timeout));
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut looks = interval((bounds.idle_timeout.min(bounds.write_timeout) / 4).min(LOOK_INTERVAL_MAX));
    let mut leaving = None;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                drop(watcher);
                return Ok(ended?);
            }
            _ = looks.tick() => match pulse.verdict(bounds.idle_timeout, bounds.write_timeout) {
                Verdict::Lives => {}
                Verdict::Idle => {
                    connection.as_mut().graceful_shutdown();
                    let since = *leaving.get_or_insert_with(Instant::now);
                    if since.elapsed() >= bounds.write_timeout {
                        bail!("the client of an idle connection did not leave");
                    }
                }
                Verdict::Deaf => bail!("the client took nothing of an answer in time (http.write_timeout_ms)"),
            },
            () = pulse.restless() => bail!("the client takes too many requests back (http2.resets_max)"),
            () = shutdown.cancelled(), if leaving.is_none() => {
                connection.as_mut().graceful_shutdown();
                leaving = Some(Instant::now());
            }
        }
    }
}

/// The rules for heads that HTTP/2 leaves open, and the form in which HTTP/1.1 would have said the same.
fn judge<B>(request: &mut Request<B>) -> Result<(), Failure> {
    if request.method() == Method::CONNECT {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "this is no proxy"));
    }
    if request.headers().len() > HEADERS_MAX {
        return Err(refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "it has more than 100 headers"));
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let path = request.uri().path();
    if !(target.starts_with('/') || target == "*" && request.method() == Method::OPTIONS)
        || path.contains('\\')
    {
        return Err(malformed("its target has no form of RFC 9112"));
    }
    let named = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(malformed("it has more than one Host"));
    }
    match (&named, host) {
        (Some(named), Some(host)) if !host.as_bytes().eq_ignore_ascii_case(named.as_bytes()) => {
            return Err(malformed("its :authority and its Host name different hosts"));
        }
        (None, None) => return Err(malformed("it has no :authority")),
        _ => {}
    }
    let authority = named.as_ref().map(String::as_bytes).or(host.map(HeaderValue::as_bytes));
    if !authority.is_some_and(is_authority) {
        return Err(malformed("its :authority is no host"));
    }
    if request.headers().get_all(TE).iter().any(|value| value != "trailers") {
        return Err(malformed("its TE is not trailers"));
    }
    if request.headers().get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err(malformed("it has more than one Content-Length"));
    }
    let surrounded = |value: &HeaderValue| value.as_bytes().trim_ascii().len() != value.len();
    if request.headers().values().any(surrounded) {
        return Err(malformed("a header's value begins or ends with a blank"));
    }
    if let Some(named) = named.and_then(|named| HeaderValue::try_from(named).ok()) {
        request.headers_mut().entry(HOST).or_insert(named);
    }
    join_cookies(request);
    Ok(())
}

/// RFC 9113, section 8.2.3: cookies may come in crumbs, which only HTTP/2 knows.
fn join_cookies<B>(request: &mut Request<B>) {
    let crumbs: Vec<&[u8]> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]));
        request.headers_mut().insert(COOKIE, joined.expect("values put together by plain text are a value"));
    }
}

/// Streams are tasks of their own, which the node waits for.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<T> Executor<T> for Tracked
where
    T: Future + Send + 'static,
    T::Output: Send,
{
    fn execute(&self, task: T) {
        self.0.spawn(task);
    }
}

#[cfg(test)]
mod tests;
