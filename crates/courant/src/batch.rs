//! Point reads that arrive together: one query answers all that differ in nothing but the row they name.
//!
//! A page that asks for a hundred rows one by one would cost the database a hundred queries; here the first is
//! asked at once, and what comes while it is under way is asked together as soon as it has come back. So
//! nobody ever waits longer than for one query in flight, and nobody waits where there is none. Every request
//! keeps its own role, settings and answer: only equal ones share a query, and each row of the result is what
//! the request's own statement would have returned.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache::{Key, Moment};
use foldhash::fast::RandomState;
use futures_util::future::join_all;
use parking_lot::Mutex;
use pg::{Parameter, Statement};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::node::Node;
use crate::request::{query, ran};
use crate::row::Found;
use crate::schema::Planned;
use crate::settled::Settled;

/// A query that has been under way for so long is not waited for: this database, or this row, is slow.
const PATIENCE: Duration = Duration::from_millis(5);

/// Point reads under way, and those that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// By the statement, and by everything that its transaction is told.
    lanes: Mutex<HashMap<Key, Lane, RandomState>>,
}

/// One query under way.
#[derive(Debug)]
struct Lane {
    sent: Moment,
    waiting: Vec<Waiting>,
}

/// A request that waits for a query to come back.
#[derive(Debug)]
struct Waiting {
    parameters: Vec<Parameter>,
    tell: oneshot::Sender<Result<Found, Failure>>,
}

/// How a request goes on.
enum Entered {
    /// At once, and others may wait for it.
    First,
    /// With others, when the query under way has come back.
    Waiting(oneshot::Receiver<Result<Found, Failure>>),
    /// At once, and by itself.
    Alone,
}

impl Batches {
    fn enter(&self, key: &Key, now: Moment, parameters: &[Parameter], rows_max: usize) -> Entered {
        let mut lanes = self.lanes.lock();
        let Some(lane) = lanes.get_mut(key) else {
            lanes.insert(*key, Lane { sent: now, waiting: Vec::new() });
            return Entered::First;
        };
        if lane.waiting.len() >= rows_max || now.since(lane.sent) > PATIENCE {
            return Entered::Alone;
        }
        let (tell, told) = oneshot::channel();
        lane.waiting.push(Waiting { parameters: parameters.to_vec(), tell });
        Entered::Waiting(told)
    }

    /// The query of this lane has come back: those that waited for it, whose turn it is now.
    fn leave(&self, key: &Key, now: Moment) -> Vec<Waiting> {
        let mut lanes = self.lanes.lock();
        let Some(lane) = lanes.get_mut(key) else { return Vec::new() };
        let mut waiting = std::mem::take(&mut lane.waiting);
        waiting.retain(|one| !one.tell.is_closed());
        lane.sent = now;
        if waiting.is_empty() {
            lanes.remove(key);
        }
        waiting
    }
}

/// The database's answer to a read, asked together with others where that may be.
pub(crate) async fn ask(
    node: &Arc<Node>,
    planned: &Arc<Planned>,
    session: &Settled,
) -> Result<Found, Failure> {
    let rows_max = node.config.pool.batch_rows_max;
    // What each transaction says to its response is for that one alone.
    if planned.plan.batchable.is_none() || rows_max < 2 || session.is_heard() {
        return query(node, planned, session).await;
    }
    let key = session.lane(&node.key_secret);
    let parameters = &planned.plan.statement.parameters;
    match node.batches.enter(&key, node.clock.now(), parameters, rows_max) {
        Entered::First => {
            let (node, planned, session) = (Arc::clone(node), Arc::clone(planned), session.clone());
            let turn = Turn { node, key, planned, session };
            let found = query(&turn.node, &turn.planned, &turn.session).await;
            drop(turn);
            found
        }
        Entered::Waiting(told) => match told.await {
            Ok(told) => told,
            // The batch failed, perhaps for a value that another request gave.
            Err(_) => query(node, planned, session).await,
        },
        Entered::Alone => query(node, planned, session).await,
    }
}

/// The turn of a query that others may wait for. When it ends, however it ends, they are asked.
struct Turn {
    node: Arc<Node>,
    key: Key,
    planned: Arc<Planned>,
    session: Settled,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let waiting = self.node.batches.leave(&self.key, self.node.clock.now());
        if waiting.is_empty() {
            return;
        }
        let turn = Turn {
            node: Arc::clone(&self.node),
            key: self.key,
            planned: Arc::clone(&self.planned),
            session: self.session.clone(),
        };
        self.node.tasks.spawn(turn.run(waiting));
    }
}

impl Turn {
    /// Asks for all who wait, in one query, which is cancelled when the last of them has gone.
    async fn run(self, waiting: Vec<Waiting>) {
        let (asked, mut tells): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|one| (one.parameters, Some(one.tell))).unzip();
        let found = {
            let gone = join_all(tells.iter_mut().flatten().map(oneshot::Sender::closed));
            tokio::select! {
                found = self.query(&asked) => found,
                _ = gone => return,
            }
        };
        self.node.telemetry.batch(asked.len());
        match found {
            Ok(found) => {
                for (nth, found) in found {
                    // Whoever has gone meanwhile is not told.
                    if let Some(tell) = tells.get_mut(nth).and_then(Option::take) {
                        let _ = tell.send(Ok(found));
                    }
                }
            }
            Err(Failure::Database { source: pg::Error::Busy, anonymous }) => {
                for tell in tells.into_iter().flatten() {
                    let _ = tell.send(Err(Failure::Database { source: pg::Error::Busy, anonymous }));
                }
            }
            // Dropped, each asks by itself.
            Err(_) => {}
        }
    }

    /// What each found, by its place among those who asked.
    async fn query(&self, asked: &[Vec<Parameter>]) -> Result<Vec<(usize, Found)>, Failure> {
        let Turn { node, planned, session, .. } = self;
        let one = &planned.plan.statement;
        let statement = match (asked, &planned.plan.batchable) {
            ([_, _, ..], Some(batchable)) => batchable.statement(&one.sql, asked),
            _ => Statement { sql: one.sql.clone(), parameters: asked.concat() },
        };
        let began = node.clock.now();
        let rows = node.pool.read_rows(session.lent(&session.settings()), &statement, asked.len()).await;
        let rows = ran(node, planned, session, began, rows)?;
        rows.iter().map(|row| Ok((Found::place(row)?, Found::read(row)?))).collect()
    }
}
