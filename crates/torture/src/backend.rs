//! A backend as people write them: it asks PostgreSQL directly, answers in JSON, and knows nothing of Courant.
//!
//! Each instance stands behind a TCP proxy of its own, by which it stands still, breaks off and is gone. Between its
//! reads, before its first byte and in the middle of its answer it takes its time: whatever commits meanwhile is
//! not in the answer, and nobody but the log tells.

mod app;
mod pace;
mod pieces;
mod reads;
mod writes;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::proxy::Proxy;
use crate::world::World;
use app::App;
pub(crate) use pace::Haste;
use pace::Pace;
use pieces::Pieces;

/// How Courant is told of it: `proxy.upstream` aside.
pub(crate) const ROUTES: &str = include_str!("backend/routes.toml");

/// One instance. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Backend {
    /// Where it answers without anything in between.
    pub(crate) address: SocketAddr,
    /// Between it and the nodes.
    pub(crate) proxy: Proxy,
    pub(crate) pace: Arc<Pace>,
    _serving: JoinSet<()>,
}

impl Backend {
    /// Answers whoever connects to `listener`; the nodes do so by way of `proxy`.
    pub(crate) fn serve(
        listener: TcpListener,
        proxy: Proxy,
        world: &Arc<World>,
        number: u64,
    ) -> anyhow::Result<Backend> {
        let address = listener.local_addr()?;
        let pace = Arc::new(Pace::new(world.seed, number));
        let app = Arc::new(App::new(Arc::clone(world), Arc::clone(&pace)));
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, app));
        Ok(Backend { address, proxy, pace, _serving: serving })
    }
}

async fn accept(listener: TcpListener, app: Arc<App>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((socket, _)) = listener.accept().await else { continue };
        connections.spawn(converse(socket, Arc::clone(&app)));
    }
}

async fn converse(socket: TcpStream, app: Arc<App>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let app = Arc::clone(&app);
        async move { Ok::<Response<Pieces>, Infallible>(app.answer(request).await) }
    });
    let _ = socket.set_nodelay(true);
    // However a connection ends: who was on it finds out.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}
