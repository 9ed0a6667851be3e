//! One request under watch: passed on as it is, its answer looked at on the way.
//!
//! What is looked at is never held back or changed: the answer's bytes go through a digest and on to the client.

use std::hash::{DefaultHasher, Hasher as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::Notify;

use super::journal::{Exchange, Form, Journal};
use super::who;
use crate::failure::Failure;
use crate::listen::Visit;
use crate::proxy::{Plain, Relayed};
use crate::response::{Body, Cut};

/// Of `Cache-Control`, as much as anybody says.
const CONTROL_BYTES_MAX: usize = 120;

/// What watches.
pub(super) struct Watch {
    pub(super) plain: Plain,
    pub(super) journal: Arc<Journal>,
    /// Told when a request begins and when it ends.
    pub(super) stirred: Arc<Notify>,
}

/// Passes a request on and writes down what came of it, once its answer has ended.
pub(super) async fn answer(watch: Arc<Watch>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    let journal = &watch.journal;
    let began = journal.now();
    let head = request.uri().clone();
    let (method, headers) = (request.method().clone(), request.headers().clone());
    watch.stirred.notify_one();
    let relayed = watch.plain.pass(request, visit).await;
    let (response, sent) = match relayed {
        Ok(Relayed { response, sent }) => (response, sent),
        Err(failed) => (Failure::from(failed).response(), None),
    };
    let request = sent.map(|sent| {
        let negotiated: Vec<u8> = who::NEGOTIATED
            .iter()
            .flat_map(|name| {
                headers.get_all(name).iter().flat_map(|value| value.as_bytes().iter().copied().chain([0]))
            })
            .collect();
        let method = if method == http::Method::HEAD { "HEAD" } else { method.as_str() };
        let query = head.query().unwrap_or_default();
        journal.digest(&[method.as_bytes(), head.path().as_bytes(), query.as_bytes(), &sent, &negotiated])
    });
    let exchange = Exchange {
        method,
        path: head.path().into(),
        request,
        who: who::of(&headers, journal),
        began,
        ended: began,
        status: response.status(),
        answer: None,
        bytes: 0,
        sets_cookie: response.headers().contains_key(SET_COOKIE),
        cache_control: control(response.headers()),
        form: form(&response),
    };
    let mut hasher = journal.hasher();
    hasher.write_u16(response.status().as_u16());
    let seen = Sight { exchange: Some(exchange), hasher, watch: Arc::clone(&watch) };
    response.map(|body| Body::passing(Watched { body, seen }))
}

fn form(response: &Response<Body>) -> Form {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Form::Tunnel;
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_stream = kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
    if is_stream { Form::Stream } else { Form::Whole }
}

fn control(headers: &HeaderMap) -> Option<Box<str>> {
    let said = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let is_plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
    Some(said.chars().filter(is_plain).take(CONTROL_BYTES_MAX).collect::<String>().into())
}

/// An answer that is looked at as it passes.
struct Watched {
    body: Body,
    seen: Sight,
}

/// What was seen of it so far; written down at its end, or when the client goes.
struct Sight {
    exchange: Option<Exchange>,
    hasher: DefaultHasher,
    watch: Arc<Watch>,
}

impl Sight {
    fn piece(&mut self, data: &[u8]) {
        self.hasher.write(data);
        if let Some(exchange) = &mut self.exchange {
            exchange.bytes += data.len() as u64;
        }
    }

    fn end(&mut self, is_whole: bool) {
        let Some(mut exchange) = self.exchange.take() else { return };
        exchange.ended = self.watch.journal.now();
        // 304 says that the client has the answer, and not which.
        let says_all =
            is_whole && exchange.form == Form::Whole && exchange.status != StatusCode::NOT_MODIFIED;
        exchange.answer = says_all.then(|| self.hasher.finish());
        self.watch.journal.write(exchange);
        self.watch.stirred.notify_one();
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.seen.piece(data);
                }
                // Whoever reads may not ask again once it knows that this was all.
                if this.body.is_end_stream() {
                    this.seen.end(true);
                }
            }
            Poll::Ready(None) => this.seen.end(true),
            Poll::Ready(Some(Err(_))) => this.seen.end(false),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        // Before its end is written down, it has not ended.
        self.seen.exchange.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
