//! Passing on and nothing else: no route, no cache, no database. For whoever only watches (`courant init`).
//!
//! A short body of a request is held until it is whole, so that the watcher can tell requests apart by it; longer
//! ones and all answers pass as they come.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use gateway::forward;
use gateway::route::Pattern;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::{Outgoing, ask};
use super::failed::Failed;
use super::passage::{self, passing};
use super::upload::{Fault, Progress, Upload};
use super::{Route, Upstreams, upgrade};
use crate::config::Config;
use crate::listen::Visit;
use crate::response::Body;
use crate::telemetry::Telemetry;

/// A body that is held to be looked at.
const SHORT_BYTES_MAX: u64 = 64 << 10;

/// A way to one backend.
pub(crate) struct Plain {
    route: Route,
    telemetry: Telemetry,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// What came of a request.
pub(crate) struct Relayed {
    pub(crate) response: Response<Body>,
    /// The request's body, where it is short; none where it passed by.
    pub(crate) sent: Option<Bytes>,
}

impl Plain {
    /// To the upstream of the configuration. Tunnels end with `closing`.
    pub(crate) fn new(config: &Config, tasks: &TaskTracker, closing: &CancellationToken) -> Result<Plain> {
        let refined = config.proxy.fallback.clone().context("--upstream names no backend")?;
        let known = Upstreams::new(&config.proxy, tasks)?;
        let found = refined.upstreams.iter().filter_map(|address| known.at(address)).collect();
        let route = Route::new(Pattern::everything(), &refined, found);
        let (telemetry, closing) = (Telemetry::new(&config.log), closing.clone());
        Ok(Plain { route, telemetry, tasks: tasks.clone(), closing })
    }

    /// Passes a request on.
    pub(crate) async fn pass(&self, mut request: Request<Incoming>, visit: Visit) -> Result<Relayed, Failed> {
        let client = hyper::upgrade::on(&mut request);
        let (mut head, body) = request.into_parts();
        passage::settle(&mut head);
        if let Some(protocol) = forward::upgrade(&head.headers) {
            let response = self.switch(&head, body, client, protocol, visit).await?;
            return Ok(Relayed { response, sent: None });
        }
        let (upload, progress, sent) = self.upload(&head.headers, body).await?;
        let question = || question(&head, visit);
        let outgoing = Outgoing { upload, progress, ..Outgoing::new(&question, head.method.is_safe()) };
        let response = ask(&self.telemetry, &self.route, outgoing).await?;
        Ok(Relayed { response: passing(response), sent })
    }

    /// Closes what is open to the backend.
    pub(crate) fn close(&self) {
        self.route.upstreams.iter().for_each(|upstream| upstream.close());
    }

    async fn switch(
        &self,
        head: &Parts,
        body: Incoming,
        client: OnUpgrade,
        protocol: HeaderValue,
        visit: Visit,
    ) -> Result<Response<Body>, Failed> {
        let question = || upgrade::switching(question(head, visit), &protocol);
        let outgoing = Outgoing::new(&question, head.method.is_safe()).passing(body, &self.route);
        let response = ask(&self.telemetry, &self.route, outgoing).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(passing(response));
        }
        Ok(upgrade::switch(response, client, &self.tasks, self.closing.clone()))
    }

    async fn upload(
        &self,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<(Upload, Arc<Progress>, Option<Bytes>), Failed> {
        if body.is_end_stream() {
            return Ok((Upload::nothing(), Progress::done(), Some(Bytes::new())));
        }
        // In chunks nobody knows how much it will be, nor whether the answer begins before it ends.
        let is_short = headers.contains_key(CONTENT_LENGTH) && body.size_hint().lower() <= SHORT_BYTES_MAX;
        if !is_short {
            let (upload, progress) =
                Upload::passing(body, self.route.body_bytes_max, self.route.idle_timeout);
            return Ok((upload, progress, None));
        }
        match timeout(self.route.idle_timeout, body.collect()).await {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                Ok((Upload::whole(body.clone()), Progress::done(), Some(body)))
            }
            Ok(Err(_)) => Err(Failed::Upload(Fault::Broken)),
            Err(_) => Err(Failed::Upload(Fault::Slow)),
        }
    }
}

/// The request as the backend is sent it, without its body.
fn question(head: &Parts, visit: Visit) -> Request<()> {
    let hop = passage::hop(visit, |_| false);
    passage::question(head, &hop, &forward::origin(&head.headers, &hop))
}
