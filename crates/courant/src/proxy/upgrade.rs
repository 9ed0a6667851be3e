//! Upgrades (WebSocket and others): once the upstream agrees, bytes pass both ways unseen.

use std::time::Instant;

use gateway::forward;
use gateway::http_cache::{Forwarded, Outcome};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Lease;
use super::download::Download;
use super::exchange::{Outgoing, exchange};
use super::passage::Passage;
use super::{Became, Passed, cached};
use crate::response::Body;

/// Asks the upstream to switch, and joins the two connections if it does.
pub(super) async fn pass(
    passage: &Passage,
    body: Incoming,
    client: OnUpgrade,
    protocol: HeaderValue,
) -> Passed {
    let head = || switching(passage.question(), &protocol);
    let outgoing = Outgoing::new(&head, passage.head.method.is_safe()).passing(body, &passage.route);
    let requested = Instant::now();
    let response = exchange(&passage.node, &passage.route, outgoing).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return cached::written(passage, response, requested);
    }
    let (node, outcome) = (&passage.node, Forwarded::because("bypass"));
    let response = switch(response, client, &node.tasks, node.proxy.closing.clone());
    Ok((response, Became::Http(Outcome::Forwarded(outcome))))
}

/// A request's head that asks its upstream to switch.
pub(super) fn switching(mut head: Request<()>, protocol: &HeaderValue) -> Request<()> {
    head.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers_mut().insert(UPGRADE, protocol.clone());
    head
}

/// What the client is answered once the upstream agreed; bytes pass from here on.
pub(super) fn switch(
    mut response: Response<Download>,
    client: OnUpgrade,
    tasks: &TaskTracker,
    closing: CancellationToken,
) -> Response<Body> {
    let protocol = forward::upgrade(response.headers());
    let upstream = hyper::upgrade::on(&mut response);
    let (head, download) = response.into_parts();
    tasks.spawn(tunnel(client, upstream, Download::into_lease(download), closing));
    let mut response = Response::from_parts(head, Body::default());
    forward::response(response.headers_mut(), http::Version::HTTP_11);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        response.headers_mut().insert(UPGRADE, protocol);
    }
    *response.version_mut() = http::Version::default();
    response
}

/// Passes bytes both ways until either side ends, or the node stops. The place among the upstream's connections is
/// taken for as long.
async fn tunnel(client: OnUpgrade, upstream: OnUpgrade, lease: Option<Lease>, closing: CancellationToken) {
    let _place = lease.map(Lease::into_place);
    let passing = async {
        let (client, upstream) = futures_util::try_join!(client, upstream).ok()?;
        copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(upstream)).await.ok()
    };
    tokio::select! {
        _ = passing => {}
        () = closing.cancelled() => {}
    }
}
