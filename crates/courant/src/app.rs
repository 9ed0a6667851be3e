//! Runs a node: starts every part, owns every task, orders the shutdown.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, Secret};
use crate::listen::tls::Tls;
use crate::listen::{self, Bounds, Entrance, Visit, descriptors};
use crate::node::{self, Node};
use crate::recall::Asking;
use crate::{admin, audit, changes, embedded, guard, log, proxy, queue, reload, webhook};

/// How often answers whose time is over are looked for, and how many are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
const SWEEP_ENTRIES: usize = 1000;

/// Serves the configured database, or a private one, until told to stop.
pub(crate) async fn serve(mut config: Config) -> Result<()> {
    let _pending = log::start(&config.log)?;
    let mut private = None;
    if config.database.url.is_none() {
        let cluster = embedded::start().await?;
        tracing::info!("no database is named: serving a private one; psql: {}", cluster.psql("postgres"));
        config.database.url = Some(Secret::new(cluster.uri("postgres")));
        private = Some(cluster);
    }
    let served = async {
        let node = Node::build(config).await?;
        run(node, signalled(), |_, _| ()).await
    }
    .await;
    if let Some(mut cluster) = private {
        cluster.stop();
    }
    served
}

/// Removes every trace of Courant from the configured database.
pub(crate) async fn uninstall(config: Config) -> Result<()> {
    let options = node::options(&config)?;
    let (client, connection) = options.connect().await.with_context(|| format!("cannot reach {options}"))?;
    let removing = async {
        let removed = pg::schema::uninstall(&client, &config.stream.publication).await?;
        let traces = [
            (removed.publication, "the publication"),
            (removed.event_triggers, "the event triggers"),
            (removed.schema, "the schema courant"),
            (removed.audit_role, "the role courant_audit"),
        ];
        for (_, what) in traces.iter().filter(|(was_there, _)| *was_there) {
            println!("removed {what}");
        }
        if let Some(why) = &removed.audit_role_stays {
            println!("the role courant_audit stays: {why}");
        }
        if traces.iter().all(|(was_there, _)| !was_there) {
            println!("nothing of Courant is in {options}");
        }
        anyhow::Ok(())
    };
    tokio::select! {
        removed = removing => removed,
        ended = connection => bail!("the connection ended: {ended:?}"),
    }
}

/// Resolves when the process is told to stop.
pub(crate) async fn signalled() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM will not be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Serves until `stop` resolves, then drains: no new connections, requests finish, tasks end. `greet` is told
/// where it listens.
pub(crate) async fn run(
    node: Arc<Node>,
    stop: impl Future<Output = ()>,
    greet: impl FnOnce(SocketAddr, SocketAddr),
) -> Result<()> {
    let shutdown = CancellationToken::new();
    let tls = certificate(&node)?;
    let clients = bind(node.config.listen, "listen").await?;
    let admins = bind(node.config.admin_listen, "admin_listen").await?;
    say_where(&node, clients.local_addr()?, admins.local_addr()?);
    greet(clients.local_addr()?, admins.local_addr()?);

    let bounds = bounds(&node.config);
    let answering = Arc::clone(&node);
    let answer = move |request, visit| guard::answer(Arc::clone(&answering), request, visit);
    let entrance = Entrance {
        guard: Some(Arc::clone(&node.guard)),
        recall: Some(Arc::new(Asking(Arc::clone(&node)))),
        tls: tls.clone(),
        http2: node.config.door.http2,
    };
    let clients = listen::serve(clients, bounds, entrance, &node.tasks, &shutdown, answer);
    let answering = Arc::clone(&node);
    let answer = move |request, _: Visit| admin::answer(Arc::clone(&answering), request);
    let admins = listen::serve(admins, bounds, Entrance::default(), &node.tasks, &shutdown, answer);
    let renewing = async {
        if let Some(tls) = &tls {
            tls.renew(&shutdown).await;
        }
    };
    let following = changes::run(&node, shutdown.clone());
    let reloading = reload::run(&node, &shutdown);
    let sweeping = sweep(&node, &shutdown);
    let proxying = proxy::run(Arc::clone(&node), shutdown.clone());
    let working = queue::run(&node, &shutdown);
    let stopping = async {
        stop.await;
        tracing::info!("stopping: requests in flight may finish");
        shutdown.cancel();
    };
    let drained = CancellationToken::new();
    let serving = async {
        tokio::join!(clients, admins, following, reloading, sweeping, proxying, renewing, working, stopping);
        drain(&node).await;
        drained.cancel();
    };
    // Last to end: what the last requests did is recorded too.
    tokio::join!(
        serving,
        audit::run(&node, &drained),
        queue::report(&node, &drained),
        webhook::run(&node, &drained)
    );
    Ok(())
}

/// Lets whatever is in flight end.
async fn drain(node: &Node) {
    node.pool.close();
    node.tasks.close();
    if tokio::time::timeout(node.config.http.drain_timeout, node.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// The certificate for clients, if there is one.
fn certificate(node: &Node) -> Result<Option<Arc<Tls>>> {
    let door = &node.config.door;
    Tls::new(&door.tls, door.http2, node.guard.metrics.clone()).map_err(|error| {
        let place = door.tls.certificate.as_ref().map_or_else(String::new, |path| path.display().to_string());
        ConfigError::Invalid { key: "tls".to_owned(), place, why: format!("{error:#}") }.into()
    })
}

/// Drops answers and blocks whose time is over, the answers a few at a time.
async fn sweep(node: &Node, shutdown: &CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                node.cache.sweep(node.clock.now(), SWEEP_ENTRIES);
                node.guard.blocks.sweep(guard::now_s());
            }
            () = shutdown.cancelled() => return,
        };
    }
}

/// What bounds a listener for clients.
pub(crate) fn bounds(config: &Config) -> Bounds {
    let http = &config.http;
    Bounds {
        connections_max: descriptors::make_room(http.connections_max, config.pool.connections_max),
        header_bytes_max: http.header_bytes_max,
        header_timeout: http.header_timeout,
        idle_timeout: http.idle_timeout,
        write_timeout: http.write_timeout,
        drain_timeout: http.drain_timeout,
    }
}

fn say_where(node: &Node, clients: SocketAddr, admin: SocketAddr) {
    tracing::info!(%clients, %admin, database = %node.options, "listening");
    if node.live().identities.is_open() {
        tracing::warn!(
            "without an anonymous role and a JWT secret everybody on this machine reads as {}, and the server is \
             read-only; set PGRST_DB_ANON_ROLE to open it to others",
            node.options.user()
        );
    }
}

async fn bind(address: SocketAddr, key: &'static str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let flag = key.replace('_', "-");
        let why = format!("{error}; name another address (--{flag}), or stop what listens there");
        ConfigError::Invalid { key: key.to_owned(), place: address.to_string(), why }.into()
    })
}
