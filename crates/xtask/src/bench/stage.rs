//! What every measurement stands on: the built binaries, the peers' programs, and one private PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use field_service::Scale;
use indicatif::{ProgressBar, ProgressStyle};
use pg::cluster::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

use super::process;
use crate::tidy::root;

/// The database with the benchmark's own tables.
pub(super) const OWN: &str = "bench";
/// The database with the example.
pub(super) const EXAMPLE: &str = "field_service";
/// The login of those who need no replication.
pub(super) const LOGIN: &str = "authenticator";

/// Where the measurements take place.
pub(crate) struct Stage {
    /// Fewer and shorter windows, less data: to see that everything works, not how fast.
    pub(super) quick: bool,
    /// Where logs, scripts and configurations go.
    pub(super) directory: PathBuf,
    /// The release binary.
    pub(super) courant: PathBuf,
    /// Nothing but hyper (see `examples/bare-hyper.rs`).
    pub(super) bare_hyper: PathBuf,
    /// What the peers' script names: PostgREST, or the Node.js that runs the queues.
    pub(super) peer: PathBuf,
    /// How long the release build took; nothing to speak of if there was nothing to build.
    pub(super) built_in: Duration,
    /// The one PostgreSQL that all of them use.
    pub(super) cluster: Cluster,
    bar: ProgressBar,
}

/// Whom Courant is measured beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Servers of HTTP (`scripts/ensure-peers`).
    Servers,
    /// The one of them that answers the same requests (`scripts/ensure-peers`).
    PostgRest,
    /// Queues (`scripts/ensure-queue-peers`).
    Queues,
}

/// What a benchmark stands on.
pub(super) struct Wanted {
    /// Fewer and shorter windows, less data.
    pub(super) quick: bool,
    pub(super) peers: Peers,
    /// What is measured, where it is built already.
    pub(super) binary: Option<PathBuf>,
    /// How much of the example, if any.
    pub(super) example: Option<Scale>,
    /// Of PostgreSQL.
    pub(super) settings: ClusterSettings,
}

impl Stage {
    /// Installs the peers, builds the binaries unless one is given, starts PostgreSQL and fills it.
    pub(super) async fn set(wanted: Wanted) -> Result<Stage> {
        let Wanted { quick, peers, binary, example, settings } = wanted;
        let root = root();
        let directory = root.join("target/bench");
        std::fs::create_dir_all(&directory)?;
        let bar = ProgressBar::new_spinner().with_style(
            ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}").expect("a constant template"),
        );
        bar.enable_steady_tick(Duration::from_millis(200));
        bar.set_message("installing the peers");
        let script = match peers {
            Peers::Servers | Peers::PostgRest => "scripts/ensure-peers",
            Peers::Queues => "scripts/ensure-queue-peers",
        };
        let installed = Command::new(root.join(script)).output()?;
        ensure!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr).trim());
        let peer = PathBuf::from(String::from_utf8(installed.stdout)?.trim());

        bar.set_message("building the release binaries (some minutes the first time)");
        let began = Instant::now();
        if binary.is_none() {
            build(&["--package", "courant"])?;
        }
        let built_in = began.elapsed();
        if peers == Peers::Servers {
            build(&["--package", "xtask", "--example", "bare-hyper"])?;
        }

        process::take_load_core()?;
        bar.set_message("starting PostgreSQL");
        let cluster = Cluster::for_test_with("bench", settings);
        process::move_to_server_core(cluster.pid().context("PostgreSQL has just been started")?)?;
        let release = root.join("target/release");
        let courant = binary.map_or_else(|| Ok(release.join("courant")), |binary| binary.canonicalize())?;
        let bare_hyper = release.join("examples/bare-hyper");
        let stage = Stage { quick, directory, courant, bare_hyper, peer, built_in, cluster, bar };
        stage.connect("postgres").await?.batch_execute(include_str!("sql/roles.sql")).await?;
        if peers != Peers::PostgRest {
            stage.fill_own().await?;
        }
        if let Some(scale) = example {
            stage.fill_example(scale).await?;
        }
        Ok(stage)
    }

    /// How many windows everybody gets.
    pub(super) fn rounds(&self) -> u32 {
        if self.quick { 2 } else { 5 }
    }

    /// How long a window is.
    pub(super) fn window(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 3 })
    }

    /// Tells what is being done.
    pub(super) fn show(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Tells what has been done, so that it stays to be read.
    pub(super) fn tell(&self, what: &str) {
        self.bar.suspend(|| eprintln!("{what}"));
    }

    /// The end of the progress bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// The postmaster, which answers for all of PostgreSQL.
    pub(super) fn postmaster(&self) -> Result<u32> {
        self.cluster.pid().context("PostgreSQL is gone")
    }

    /// A URI for a login that may only take on the roles of requests.
    pub(super) fn login_uri(&self, database: &str) -> String {
        let sockets = self.cluster.sockets().display();
        format!("postgresql:///{database}?host={sockets}&port={}&user={LOGIN}", self.cluster.port())
    }

    /// A connection around everybody.
    pub(super) async fn connect(&self, database: &str) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.cluster.uri(database), NoTls).await?;
        // Spawned here because it ends with the client that it carries.
        tokio::spawn(connection);
        Ok(client)
    }

    async fn fill_own(&self) -> Result<()> {
        self.show("filling the benchmark's tables");
        let client = self.connect("postgres").await?;
        client.batch_execute(&format!("create database {OWN}")).await?;
        let client = self.connect(OWN).await?;
        client.batch_execute(include_str!("sql/tables.sql")).await?;
        client.batch_execute("vacuum analyze").await?;
        Ok(())
    }

    async fn fill_example(&self, scale: Scale) -> Result<()> {
        let client = self.connect("postgres").await?;
        client.batch_execute(&format!("create database {EXAMPLE}")).await?;
        let client = self.connect(EXAMPLE).await?;
        field_service::install(&client).await?;
        client.batch_execute(&format!("grant anon, authenticated, service_role to {LOGIN}")).await?;
        let mut progress = |progress: field_service::Progress| {
            self.show(&format!(
                "filling the example: {} {}/{}",
                progress.table, progress.done, progress.total
            ));
        };
        field_service::generate(&client, scale, SystemTime::now(), &mut progress).await?;
        client.batch_execute("vacuum analyze").await?;
        Ok(())
    }
}

/// What is measured is not the disk: no fsync. Nothing runs by itself in the middle of a window.
pub(super) fn settings() -> ClusterSettings {
    ClusterSettings::for_tests()
        .with("shared_buffers", "256MB")
        .with("max_wal_size", "4GB")
        .with("checkpoint_timeout", "1h")
        .with("autovacuum", "off")
        .with("jit", "off")
}

fn build(what: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    let status = command.args(["build", "--release", "--quiet"]).args(what).current_dir(root()).status()?;
    ensure!(status.success(), "cargo build --release {} failed", what.join(" "));
    Ok(())
}
