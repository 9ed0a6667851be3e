//! Flow B: a change comes out of the database.
//!
//! [`run`] is the whole story: one turn of its loop is one epoch of the cache. Within an epoch three things
//! go on side by side: transactions are applied as they arrive, the freshness gate is kept open by polls,
//! and the catalog is watched. Whatever ends one of them ends the epoch: the cache is emptied, requests
//! go to the database, and the next turn begins. A stream that is still good is kept between turns.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cache::{Closing, Doubt};
use pg::schema::Readiness;
use pg::{Change, Lsn, RelationId, Snapshot, Transaction, Xid};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use wal::{Event, Handle, Stream, StreamOptions};

use crate::control::{Control, Position, within};
use crate::ended::Ended;
use crate::node::Node;
use crate::reload::Told;
use crate::schema::Schema;

/// How often the catalog's fingerprint is compared: well within the second that is promised for grants,
/// roles and settings.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// Between two attempts at a stream: the first, and the longest.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// The stream and how far it has been applied.
struct Current {
    stream: Stream,
    applied: Lsn,
}

/// Follows the database's changes until shutdown.
pub(crate) async fn run(node: &Node, shutdown: CancellationToken) {
    let mut current: Option<Current> = None;
    let mut retry = RETRY_MIN;
    let mut closing = node.cache.close(Doubt::Stream);
    let mut told = None;
    loop {
        let ended = tokio::select! {
            ended = epoch(node, closing, told, &mut current) => ended,
            () = shutdown.cancelled() => return,
        };
        if node.behind().is_some() {
            // The stream stood and was followed: this failure is the first of its kind.
            retry = RETRY_MIN;
        }
        closing = node.cache.close(ended.doubt());
        node.marks.release();
        node.progress.moved();
        node.telemetry.epoch_ended(&ended);
        if let Ended::Schema(transaction) = ended {
            told = transaction.or(told);
            retry = RETRY_MIN;
            continue;
        }
        (current, told) = (None, None);
        tokio::select! {
            () = sleep(retry) => retry = (retry * 2).min(RETRY_MAX),
            () = shutdown.cancelled() => return,
        }
    }
}

/// One epoch, from an empty cache to whatever ends it.
async fn epoch(node: &Node, closing: Closing, told: Option<u32>, current: &mut Option<Current>) -> Ended {
    let led = async {
        let control = node.control().await?;
        if let Some(transaction) = told {
            // The log tells of a commit before new snapshots see it: the catalog would be the old one.
            control.until_visible(transaction).await?;
        }
        let mut told = node.reloads.subscribe();
        let configurations = told.borrow_and_update().configurations;
        let schema = Arc::new(node.load_schema(&control).await?);
        // At once, though uncached: the stream may be long in coming.
        node.serve_schema(Arc::clone(&schema));
        tokio::select! {
            ended = watch(&control, schema.catalog.fingerprint, told, configurations) => ended,
            ended = lead(node, &control, &schema, closing, current) => ended,
        }
    };
    match led.await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

/// Makes the stream stand, opens the cache behind its barrier, and keeps it current.
async fn lead(
    node: &Node,
    control: &Control,
    schema: &Schema,
    closing: Closing,
    current: &mut Option<Current>,
) -> Never {
    let Some(published) = prepare(node, control, schema, current.is_some()).await? else {
        sleep(RETRY_MAX).await;
        return Err(Ended::NotReady);
    };
    let current = match current {
        Some(current) => current,
        None => current.insert(Current::open(node).await?),
    };
    if control.fingerprint().await? != schema.catalog.fingerprint {
        // What was just prepared is part of the schema; and what changed before the slot stood, the stream
        // does not tell. Read it again.
        return Err(Ended::Schema(None));
    }
    node.serve_schema(Arc::new(schema.with_published(published)));
    // Assigned after the slot stood and the publication held every table: a snapshot in which all
    // transactions below it have ended misses nothing that the stream does not tell.
    let barrier = control.assign_xid().await?;
    if !node.cache.open(closing, barrier, current.applied) {
        return Err(Ended::Schema(None));
    }
    node.marks.follow();
    if let Some(jobs) = &node.jobs {
        jobs.listen();
    }
    node.telemetry.epoch_opened(barrier);
    let handle = current.stream.handle();
    tokio::select! {
        ended = follow(node, current) => ended,
        ended = keep_fresh(node, control, &handle, schema.catalog.fingerprint) => ended,
    }
}

/// Sets up the database's side; the tables whose changes will be told, or none if there can be no stream.
async fn prepare(
    node: &Node,
    control: &Control,
    schema: &Schema,
    streams: bool,
) -> Result<Option<HashSet<RelationId>>, Ended> {
    let config = &node.config;
    let tables = &schema.catalog.tables;
    let publication = &config.stream.publication;
    if !config.cache.enabled || !config.stream.enabled {
        node.telemetry.lacking("the cache is off: cache.enabled and stream.enabled turn it on");
        return Ok(None);
    }
    let readiness = within(pg::schema::readiness(&control.client, publication, tables)).await?;
    // A stream that stands has what it needs, and may itself hold the last slot there is.
    if readiness.can_stream || !streams {
        node.telemetry.lacking(&lacking(&readiness));
        if !readiness.can_stream {
            return Ok(None);
        }
    }
    within(pg::schema::install(&control.client)).await?;
    let synced = within(pg::schema::sync_publication(&control.client, publication, tables)).await?;
    Ok(Some(synced.published))
}

fn lacking(readiness: &Readiness) -> String {
    readiness.obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Applies each transaction: the loop that is the bus.
async fn follow(node: &Node, current: &mut Current) -> Never {
    loop {
        match current.stream.next().await? {
            Event::Transaction(transaction) => {
                let changes_schema = changes_schema(&transaction);
                if changes_schema {
                    // Read sets made before it may lack what it touches: no reader gets past it. The epoch
                    // ends, and is closed again, by what is returned below.
                    let _ = node.cache.close(Doubt::Schema);
                }
                // What the transaction made old is gone before anybody hears of it.
                node.cache.apply(&transaction);
                node.marks.pass(&transaction);
                if let Some(jobs) = &node.jobs {
                    jobs.hear(&transaction);
                }
                node.progress.moved();
                node.telemetry.applied(&transaction);
                current.passed(transaction.end);
                if changes_schema {
                    return Err(Ended::Schema(Some(transaction.xid)));
                }
            }
            Event::Keepalive { end } => {
                node.cache.advance(end);
                node.progress.moved();
                current.passed(end);
            }
        }
    }
}

/// Keeps the freshness gate open: notes the time, then asks how far the log has been written. At every tick,
/// and at once for readers who wait to be told that nothing is missing.
async fn keep_fresh(node: &Node, control: &Control, handle: &Handle, fingerprint: u64) -> Never {
    let mut ticks = interval(node.config.cache.poll_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    let mut quiet = None;
    loop {
        let wanted = tokio::select! {
            _ = ticks.tick() => false,
            () = node.progress.wanted() => true,
        };
        let late = before.is_some_and(|before| node.cache.fresh() < before);
        let now = node.clock.now();
        let poll = node.cache.poll(now);
        let Position { inserted, flushed, snapshot } = control.position().await?;
        if wanted {
            unchanged(control, fingerprint, &snapshot, &mut quiet).await?;
            node.progress.verified(now);
        }
        node.cache.polled(poll, inserted, &snapshot);
        node.progress.told(now, inserted);
        node.progress.moved();
        if late || wanted && flushed < inserted {
            // The log's tail may be written and not flushed (`synchronous_commit = off`), or the insert
            // position may stand behind a page's header: a walsender reads only what is flushed, and a
            // commit flushes it all.
            control.nudge().await?;
        }
        handle.request_position();
        before = Some(now);
    }
}

/// Makes sure that roles, memberships and grants are what they were: readers who asked for everything that
/// was acknowledged asked for those too. `quiet` is the id below which all transactions had ended when that
/// was last known, and no other was assigned: while it stands, nothing can have changed.
async fn unchanged(
    control: &Control,
    fingerprint: u64,
    snapshot: &Snapshot,
    quiet: &mut Option<Xid>,
) -> Result<(), Ended> {
    let still = (snapshot.xmin == snapshot.xmax).then_some(snapshot.xmax);
    if still.is_some() && still == *quiet {
        return Ok(());
    }
    if control.fingerprint().await? != fingerprint {
        return Err(Ended::Schema(None));
    }
    *quiet = still;
    Ok(())
}

/// Ends the epoch when anything changed that plans or authorization rest on, or another configuration than that of
/// this number holds. Looks at every tick, and whenever it is told to.
async fn watch(
    control: &Control,
    fingerprint: u64,
    mut told: watch::Receiver<Told>,
    configurations: u64,
) -> Never {
    let mut ticks = interval(WATCH_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // Never fails: the node outlives its epochs.
            _ = told.changed() => {}
        }
        if told.borrow().configurations != configurations {
            return Err(Ended::Schema(None));
        }
        if control.fingerprint().await? != fingerprint {
            return Err(Ended::Schema(None));
        }
    }
}

/// What never ends well: only with the reason why it ended.
type Never = Result<Infallible, Ended>;

impl Current {
    async fn open(node: &Node) -> Result<Current, Ended> {
        let stream = Stream::open(node.opened().await?, stream_options(node)).await?;
        let applied = stream.consistent_point();
        Ok(Current { stream, applied })
    }

    fn passed(&mut self, end: Lsn) {
        self.applied = self.applied.max(end);
        self.stream.confirm(end);
    }
}

/// Whether plans made before the transaction are void: DDL told by the event trigger, or a relation that
/// the stream itself describes anew.
fn changes_schema(transaction: &Transaction) -> bool {
    transaction.messages.iter().any(|message| message.prefix == pg::schema::MESSAGE_PREFIX)
        || transaction.changes.iter().any(|change| matches!(change, Change::Schema(_)))
}

fn stream_options(node: &Node) -> StreamOptions {
    let config = &node.config.stream;
    StreamOptions {
        changes_max: config.transaction_changes_max,
        bytes_max: config.transaction_bytes_max,
        ..StreamOptions::new(&config.publication)
    }
}
