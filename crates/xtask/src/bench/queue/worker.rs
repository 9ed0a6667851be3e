//! A queue under measurement: its store, and the script that enqueues and works.

use std::path::PathBuf;
use std::process::{Command as Program, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::bench::process::{Process, cpu_us, free_address, move_to_load_core, on_server_core};
use crate::bench::servers::Node;
use crate::bench::stage::Stage;

/// How long a worker may take to begin or to end, beyond the time that it is given.
const PATIENCE: Duration = Duration::from_secs(240);
const CONFIGURATION: &str = "[[queue]]\nname = \"bench\"\nworkers = \"outside\"\n";

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Courant,
    Graphile,
    PgBoss,
    BullMq,
}

/// A queue that is ready to be worked on.
pub(super) struct Entrant {
    pub(super) name: &'static str,
    script: PathBuf,
    environment: Vec<(&'static str, String)>,
    store: u32,
    /// Where its store is PostgreSQL.
    pub(super) database: Option<&'static str>,
    is_courant: bool,
    _redis: Option<Process>,
}

/// A queue that is at turn: only now its node runs, which follows the log of whatever PostgreSQL does.
pub(super) struct Turn<'a> {
    entrant: &'a Entrant,
    /// Works for the script, and is worker too.
    node: Option<Node>,
}

/// What one window of work saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worked {
    pub(super) jobs: f64,
    pub(super) seconds: f64,
    /// Processor time per job.
    pub(super) store_us: f64,
    pub(super) worker_us: f64,
    pub(super) fetch_p99_ms: f64,
}

impl Entrant {
    /// Makes the store.
    pub(super) async fn new(stage: &Stage, kind: Kind, name: &'static str, tuned: bool) -> Result<Entrant> {
        stage.show(&format!("starting {name}"));
        let (file, text) = match kind {
            Kind::Courant => ("courant.mjs", include_str!("courant.mjs")),
            Kind::Graphile => ("graphile.mjs", include_str!("graphile.mjs")),
            Kind::PgBoss => ("pgboss.mjs", include_str!("pgboss.mjs")),
            Kind::BullMq => ("bullmq.mjs", include_str!("bullmq.mjs")),
        };
        // Beside its packages, where Node.js finds them.
        let directory = stage.peer.ancestors().nth(4).context("Node.js is not where npm puts it")?;
        std::fs::write(directory.join("roles.mjs"), include_str!("roles.mjs"))?;
        std::fs::write(directory.join(file), text)?;
        let mut entrant = Entrant {
            name,
            script: directory.join(file),
            environment: Vec::new(),
            store: stage.postmaster()?,
            database: None,
            is_courant: kind == Kind::Courant,
            _redis: None,
        };
        if tuned {
            entrant.environment.push(("TUNED", "1".to_owned()));
        }
        if kind == Kind::BullMq {
            entrant.start_redis(stage).await?;
        } else {
            let database = match (kind, tuned) {
                (Kind::Courant, _) => "queue_courant",
                (Kind::Graphile, true) => "queue_graphile",
                (Kind::Graphile, false) => "queue_graphile_default",
                (_, true) => "queue_pgboss",
                (_, false) => "queue_pgboss_default",
            };
            entrant.start_database(stage, database).await?;
        }
        Ok(entrant)
    }

    async fn start_database(&mut self, stage: &Stage, database: &'static str) -> Result<()> {
        let client = stage.connect("postgres").await?;
        client.batch_execute(&format!("drop database if exists {database} with (force)")).await?;
        client.batch_execute(&format!("create database {database}")).await?;
        self.environment.push(("DATABASE_URL", stage.cluster.uri(database)));
        self.database = Some(database);
        Ok(())
    }

    async fn start_redis(&mut self, stage: &Stage) -> Result<()> {
        let address = free_address()?;
        let directory = stage.directory.join("redis");
        std::fs::create_dir_all(&directory)?;
        let mut command = on_server_core("redis-server");
        command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
        // What its documentation asks of a queue's store; PostgreSQL here does not wait for the disk either.
        command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"]).arg(&directory);
        let redis =
            Process::start("redis", &mut command, address, &stage.directory.join("redis.log")).await?;
        self.store = redis.pid();
        self.environment.push(("REDIS_PORT", address.port().to_string()));
        self._redis = Some(redis);
        Ok(())
    }

    /// Has it take its turn, until what is returned is dropped.
    pub(super) async fn turn(&self, stage: &Stage) -> Result<Turn<'_>> {
        let mut turn = Turn { entrant: self, node: None };
        if let Some(database) = self.database.filter(|_| self.is_courant) {
            let file = stage.directory.join("queue.toml");
            std::fs::write(&file, CONFIGURATION)?;
            let file = file.display().to_string();
            let node = Node::start(stage, database, &[("COURANT_CONFIG", &file)]).await?;
            move_to_load_core(node.process.pid())?;
            turn.node = Some(node);
        }
        Ok(turn)
    }
}

impl Turn<'_> {
    /// Empties the queue and enqueues so many jobs.
    pub(super) async fn prepare(&self, stage: &Stage, jobs: u64) -> Result<()> {
        let done = self.command(stage, "prepare", jobs, 0).output();
        let output = timeout(PATIENCE, done).await.context("preparing takes too long")??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} cannot be prepared: {said}", self.entrant.name);
        Ok(())
    }

    /// Works until so many jobs are done or the time is over.
    pub(super) async fn work(&self, stage: &Stage, jobs: u64, limit: Duration) -> Result<Worked> {
        let mut running = Running::start(self.command(stage, "work", jobs, limit.as_secs()))?;
        running.line(self.entrant.name, "begun").await?;
        let (store, node) = (cpu_us(&[self.entrant.store]), self.node_us());
        let told = running.line(self.entrant.name, "ended ").await?;
        let (store, node) = (cpu_us(&[self.entrant.store]) - store, self.node_us() - node);
        running.end().await?;
        let number = |name: &str| told[name].as_f64().with_context(|| format!("no {name}: {told}"));
        let done = number("done")?.max(1.0);
        Ok(Worked {
            jobs: done,
            seconds: number("seconds")?,
            store_us: store / done,
            worker_us: (number("cpu_us")? + node) / done,
            fetch_p99_ms: number("fetch_p99_ms")?,
        })
    }

    /// Runs single jobs, so many a second: how long from enqueuing to the start, p50 and p99 in milliseconds.
    pub(super) async fn latency(&self, stage: &Stage, jobs: u64, rate: u64) -> Result<(f64, f64)> {
        let mut running = Running::start(self.command(stage, "latency", jobs, rate))?;
        running.line(self.entrant.name, "begun").await?;
        let told = running.line(self.entrant.name, "ended ").await?;
        running.end().await?;
        told["p50_ms"].as_f64().zip(told["p99_ms"].as_f64()).context("no latencies")
    }

    /// An idle transaction that has written and pins every row version from now on; dropping it ends it.
    pub(super) async fn pin(&self, stage: &Stage) -> Result<Option<Client>> {
        let Some(database) = self.entrant.database else { return Ok(None) };
        let client = stage.connect(database).await?;
        client.batch_execute("begin; select pg_current_xact_id()").await?;
        Ok(Some(client))
    }

    fn node_us(&self) -> f64 {
        self.node.as_ref().map_or(0.0, |node| cpu_us(&[node.process.pid()]))
    }

    fn command(&self, stage: &Stage, role: &str, count: u64, limit: u64) -> Command {
        let mut command = Program::new(&stage.peer);
        command.arg(&self.entrant.script).args([role, &count.to_string(), &limit.to_string()]);
        command.envs(self.entrant.environment.iter().map(|(name, value)| (name, value)));
        if let Some(node) = &self.node {
            command.env("COURANT_ADDRESS", node.process.address.to_string());
        }
        let mut command = Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command
    }
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Result<Running> {
        let mut child = command.spawn().context("cannot start a worker")?;
        let output = child.stdout.take().context("a worker without output")?;
        Ok(Running { child, lines: BufReader::new(output).lines() })
    }

    /// Waits for a line that begins so; the JSON behind that.
    async fn line(&mut self, name: &str, beginning: &str) -> Result<Value> {
        let reading = async {
            while let Some(line) = self.lines.next_line().await? {
                if let Some(rest) = line.strip_prefix(beginning) {
                    return Ok(serde_json::from_str(rest).unwrap_or_default());
                }
            }
            bail!("{name}: the worker ended before it said {beginning:?}")
        };
        timeout(PATIENCE, reading).await.with_context(|| format!("{name} takes too long"))?
    }

    async fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = timeout(PATIENCE, self.child.wait()).await.context("a worker does not end")??;
        ensure!(status.success(), "a worker ended with {status}");
        Ok(())
    }
}
