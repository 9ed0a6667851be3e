//! What came together is taken together, also when no more may come.

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// The next things of a channel, at most so many. Once `drained` is cancelled nothing more is let in, and what is in is
/// handed out still; an empty batch is the end.
pub(crate) async fn next<T>(receiver: &mut Receiver<T>, most: usize, drained: &CancellationToken) -> Vec<T> {
    let mut batch = Vec::new();
    tokio::select! {
        _ = receiver.recv_many(&mut batch, most) => {}
        () = drained.cancelled() => {
            receiver.close();
            receiver.recv_many(&mut batch, most).await;
        }
    }
    batch
}
