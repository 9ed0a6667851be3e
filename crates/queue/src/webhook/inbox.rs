//! Keeps events once, each together with its job: what came while the last batch was on its way is the next one.
//!
//! A batch is one transaction. Nobody is told that an event is kept before that has been committed, to disk; and where
//! it was not, or nobody knows, the sender is told to send it again, which then is kept or known. One statement whose
//! values the database refuses must not hurt others: then each delivery is written by itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use tokio_util::sync::CancellationToken;

use super::Event;
use crate::QueueError;
use crate::batch;
use crate::store::{Store, within};

/// Deliveries in one batch and on their way; and the events after which no other delivery joins a batch, of which
/// `courant.enqueue_many` takes 10,000.
const BATCH_MAX: usize = 500;
const WAITING_MAX: usize = 2000;
const BATCH_EVENTS: usize = 2000;
/// How long a batch may take: senders wait for ten seconds or so.
const BATCH_TIME_MAX: Duration = Duration::from_secs(10);
/// Events that one statement forgets, and how often some are.
const PRUNED_MAX: i64 = 5000;
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// What was answered 2xx must survive a crash, whatever the database does for others.
const SESSION: &str = "set statement_timeout = '10s'; set timezone = 'UTC'; \
    select pg_catalog.set_config('synchronous_commit', 'on', false) \
    where pg_catalog.current_setting('synchronous_commit') = 'off'";
/// The class of what a value is to blame for.
const DATA_EXCEPTION: &str = "22";

/// Which job an address's events become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The address's path, which is a part of each event's name.
    pub path: String,
    /// The provider's name.
    pub provider: &'static str,
    /// The kind of job.
    pub kind: String,
    /// Its queue.
    pub queue: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Events that are new, and have a job now.
    pub new: usize,
    /// Events that were here before.
    pub known: usize,
}

/// Why a delivery is not kept, or may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The database refuses a value. Sending it again does not help.
    #[error("{0}")]
    Refused(String),
    /// The database is away, or slow. To be sent again.
    #[error("{0}")]
    Unavailable(String),
    /// More is on its way than is good. To be sent again.
    #[error("too many webhooks at once")]
    Busy,
}

/// Where deliveries are handed in.
pub struct Inbox {
    sender: mpsc::Sender<Handed>,
}

struct Handed {
    rows: Vec<Row>,
    answer: oneshot::Sender<Result<Accepted, NotKept>>,
}

struct Row {
    path: String,
    event: String,
    job: String,
}

impl Inbox {
    /// An inbox, and what writes it and forgets events that long after they came: it must be run, and ends once
    /// `drained`, when nothing is left.
    pub fn new(
        store: Arc<Store>,
        kept: Duration,
        drained: CancellationToken,
    ) -> (Inbox, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let running = async move {
            tokio::join!(write(&store, receiver, &drained), prune(&store, kept, &drained));
        };
        (Inbox { sender }, running)
    }

    /// Keeps the events of a delivery, all or none. Has committed when it returns well.
    pub async fn accept(&self, to: &Destination, events: &[Event]) -> Result<Accepted, NotKept> {
        let rows = events.iter().map(|event| Row::new(to, event)).collect::<Result<Vec<_>, _>>()?;
        let (answer, answered) = oneshot::channel();
        self.sender.try_send(Handed { rows, answer }).map_err(|_| NotKept::Busy)?;
        answered.await.unwrap_or_else(|_| Err(NotKept::Unavailable(QueueError::Stopping.to_string())))
    }
}

impl Row {
    fn new(to: &Destination, event: &Event) -> Result<Row, NotKept> {
        let wrong = |error: serde_json::Error| NotKept::Refused(error.to_string());
        // As it was said: no number loses a digit on its way.
        let payload: &RawValue = serde_json::from_str(&event.payload).map_err(wrong)?;
        let args =
            Args { provider: to.provider, path: &to.path, event: &event.id, what: &event.what, payload };
        let job = Job { kind: &to.kind, queue: &to.queue, args };
        let job = serde_json::to_string(&job).map_err(wrong)?;
        Ok(Row { path: to.path.clone(), event: event.id.clone(), job })
    }
}

/// A job, as `courant.enqueue_many` takes it.
#[derive(serde::Serialize)]
struct Job<'a> {
    kind: &'a str,
    queue: &'a str,
    args: Args<'a>,
}

/// What its handler is given.
#[derive(serde::Serialize)]
struct Args<'a> {
    provider: &'a str,
    path: &'a str,
    event: &'a str,
    #[serde(rename = "type")]
    what: &'a str,
    payload: &'a RawValue,
}

async fn write(store: &Store, mut receiver: mpsc::Receiver<Handed>, drained: &CancellationToken) {
    let mut connection = None;
    loop {
        let mut batch = batch::next(&mut receiver, BATCH_MAX, drained).await;
        if batch.is_empty() {
            return;
        }
        while !batch.is_empty() {
            let mut events = 0;
            let fits = |handed: &Handed| {
                let joins = events < BATCH_EVENTS;
                events += handed.rows.len();
                joins
            };
            let taken = batch.iter().map(fits).take_while(|joins| *joins).count();
            write_together(store, &mut connection, batch.drain(..taken).collect()).await;
        }
    }
}

async fn write_together(store: &Store, connection: &mut Option<Connection>, batch: Vec<Handed>) {
    match keep(store, connection, &batch).await {
        Ok(new) => {
            let mut new = new.into_iter();
            for handed in batch {
                let count = new.next().unwrap_or_default();
                let accepted = Accepted { new: count, known: handed.rows.len().saturating_sub(count) };
                // Whoever went away will ask again.
                let _ = handed.answer.send(Ok(accepted));
            }
        }
        Err(NotKept::Refused(_)) if batch.len() > 1 => {
            for handed in batch {
                Box::pin(write_together(store, connection, vec![handed])).await;
            }
        }
        Err(why) => {
            if let NotKept::Unavailable(why) = &why {
                tracing::warn!(deliveries = batch.len(), "webhooks cannot be kept: {why}");
            }
            batch.into_iter().for_each(|handed| drop(handed.answer.send(Err(why.clone()))));
        }
    }
}

/// Writes a batch: how many events of each delivery are new.
async fn keep(
    store: &Store,
    connection: &mut Option<Connection>,
    batch: &[Handed],
) -> Result<Vec<usize>, NotKept> {
    let kept = match timeout(BATCH_TIME_MAX, try_keep(store, connection, batch)).await {
        Ok(kept) => kept,
        Err(_) => Err(QueueError::Slow(BATCH_TIME_MAX)),
    };
    kept.map_err(|error| match &error {
        QueueError::Refused(said) if said.code.starts_with(DATA_EXCEPTION) => {
            NotKept::Refused(said.message.clone())
        }
        QueueError::Refused(_) => NotKept::Unavailable(error.to_string()),
        _ => {
            // Whether it took effect is not known: no later batch may wait behind it.
            *connection = None;
            NotKept::Unavailable(error.to_string())
        }
    })
}

struct Connection {
    client: Client,
    accept: Statement,
}

async fn try_keep(
    store: &Store,
    connection: &mut Option<Connection>,
    batch: &[Handed],
) -> Result<Vec<usize>, QueueError> {
    let Connection { client, accept } = match connection {
        Some(connection) if !connection.client.is_closed() => connection,
        other => {
            let client = store.connect().await?;
            client.batch_execute(SESSION).await?;
            let accept = client.prepare(include_str!("inbox/accept.sql")).await?;
            other.insert(Connection { client, accept })
        }
    };
    let rows = || batch.iter().flat_map(|handed| &handed.rows);
    let paths: Vec<&str> = rows().map(|row| row.path.as_str()).collect();
    let events: Vec<&str> = rows().map(|row| row.event.as_str()).collect();
    let jobs: Vec<&str> = rows().map(|row| row.job.as_str()).collect();
    let parameters: [&(dyn ToSql + Sync); 3] = [&paths, &events, &jobs];
    let row = client.query_one(&*accept, &parameters).await?;
    // Places in the arrays, counted from one.
    let new: HashSet<i64> = row.try_get::<_, Vec<i64>>(0)?.into_iter().collect();
    let mut place = 0;
    let mut is_new = |_: &&Row| {
        place += 1;
        new.contains(&place)
    };
    Ok(batch.iter().map(|handed| handed.rows.iter().filter(&mut is_new).count()).collect())
}

async fn prune(store: &Store, kept: Duration, drained: &CancellationToken) {
    loop {
        let pruned = prune_some(store, kept).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "webhooks are not forgotten yet");
            0
        });
        let pause = if pruned >= PRUNED_MAX { Duration::from_millis(50) } else { PRUNE_INTERVAL };
        tokio::select! {
            () = sleep(pause) => {}
            () = drained.cancelled() => return,
        }
    }
}

async fn prune_some(store: &Store, kept: Duration) -> Result<i64, QueueError> {
    let session = store.session().await?;
    let parameters: [&(dyn ToSql + Sync); 2] = [&kept.as_secs_f64(), &PRUNED_MAX];
    Ok(within(session.client.query_one(include_str!("inbox/prune.sql"), &parameters)).await?.try_get(0)?)
}
