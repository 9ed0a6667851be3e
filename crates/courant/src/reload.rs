//! Reads schema and configuration again when it is told to: by `SIGUSR1` and `SIGUSR2`, or by a notification.
//!
//! A schema needs no telling, because it is watched (`changes.rs`); told, it is looked at at once. Requests never wait:
//! each goes on with what stood when it came. A configuration that cannot be used is logged, and nothing changes.

use std::time::Duration;

use pg::connect::ListenError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// Between two attempts at listening: the first, and the longest.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(32);

/// How often something was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// To look at the schema.
    looks: u64,
    /// That the configuration is another.
    pub(crate) configurations: u64,
}

/// Tells whoever watches the schema.
pub(crate) struct Reloads(watch::Sender<Told>);

impl Default for Reloads {
    fn default() -> Reloads {
        Reloads(watch::Sender::new(Told::default()))
    }
}

impl Reloads {
    /// What is told from here on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Told> {
        self.0.subscribe()
    }

    fn look(&self) {
        self.0.send_modify(|told| told.looks += 1);
    }

    fn configured(&self) {
        self.0.send_modify(|told| told.configurations += 1);
    }
}

/// Listens until shutdown.
pub(crate) async fn run(node: &Node, shutdown: &CancellationToken) {
    let heard = async {
        tokio::join!(signals(node), notifications(node));
    };
    tokio::select! {
        () = heard => {}
        () = shutdown.cancelled() => {}
    }
}

async fn signals(node: &Node) {
    let heard = |kind: SignalKind, name: &str| match signal(kind) {
        Ok(signals) => Some(signals),
        Err(error) => {
            tracing::warn!(%error, "{name} will not be heard");
            None
        }
    };
    let mut schema = heard(SignalKind::user_defined1(), "SIGUSR1");
    let mut configuration = heard(SignalKind::user_defined2(), "SIGUSR2");
    loop {
        tokio::select! {
            () = received(&mut schema) => node.reloads.look(),
            () = received(&mut configuration) => reload(node).await,
        }
    }
}

async fn received(signals: &mut Option<Signal>) {
    let received = match signals {
        Some(signals) => signals.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}

async fn notifications(node: &Node) {
    let Some(channel) = &node.config.api.channel else { return };
    let mut retry = RETRY_MIN;
    let mut was_heard = false;
    loop {
        let ended = listen(node, channel, &mut was_heard, &mut retry).await;
        tracing::info!(error = %ended, "notifications on {channel} are not heard for a moment");
        sleep(retry).await;
        retry = (retry * 2).min(RETRY_MAX);
    }
}

/// Does what it is told on the channel, until that ends.
async fn listen(node: &Node, channel: &str, was_heard: &mut bool, retry: &mut Duration) -> ListenError {
    let mut listening = match node.options.listen(channel).await {
        Ok(listening) => listening,
        Err(error) => return error,
    };
    *retry = RETRY_MIN;
    if std::mem::replace(was_heard, true) {
        // What was told in between was told to nobody.
        node.reloads.look();
        reload(node).await;
    }
    loop {
        match listening.next().await {
            Ok(told) if matches!(told.as_str(), "" | "reload schema") => node.reloads.look(),
            Ok(told) if told == "reload config" => reload(node).await,
            Ok(told) => tracing::debug!("what was told on {channel} means nothing here: {told}"),
            Err(error) => return error,
        }
    }
}

/// Reads the configuration again.
async fn reload(node: &Node) {
    match node.reconfigure().await {
        Ok(()) => {
            node.reloads.configured();
            tracing::info!("the configuration was read again");
        }
        Err(error) => tracing::warn!("the configuration stays as it was: {error:#}"),
    }
}
