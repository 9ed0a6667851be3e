//! Asks upstreams how they are, so that one that is back is used at once, and one that is gone is left out before a
//! request finds out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use gateway::upstream::Failure;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::connections::Upstream;
use super::exchange::{back, note};
use crate::node::Node;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Checks all upstreams again and again; at the end, closes what is open to them.
pub(crate) async fn run(node: Arc<Node>, shutdown: CancellationToken) {
    let proxy = &node.proxy;
    let mut ticks = interval(node.config.proxy.health_interval);
    while !proxy.upstreams.is_empty() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.cancelled() => break,
        }
        let checks =
            proxy.upstreams.iter().map(|upstream| check(upstream, node.config.proxy.health_path.as_ref()));
        tokio::select! {
            _ = join_all(checks) => {}
            () = shutdown.cancelled() => break,
        }
    }
    proxy.closing.cancel();
    proxy.upstreams.iter().for_each(|upstream| upstream.close());
}

async fn check(upstream: &Arc<Upstream>, path: Option<&PathAndQuery>) {
    upstream.prune(Instant::now());
    let Some(path) = path else {
        return match timeout(PATIENCE, upstream.connect()).await {
            // That it can be connected to says nothing of how it answers.
            Ok(Ok(_)) if upstream.condition.reached() => back(upstream),
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => note(upstream, Err(Failure::Unreachable)),
        };
    };
    let is_well = timeout(PATIENCE, asks(upstream, path)).await.unwrap_or(false);
    note(upstream, if is_well { Ok(()) } else { Err(Failure::Unwell) });
}

/// Whether it answers a GET with a success, on a connection of its own.
async fn asks(upstream: &Upstream, path: &PathAndQuery) -> bool {
    let Ok(socket) = upstream.connect().await else { return false };
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(socket)).await else { return false };
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = Uri::from(path.clone());
    if let Ok(host) = HeaderValue::try_from(upstream.address.authority()) {
        request.headers_mut().insert(HOST, host);
    }
    tokio::select! {
        answered = sender.send_request(request) => answered.is_ok_and(|answer| answer.status().is_success()),
        _ = connection => false,
    }
}
