//! A TCP proxy before the server that can watch what a client sends, hold back what the server answers, and
//! alter a statement on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    /// Everything that clients have sent since the last `listen`.
    sent: watch::Sender<Vec<u8>>,
    /// Whether answers are held back.
    hold: watch::Sender<bool>,
    /// Whether `begin` is altered so that it fails.
    spoil_begin: AtomicBool,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            sent: watch::Sender::new(Vec::new()),
            hold: watch::Sender::new(false),
            spoil_begin: AtomicBool::new(false),
        });
        let shared = state.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (from_client, to_client) = client.into_split();
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, shared.clone()));
                tokio::spawn(answer(from_server, to_client, shared.clone()));
            }
        });
        Proxy { port, state }
    }

    /// Forgets what was sent, and holds back every answer from now on.
    pub(crate) fn hold(&self) {
        self.state.sent.send_modify(Vec::clear);
        self.state.hold.send_replace(true);
    }

    /// Waits until clients have sent this.
    pub(crate) async fn has_seen(&self, text: &str) {
        let seen = |sent: &Vec<u8>| sent.windows(text.len()).any(|window| window == text.as_bytes());
        self.state.sent.subscribe().wait_for(seen).await.unwrap();
    }

    pub(crate) fn sent(&self) -> Vec<u8> {
        self.state.sent.borrow().clone()
    }

    pub(crate) fn release(&self) {
        self.state.hold.send_replace(false);
    }

    /// From now on every `begin` is a syntax error.
    pub(crate) fn spoil_begin(&self) {
        self.state.spoil_begin.store(true, Ordering::SeqCst);
    }
}

async fn forward(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, state: Arc<State>) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = client.read(&mut buffer).await {
        let bytes = &mut buffer[..count];
        if state.spoil_begin.load(Ordering::SeqCst)
            && let Some(at) = bytes.windows(6).position(|window| window == b"begin\0")
        {
            bytes[at..at + 5].copy_from_slice(b"bogus");
        }
        state.sent.send_modify(|sent| sent.extend_from_slice(bytes));
        if server.write_all(bytes).await.is_err() {
            break;
        }
    }
    // Either side may have closed already.
    let _ = server.shutdown().await;
}

async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, state: Arc<State>) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = server.read(&mut buffer).await {
        state.hold.subscribe().wait_for(|hold| !hold).await.unwrap();
        if client.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    // Either side may have closed already.
    let _ = client.shutdown().await;
}
