//! The queue's statements, over a connection of their own that is made anew when it is lost.
//!
//! Never decides what is claimed or when; never keeps a job.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pg::Snapshot;
use pg::connect::ConnectOptions;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use tokio_util::task::TaskTracker;

use crate::behind::{Extent, Place, Sighting};
use crate::job::{Claimed, Run};
use crate::{QueueError, schema};

/// How long a statement of the queue's own may take before its connection is given up.
const STATEMENT_MAX: Duration = Duration::from_secs(30);

/// A plan that was made while the table was small must not read all of it once it is large.
/// Nor need it be made again for each call.
const SESSION: &str = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
    set plan_cache_mode = force_generic_plan; set jit = off; set default_transaction_isolation = 'read committed'; \
    set statement_timeout = '30s'; set timezone = 'UTC'";

/// How long a claim may wait for a row that somebody locked under it.
const CLAIMING: &str = "set lock_timeout = '50ms'";

/// What a claim found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) jobs: Vec<Claimed>,
    /// How many were there to be claimed; somebody else may have had some of them.
    pub(crate) found: usize,
    /// The queue is paused: nothing was looked for.
    pub(crate) is_paused: bool,
}

/// How a claim is made.
pub(crate) struct Claim<'a> {
    pub(crate) queue: &'a str,
    pub(crate) jobs_max: usize,
    pub(crate) places: &'a [i64],
    pub(crate) late: &'a [Place],
    pub(crate) lease: Duration,
    pub(crate) aging: Duration,
}

/// A run that is still its worker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    /// Which.
    pub run: Run,
    /// Whether somebody wants its job cancelled.
    pub cancel_requested: bool,
}

/// What waits and runs, of one queue and kind in one state.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The queue.
    pub queue: String,
    /// The kind.
    pub kind: String,
    /// `available`, `scheduled`, `retryable` or `running`.
    pub state: String,
    /// How many.
    pub jobs: i64,
    /// How long the oldest has been ready.
    pub oldest: Duration,
}

/// The jobs' database.
pub struct Store {
    options: ConnectOptions,
    tasks: TaskTracker,
    /// This node's name, for whoever looks at a job.
    worker: String,
    session: Mutex<Option<Arc<Session>>>,
    /// For claims, which wait for nothing else.
    claiming: Mutex<Option<Arc<Claiming>>>,
    /// For what may take long while jobs are claimed.
    aside: Mutex<Option<Arc<Client>>>,
    /// Which roles may work on which queues, and when the database said so.
    allowed: parking_lot::Mutex<HashMap<(String, String), Instant>>,
}

struct Claiming {
    client: Client,
    claim: Statement,
}

pub(crate) struct Session {
    pub(crate) client: Client,
    complete: Statement,
    fail: Statement,
    snooze: Statement,
    serialize: Statement,
    extend: Statement,
}

impl Store {
    /// Connects when first asked; the tasks that drive connections are among `tasks`.
    pub fn new(options: ConnectOptions, worker: impl Into<String>, tasks: TaskTracker) -> Store {
        Store {
            options,
            tasks,
            worker: worker.into(),
            session: Mutex::default(),
            claiming: Mutex::default(),
            aside: Mutex::default(),
            allowed: parking_lot::Mutex::default(),
        }
    }

    /// Makes the tables, or says who must.
    pub async fn install(&self) -> Result<(), QueueError> {
        let client = self.connect().await?;
        schema::install(&client).await
    }

    /// Claims jobs.
    pub(crate) async fn claim(&self, claim: &Claim<'_>) -> Result<Found, QueueError> {
        let session = self.claiming().await?;
        let (jobs_max, places) = (claim.jobs_max as i64, claim.places);
        let (lease, aging) = (claim.lease.as_secs_f64(), claim.aging.as_secs_f64());
        let (priorities, seqs): (Vec<i16>, Vec<i64>) = claim.late.iter().copied().unzip();
        let parameters: [&(dyn ToSql + Sync); 8] =
            [&claim.queue, &jobs_max, &places, &lease, &self.worker, &aging, &priorities, &seqs];
        let rows = match within(session.client.query(&session.claim, &parameters)).await {
            // Somebody locked a job between its being found and its being claimed.
            Err(QueueError::Refused(said)) if said.code == LOCK_NOT_AVAILABLE => {
                // Nothing was seen: there may be as many as ever.
                return Ok(Found { found: claim.jobs_max, ..Found::default() });
            }
            rows => rows?,
        };
        let found = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
        let is_job = |row: &&Row| !matches!(row.try_get::<_, Option<i64>>(1), Ok(None));
        let mut jobs = rows.iter().filter(is_job).map(claimed).collect::<Result<Vec<_>, _>>()?;
        jobs.sort_by_key(|job| (job.priority, job.seq));
        Ok(Found { jobs, found: usize::try_from(found).unwrap_or(0), is_paused: found < 0 })
    }

    /// Takes the keys of jobs that were claimed; the ids of those that must wait for theirs.
    pub(crate) async fn serialize(&self, ids: &[i64]) -> Result<Vec<i64>, QueueError> {
        let session = self.session().await?;
        Ok(within(session.client.query_one(&session.serialize, &[&ids])).await?.try_get(0)?)
    }

    /// Completes runs, each of a job of any queue or of the one that is said; the ids of the jobs whose runs were still
    /// theirs.
    pub(crate) async fn complete(
        &self,
        runs: &[Run],
        queues: &[Option<&str>],
        keep: bool,
    ) -> Result<Vec<i64>, QueueError> {
        let session = self.session().await?;
        let (ids, attempts) = split(runs);
        let parameters: [&(dyn ToSql + Sync); 4] = [&ids, &attempts, &keep, &queues];
        Ok(within(session.client.query_one(&session.complete, &parameters)).await?.try_get(0)?)
    }

    /// Fails runs, each with what went wrong and when to try again; the ids of the jobs whose runs were still theirs.
    pub(crate) async fn fail(
        &self,
        runs: &[Run],
        said: &[String],
        after: &[Option<f64>],
    ) -> Result<Vec<i64>, QueueError> {
        let session = self.session().await?;
        let (ids, attempts) = split(runs);
        let parameters: [&(dyn ToSql + Sync); 4] = [&ids, &attempts, &said, &after];
        Ok(within(session.client.query_one(&session.fail, &parameters)).await?.try_get(0)?)
    }

    /// Puts runs off; the ids of the jobs whose runs were still theirs.
    pub(crate) async fn snooze(&self, runs: &[Run], after: &[f64]) -> Result<Vec<i64>, QueueError> {
        let session = self.session().await?;
        let (ids, attempts) = split(runs);
        Ok(within(session.client.query_one(&session.snooze, &[&ids, &attempts, &after])).await?.try_get(0)?)
    }

    /// Extends the leases of runs; a run that is missing from the answer is its worker's no more.
    pub async fn extend(&self, runs: &[Run], lease: Duration) -> Result<Vec<Extended>, QueueError> {
        let session = self.session().await?;
        let (ids, attempts) = split(runs);
        let lease = lease.as_secs_f64();
        let rows = within(session.client.query(&session.extend, &[&ids, &attempts, &lease])).await?;
        let extended = |row: &Row| {
            let run = Run { id: row.try_get(0)?, attempt: row.try_get(1)? };
            Ok(Extended { run, cancel_requested: row.try_get(2)? })
        };
        rows.iter().map(extended).collect::<Result<_, tokio_postgres::Error>>().map_err(QueueError::from)
    }

    /// Makes jobs available whose time has come: how many, and when the next is due.
    pub(crate) async fn promote(&self, jobs_max: usize) -> Result<(i64, Option<Duration>), QueueError> {
        let client = self.aside().await?;
        let jobs_max = jobs_max as i64;
        let row = within(client.query_one(include_str!("store/promote.sql"), &[&jobs_max])).await?;
        let next: Option<f64> = row.try_get(1)?;
        Ok((row.try_get(0)?, next.map(|next| Duration::from_secs_f64(next.clamp(0.0, 3600.0)))))
    }

    /// Forgets jobs that ended that long ago: whether there may be more.
    pub(crate) async fn prune(&self, completed: Duration, others: Duration) -> Result<bool, QueueError> {
        let client = self.aside().await?;
        let (completed, others) = (completed.as_secs_f64(), others.as_secs_f64());
        let parameters: [&(dyn ToSql + Sync); 4] = [&completed, &others, &PRUNED_MAX, &PRUNED_BATCHES_MAX];
        Ok(within(client.query_one(include_str!("store/prune.sql"), &parameters)).await?.try_get(0)?)
    }

    /// Enqueues a schedule's job for a tick (seconds since 1970), unless some node has: whether it did.
    pub(crate) async fn tick(&self, name: &str, tick_s: f64, job: &str) -> Result<bool, QueueError> {
        let client = self.aside().await?;
        let parameters: [&(dyn ToSql + Sync); 3] = [&name, &tick_s, &job];
        Ok(within(client.query_one(include_str!("store/tick.sql"), &parameters)).await?.try_get(0)?)
    }

    /// Notes where a schedule begins (seconds since 1970), unless that is known; its latest tick.
    pub(crate) async fn begin(&self, name: &str, from_s: f64) -> Result<f64, QueueError> {
        let client = self.aside().await?;
        let row = within(client.query_one(include_str!("store/begin.sql"), &[&name, &from_s])).await?;
        Ok(row.try_get(0)?)
    }

    /// Who can be seen to have committed.
    pub(crate) async fn snapshot(&self) -> Result<Option<Snapshot>, QueueError> {
        let session = self.session().await?;
        let row = within(session.client.query_one(include_str!("store/visible.sql"), &[])).await?;
        Ok(row.try_get::<_, &str>(0)?.parse().ok())
    }

    /// How far places in the queues were drawn, and then which transactions have drawn some and not ended.
    pub(crate) async fn horizon(&self) -> Result<(i64, HashSet<String>), QueueError> {
        let client = self.aside().await?;
        // One after the other: whoever drew before the first is among the second, unless it has ended.
        let drawn = within(client.query_one(include_str!("store/drawn.sql"), &[])).await?.try_get(0)?;
        let rows = within(client.query(include_str!("store/drawers.sql"), &[])).await?;
        Ok((drawn, rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?))
    }

    /// What can be claimed or runs there, at most so many jobs of each priority.
    pub(crate) async fn survey(
        &self,
        queue: &str,
        extent: &Extent,
        jobs_max: usize,
    ) -> Result<Vec<Sighting>, QueueError> {
        let client = self.aside().await?;
        let (priorities, seqs): (Vec<i16>, Vec<i64>) = extent.watched.iter().copied().unzip();
        let (from, reached) = (extent.from.as_slice(), extent.reached.as_slice());
        let jobs_max = jobs_max as i64;
        let parameters: [&(dyn ToSql + Sync); 6] = [&queue, &from, &reached, &jobs_max, &priorities, &seqs];
        let rows = within(client.query(include_str!("store/survey.sql"), &parameters)).await?;
        let sighting =
            |row: &Row| Ok(Sighting { place: (row.try_get(0)?, row.try_get(1)?), is_free: row.try_get(2)? });
        rows.iter().map(sighting).collect::<Result<_, tokio_postgres::Error>>().map_err(QueueError::from)
    }

    /// What waits and runs.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, QueueError> {
        let client = self.aside().await?;
        let rows = within(client.query(include_str!("store/statistics.sql"), &[])).await?;
        let waiting = |row: &Row| {
            let oldest_s: f64 = row.try_get(4)?;
            Ok(Waiting {
                queue: row.try_get(0)?,
                kind: row.try_get(1)?,
                state: row.try_get(2)?,
                jobs: row.try_get(3)?,
                oldest: Duration::try_from_secs_f64(oldest_s.max(0.0)).unwrap_or_default(),
            })
        };
        rows.iter().map(waiting).collect::<Result<_, tokio_postgres::Error>>().map_err(QueueError::from)
    }

    /// Whether the queue's right to be worked on is this role's; refused if not. What was allowed holds for a second.
    pub async fn check_worker(&self, role: &str, queue: &str) -> Result<(), QueueError> {
        let asked = (role.to_owned(), queue.to_owned());
        let allowed = self.allowed.lock().get(&asked).copied();
        if allowed.is_some_and(|at| at.elapsed() < ALLOWED_FOR) {
            return Ok(());
        }
        let (session, at) = (self.session().await?, Instant::now());
        within(session.client.query(include_str!("store/check_worker.sql"), &[&role, &queue])).await?;
        let mut allowed = self.allowed.lock();
        if allowed.len() >= ALLOWED_MAX {
            allowed.clear();
        }
        allowed.insert(asked, at);
        Ok(())
    }

    /// A connection of its own, for whoever needs transactions.
    pub(crate) async fn connect(&self) -> Result<Client, QueueError> {
        let connected = timeout(STATEMENT_MAX, self.options.connect()).await;
        let (client, connection) = connected.map_err(|_| QueueError::Slow(STATEMENT_MAX))??;
        self.tasks.spawn(async move {
            // Whoever uses the connection hears of its end.
            let _ = connection.await;
        });
        Ok(client)
    }

    async fn aside(&self) -> Result<Arc<Client>, QueueError> {
        let mut aside = self.aside.lock().await;
        if let Some(client) = aside.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = self.connect().await?;
        within(client.batch_execute(SESSION)).await?;
        Ok(Arc::clone(aside.insert(Arc::new(client))))
    }

    async fn claiming(&self) -> Result<Arc<Claiming>, QueueError> {
        let mut claiming = self.claiming.lock().await;
        if let Some(claiming) = claiming.as_ref().filter(|claiming| !claiming.client.is_closed()) {
            return Ok(Arc::clone(claiming));
        }
        let client = self.connect().await?;
        let prepared = within(async {
            client.batch_execute(SESSION).await?;
            client.batch_execute(CLAIMING).await?;
            client.prepare(include_str!("store/claim.sql")).await
        });
        let claim = prepared.await?;
        Ok(Arc::clone(claiming.insert(Arc::new(Claiming { client, claim }))))
    }

    pub(crate) async fn session(&self) -> Result<Arc<Session>, QueueError> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(Arc::clone(session));
        }
        let client = self.connect().await?;
        let prepared = within(async {
            client.batch_execute(SESSION).await?;
            Ok::<_, tokio_postgres::Error>((
                client.prepare(include_str!("store/complete.sql")).await?,
                client.prepare(include_str!("store/fail.sql")).await?,
                client.prepare(include_str!("store/snooze.sql")).await?,
                client.prepare(include_str!("store/serialize.sql")).await?,
                client.prepare(include_str!("store/extend.sql")).await?,
            ))
        });
        let (complete, fail, snooze, serialize, extend) = prepared.await?;
        let made = Arc::new(Session { client, complete, fail, snooze, serialize, extend });
        Ok(Arc::clone(session.insert(made)))
    }
}

/// Jobs that one statement forgets, and batches of completed ones.
const PRUNED_MAX: i64 = 5000;
const PRUNED_BATCHES_MAX: i64 = 500;
/// How long a role that may work on a queue is not asked for again, and how many are remembered.
const ALLOWED_FOR: Duration = Duration::from_secs(1);
const ALLOWED_MAX: usize = 1000;
/// `lock_timeout` is over.
const LOCK_NOT_AVAILABLE: &str = "55P03";

fn split(runs: &[Run]) -> (Vec<i64>, Vec<i32>) {
    runs.iter().map(|run| (run.id, run.attempt)).unzip()
}

fn claimed(row: &Row) -> Result<Claimed, tokio_postgres::Error> {
    let waited_s: f64 = row.try_get(12)?;
    Ok(Claimed {
        run: Run { id: row.try_get(1)?, attempt: row.try_get(6)? },
        seq: row.try_get(2)?,
        priority: row.try_get(3)?,
        kind: row.try_get(4)?,
        args: row.try_get(5)?,
        snoozes: row.try_get(7)?,
        max_attempts: row.try_get(8)?,
        is_serial: row.try_get(9)?,
        cancel_requested: row.try_get(10)?,
        was_lost: row.try_get(11)?,
        waited: Duration::try_from_secs_f64(waited_s.max(0.0)).unwrap_or_default(),
    })
}

/// Gives up a statement that takes too long.
pub(crate) async fn within<T>(
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, QueueError> {
    match timeout(STATEMENT_MAX + Duration::from_secs(1), statement).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(QueueError::Slow(STATEMENT_MAX)),
    }
}
