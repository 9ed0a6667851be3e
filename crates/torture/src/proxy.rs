//! The network between a node and PostgreSQL: a TCP proxy that passes, delays, withholds, or cuts.
//!
//! Never looks at what it carries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It works.
    Fair,
    /// Whatever is sent arrives this much later.
    Slow(Duration),
    /// Nothing arrives, and nobody is told.
    Lost,
    /// Nothing arrives from the server; what is sent to it does.
    Deaf,
    /// Nobody can connect.
    Closed,
}

/// The proxy. Dropping it closes every connection.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    server: AtomicU16,
    weather: watch::Sender<Weather>,
    /// Counts the cuts: a connection ends when it changes.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> anyhow::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            server: AtomicU16::new(server),
            weather: watch::Sender::new(Weather::Fair),
            cuts: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Proxy { port, shared, _tasks: tasks })
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Closes every connection there is.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on, new connections go to another server.
    pub(crate) fn lead_to(&self, server: u16) {
        self.shared.server.store(server, SeqCst);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else { continue };
        if *shared.weather.borrow() != Weather::Closed {
            connections.spawn(carry(client, Arc::clone(&shared)));
        }
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server.load(SeqCst))).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(from_client, to_server, &shared, false) => {}
        () = forward(from_server, to_client, &shared, true) => {}
        _ = cuts.changed() => {}
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, answers: bool) {
    let mut weather = shared.weather.subscribe();
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let passes = |now: &Weather| *now != Weather::Lost && !(answers && *now == Weather::Deaf);
        let Ok(now) = weather.wait_for(passes).await.map(|now| *now) else { return };
        if let Weather::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
