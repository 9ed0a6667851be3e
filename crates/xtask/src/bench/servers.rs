//! The servers: Courant and its peers, each as somebody would run it who wants it fast.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::client::Client;
use super::process::{Process, free_address, on_cores, on_server_core};
use super::stage::{OWN, Stage};

/// The secret that tokens are signed with.
pub(super) const SECRET: &str = "the secret of a benchmark, thirty-two bytes and more";
/// How long the cache may take to open.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running node.
pub(super) struct Node {
    pub(super) process: Process,
    pub(super) admin: SocketAddr,
}

impl Node {
    /// Starts a node in front of a database, its cache open. Environment variables are what a user would set.
    pub(super) async fn start(stage: &Stage, database: &str, environment: &[(&str, &str)]) -> Result<Node> {
        let node = Node::start_at(stage, &stage.cluster.uri(database), environment).await?;
        node.until_open().await?;
        Ok(node)
    }

    /// Starts a node that keeps nothing, as a login with no rights but the roles'.
    pub(super) async fn start_uncached(
        stage: &Stage,
        database: &str,
        environment: &[(&str, &str)],
    ) -> Result<Node> {
        let environment = [environment, &[("COURANT_CACHE_ENABLED", "false")]].concat();
        Node::start_at(stage, &stage.login_uri(database), &environment).await
    }

    async fn start_at(stage: &Stage, uri: &str, environment: &[(&str, &str)]) -> Result<Node> {
        let (clients, admin) = (free_address()?, free_address()?);
        let mut command = on_server_core(&stage.courant);
        command.args(["serve", "--log-format", "json", "--database-url", uri]);
        command.args(["--listen", &clients.to_string(), "--admin-listen", &admin.to_string()]);
        for (name, _) in std::env::vars() {
            if ["DATABASE_URL", "PG", "COURANT_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        // Not in the repository, where a courant.toml could be found.
        command.current_dir(&stage.directory).env("COURANT_ENVIRONMENT", "production");
        command.env("PGRST_DB_ANON_ROLE", "anon").env("PGRST_JWT_SECRET", SECRET);
        command.envs(environment.iter().copied());
        let log = stage.directory.join(format!("courant-{}.log", clients.port()));
        let process = Process::start("courant", &mut command, clients, &log).await?;
        Ok(Node { process, admin })
    }

    async fn until_open(&self) -> Result<()> {
        let mut client = Client::connect(self.admin).await?;
        let started = Instant::now();
        loop {
            let cache = client.json("/cache").await?;
            if cache["open"] == true && cache["behind_ms"].as_u64().is_some_and(|ms| ms < 1000) {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "the cache does not open: {cache}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// PostgREST with the same login, the same role and as many connections.
pub(super) async fn postgrest(stage: &Stage, database: &str, connections: u32) -> Result<Process> {
    let address = free_address()?;
    let mut command = on_server_core(&stage.peer);
    command
        .env("PGRST_DB_URI", stage.login_uri(database))
        .env("PGRST_DB_SCHEMAS", "public")
        .env("PGRST_DB_ANON_ROLE", "anon")
        .env("PGRST_JWT_SECRET", SECRET)
        .env("PGRST_DB_POOL", connections.to_string())
        .env("PGRST_SERVER_HOST", "127.0.0.1")
        .env("PGRST_SERVER_PORT", address.port().to_string())
        .env("PGRST_LOG_LEVEL", "error");
    let process =
        Process::start("postgrest", &mut command, address, &stage.directory.join("postgrest.log")).await?;
    // It listens before it knows the schema.
    let started = Instant::now();
    let path = if database == OWN { "/points?id=eq.1" } else { "/organizations?limit=1" };
    while Client::connect(address).await?.get(path).await.is_err() {
        ensure!(started.elapsed() < PATIENCE, "PostgREST does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(process)
}

/// nginx with its cache in front of an origin.
pub(super) async fn nginx(stage: &Stage, origin: SocketAddr) -> Result<Process> {
    let address = free_address()?;
    let directory = stage.directory.join("nginx");
    emptied(&directory)?;
    let text = include_str!("nginx.conf")
        .replace("{directory}", &directory.display().to_string())
        .replace("{listen}", &address.to_string())
        .replace("{origin}", &origin.to_string());
    let file = directory.join("nginx.conf");
    std::fs::write(&file, text)?;
    let mut command = on_server_core("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(&directory).args(["-e", "stderr"]);
    Process::start("nginx", &mut command, address, &stage.directory.join("nginx.log")).await
}

/// Varnish with its cache in memory in front of an origin.
pub(super) async fn varnish(stage: &Stage, origin: SocketAddr) -> Result<Process> {
    let address = free_address()?;
    let directory = stage.directory.join("varnish");
    emptied(&directory)?;
    let text = include_str!("varnish.vcl")
        .replace("{host}", &origin.ip().to_string())
        .replace("{port}", &origin.port().to_string());
    let file = directory.join("bench.vcl");
    std::fs::write(&file, text)?;
    let mut command = on_server_core("varnishd");
    command.args(["-F", "-j", "none", "-s", "default,64m", "-a", &address.to_string()]);
    command.arg("-n").arg(&directory).arg("-f").arg(&file);
    Process::start("varnish", &mut command, address, &stage.directory.join("varnish.log")).await
}

/// hyper and nothing else, answering these bytes; on the servers' core where it is measured, on the load's where
/// others are measured in front of it.
pub(super) async fn bare_hyper(stage: &Stage, core: &str, body: &[u8]) -> Result<Process> {
    let address = free_address()?;
    let file = stage.directory.join("body.json");
    std::fs::write(&file, body)?;
    let mut command = on_cores(core, &stage.bare_hyper);
    command.arg(address.to_string()).arg(&file);
    Process::start("hyper", &mut command, address, &stage.directory.join("hyper.log")).await
}

fn emptied(directory: &Path) -> Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("{}: {error}", directory.display())
        }
        _ => Ok(std::fs::create_dir_all(directory)?),
    }
}
