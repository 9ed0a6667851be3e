//! An app's address that jobs are sent to, as addresses are: it answers late, with an error, with what is no HTTP, not to
//! the end, not at all, and now and then nobody listens there.
//!
//! What it does happens at least once: an answer that does not arrive is made up for by another run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{QueueCounts, connect};
use crate::dice::Dice;

/// The longest that it keeps whoever asked without an answer.
const HANG: Duration = Duration::from_secs(20);
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Answers at that address for ever; nobody listens there now and then, until the run is over.
pub(super) async fn serve(at: SocketAddr, uri: String, counts: Arc<QueueCounts>, mut dice: Dice) {
    loop {
        let Ok(listener) = TcpListener::bind(at).await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let listening = Duration::from_millis(500 + dice.roll(5000));
        // What is under way ends with the listener.
        let _ = timeout(listening, accept(&listener, &uri, &mut dice)).await;
        drop(listener);
        if !counts.is_over.load(Ordering::Acquire) {
            let most = if dice.roll(10) == 0 { 10_000 } else { 1000 };
            sleep(Duration::from_millis(dice.roll(most))).await;
        }
    }
}

async fn accept(listener: &TcpListener, uri: &str, dice: &mut Dice) {
    let mut answering = JoinSet::new();
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            let (uri, how) = (uri.to_owned(), dice.roll(20));
            // Whoever asked hears by the connection's end that there is no answer.
            answering.spawn(async move { drop(answer(socket, &uri, how).await) });
        }
        while answering.try_join_next().is_some() {}
    }
}

async fn answer(mut socket: TcpStream, uri: &str, how: u64) -> anyhow::Result<()> {
    let n = request(&mut socket).await?;
    let said: &[u8] = match how {
        0 => {
            sleep(HANG).await;
            return Ok(());
        }
        1 => b"\x16\x03\x01 this is no HTTP\r\n\r\n\0\0",
        2 => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops",
        3 => b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
        _ => {
            connect(uri).await?.execute("insert into effect (n) values ($1)", &[&n]).await?;
            match how {
                // Done, and nobody is told.
                4 => return Ok(()),
                5 => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of",
                _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
            }
        }
    };
    socket.write_all(said).await?;
    Ok(())
}

/// Reads a request: the number of its job.
async fn request(socket: &mut TcpStream) -> anyhow::Result<i64> {
    let mut bytes = Vec::new();
    loop {
        anyhow::ensure!(
            socket.read_buf(&mut bytes).await? > 0 && bytes.len() < REQUEST_BYTES_MAX,
            "no request"
        );
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (head, body) = bytes.split_at(end + 4);
        // Of what is sent, the length is told last: the body is whole once it can be read.
        if head.starts_with(b"POST /jobs ")
            && let Ok(job) = serde_json::from_slice::<Value>(body)
        {
            return job["args"]["n"].as_i64().context("no number");
        }
    }
}
