//! Courant's process: the real binary, started, stopped where it stands, killed, and started again.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use http::Method;
use serde_json::Value;

use crate::backend::ROUTES;
use crate::client::{Browser, SECRET};

/// How long a node may take to open its cache once nothing is in its way.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How long the nodes wait for the backend: longer than it stands still, so that what comes late is judged.
const UPSTREAM_MS: u64 = 4000;
/// The functions that the nodes are told of.
const FUNCTIONS: &str = "[[cache.declare]]\nfunction = \"items_of\"\ndepends_on = [\"public.items\"]\n";

/// Writes the file that all nodes of a directory are configured by: they stand before these ports.
pub(crate) fn configure(directory: &Path, upstreams: impl Iterator<Item = u16>) -> anyhow::Result<()> {
    let upstreams: Vec<String> = upstreams.map(|port| format!("\"http://127.0.0.1:{port}\"")).collect();
    let proxy = format!(
        "[proxy]\nupstream = [{}]\ntimeout_ms = {UPSTREAM_MS}\nidle_timeout_ms = {UPSTREAM_MS}\n",
        upstreams.join(", ")
    );
    let written = std::fs::write(directory.join("courant.toml"), format!("{proxy}{FUNCTIONS}{ROUTES}"));
    written.context("cannot configure the nodes")
}

/// A node under torture.
#[derive(Debug)]
pub(crate) struct Node {
    binary: PathBuf,
    directory: PathBuf,
    number: usize,
    database: String,
    pub(crate) clients: SocketAddr,
    admin: SocketAddr,
    process: Option<Child>,
}

impl Node {
    /// A node that is not started yet. Its files are in `directory`.
    pub(crate) fn new(
        binary: &Path,
        directory: &Path,
        number: usize,
        database_port: u16,
    ) -> anyhow::Result<Node> {
        Ok(Node {
            binary: binary.to_owned(),
            directory: directory.to_owned(),
            number,
            database: format!("postgresql://postgres@127.0.0.1:{database_port}/postgres"),
            clients: free_address()?,
            admin: free_address()?,
            process: None,
        })
    }

    /// Starts the process, at the same addresses each time.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars() {
            if name == "DATABASE_URL" || name.starts_with("PG") || name.starts_with("COURANT_") {
                command.env_remove(name);
            }
        }
        command
            .args(["serve", "--listen", &self.clients.to_string()])
            .args(["--admin-listen", &self.admin.to_string(), "--database-url", &self.database])
            .args(["--log-format", "json"])
            .env("COURANT_CONFIG", self.directory.join("courant.toml"))
            .env("PGRST_DB_ANON_ROLE", "anon")
            .env("PGRST_JWT_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.process =
            Some(command.spawn().with_context(|| format!("cannot run {}", self.binary.display()))?);
        Ok(())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join(format!("node-{}.log", self.number))
    }

    /// Kills it (`SIGKILL`).
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// It runs; nothing that was played to it may have ended it.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.as_mut().map(Child::try_wait).transpose()?.flatten() {
            bail!("node {} ended by itself: {status}; see {}", self.number, self.log().display());
        }
        Ok(())
    }

    /// Waits until it has applied all that was acknowledged before now, and its cache is open.
    pub(crate) async fn until_at_rest(&mut self) -> anyhow::Result<()> {
        let still = Instant::now();
        loop {
            self.check()?;
            // Taken before the node is asked, so that its moment of freshness lies after `still`.
            let passed = still.elapsed();
            let cache = self.cache().await;
            let behind = cache.as_ref().ok().and_then(|cache| cache["behind_ms"].as_u64());
            if behind.is_some_and(|behind| Duration::from_millis(behind + 1) < passed) {
                return Ok(());
            }
            ensure!(passed < OPEN_WITHIN, "node {} never caught up: {cache:?}", self.number);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn cache(&self) -> anyhow::Result<Value> {
        Browser::new(self.admin).send(Method::GET, "/cache", &[], "").await?.json()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "kill {name} {pid}: {status}");
    Ok(())
}

/// An address that nobody listens on at the moment.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
