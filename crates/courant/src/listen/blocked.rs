//! What is said to somebody who is blocked, before anything is read: one answer, the same for all, and the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

const ANSWER: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 90\r\n\
    connection: close\r\n\r\n{\"code\":\"COURANT_BLOCKED\",\"message\":\"this address is blocked\",\"details\":null,\"hint\":null}\n";
/// How many are waited for until they have read it, and how long; closed at once, their kernels would forget it.
const LINGERING_MAX: usize = 64;
const LINGER_MAX: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 1 << 16;

/// Those who are being told.
pub(super) struct TurnedAway {
    places: Arc<Semaphore>,
}

impl Default for TurnedAway {
    fn default() -> TurnedAway {
        TurnedAway { places: Arc::new(Semaphore::new(LINGERING_MAX)) }
    }
}

impl TurnedAway {
    /// Tells somebody, unless many are being told: then the connection just ends, as it does with TLS, whose handshake
    /// would cost more than the answer is worth.
    pub(super) fn tell(&self, socket: TcpStream, is_tls: bool, tasks: &TaskTracker) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        if is_tls || socket.try_write(ANSWER).is_err() {
            return;
        }
        tasks.spawn(async move {
            let _place = place;
            let socket = socket.into_std().and_then(|socket| {
                socket.shutdown(std::net::Shutdown::Write)?;
                TcpStream::from_std(socket)
            });
            let Ok(socket) = socket else { return };
            let mut rest = socket.take(LINGER_BYTES_MAX);
            let _ = timeout(LINGER_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
