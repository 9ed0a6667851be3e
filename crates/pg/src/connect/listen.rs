//! Listening: what others tell on a channel (`NOTIFY`), as it comes.
//!
//! Takes a connection of its own, because a channel is heard by a session. Never interprets what is said.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio_postgres::{AsyncMessage, Client};

use super::login::Driver;
use super::{ConnectError, ConnectOptions};

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused to listen (a standby does), or the connection ended.
    #[error("the channel is not heard")]
    Refused(#[from] tokio_postgres::Error),
    /// The server closed the connection.
    #[error("the connection was closed")]
    Closed,
}

/// A session that listens; dropped, it is closed.
pub struct Listening {
    /// The session ends with its client.
    _client: Client,
    driver: Driver,
}

impl ConnectOptions {
    /// Connects and listens on a channel.
    pub async fn listen(&self, channel: &str) -> Result<Listening, ListenError> {
        let ((client, mut driver), _) = self.establish::<(Client, Driver)>().await?;
        let listen = format!("listen {}", crate::identifier(channel));
        {
            let mut asked = pin!(client.batch_execute(&listen));
            // The connection moves only while it is polled; what is said before the answer is not for us yet.
            poll_fn(|context| {
                if let Poll::Ready(answered) = asked.as_mut().poll(context) {
                    return Poll::Ready(answered.map_err(ListenError::from));
                }
                loop {
                    match driver.poll_message(context) {
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                        Poll::Ready(None) => return Poll::Ready(Err(ListenError::Closed)),
                        Poll::Pending => break,
                    }
                }
                asked.as_mut().poll(context).map_err(ListenError::from)
            })
            .await?;
        }
        Ok(Listening { _client: client, driver })
    }
}

impl Listening {
    /// The next payload.
    pub async fn next(&mut self) -> Result<String, ListenError> {
        loop {
            match poll_fn(|context| self.driver.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(told))) => return Ok(told.payload().to_owned()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(ListenError::Closed),
            }
        }
    }
}
