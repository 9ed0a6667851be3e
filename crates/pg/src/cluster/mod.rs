//! A private PostgreSQL cluster: the embedded default of `courant serve` and `courant demo`, and the
//! database of every integration test.
//!
//! It runs the server programs found on this machine, in a directory of its own, as a child of this
//! process, reachable through a socket in that directory. Everything here blocks: asynchronous callers in
//! the product use `spawn_blocking`. Never touches a cluster that it did not make, and never a process
//! that is not its own server.
//!
//! However this process ends, the server ends: [`Cluster::stop`] and `Drop` stop it, and should the
//! process be killed, a keeper does (see `keeper.sh`). Should that be killed too, the next start finds
//! the orphan and stops it first.

mod binaries;
mod directory;
mod error;
mod owner;
mod processes;
mod server;
mod settings;
mod template;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rustix::process::Signal;

pub use binaries::Binaries;
pub use error::ClusterError;
pub use settings::ClusterSettings;

use directory::Directory;
use server::Server;
use template::SUPERUSER;

/// The port in a socket's name, where no TCP port is needed.
const SOCKET_PORT: u16 = 5432;

/// What cannot stand for itself in a path inside a URI.
const RESERVED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'%').add(b'&').add(b'+').add(b'#').add(b'?').add(b'=').add(b'"').add(b'\'');

/// A private PostgreSQL cluster and its server. Dropping it stops the server.
#[derive(Debug)]
pub struct Cluster {
    // Before the directory, so that it is dropped first: the lock outlives the server.
    server: Option<Server>,
    directory: Directory,
    binaries: Binaries,
    settings: ClusterSettings,
    port: u16,
    /// Whether it is a test's, and goes away with it.
    throwaway: bool,
}

impl Cluster {
    /// Starts the cluster in this directory, making it first if it is not there.
    ///
    /// PostgreSQL does not run as root: started by root, the cluster belongs to the user `postgres` or
    /// `nobody`. Where that user cannot enter (a clone under `/root`), the cluster goes to
    /// `/var/lib/courant` and the directory becomes a link to it.
    pub fn start(
        binaries: &Binaries,
        directory: &Path,
        settings: ClusterSettings,
    ) -> Result<Cluster, ClusterError> {
        let mut cluster = Cluster::open(binaries, directory, settings)?;
        match std::fs::read_to_string(cluster.directory.data.join("PG_VERSION")) {
            Ok(version) if version.trim() == binaries.version().to_string() => {}
            Ok(version) => {
                return Err(ClusterError::OtherVersion {
                    directory: cluster.directory.root.clone(),
                    made_by: version.trim().to_owned(),
                    found: binaries.version(),
                });
            }
            Err(_) => template::initdb(binaries, &cluster.directory, &[])?,
        }
        cluster.run()?;
        Ok(cluster)
    }

    /// A small cluster in the temporary directory, removed when dropped. The name shows in its path.
    ///
    /// # Panics
    /// When there is no PostgreSQL or it does not start: a test cannot go on without.
    pub fn for_test(name: &str) -> Cluster {
        Cluster::for_test_with(name, ClusterSettings::for_tests())
    }

    /// The same with other settings, made from [`ClusterSettings::for_tests`].
    ///
    /// # Panics
    /// When there is no PostgreSQL or it does not start: a test cannot go on without.
    pub fn for_test_with(name: &str, settings: ClusterSettings) -> Cluster {
        let binaries = Binaries::find(|name| std::env::var_os(name)).expect("tests need PostgreSQL");
        Cluster::throwaway(&binaries, name, settings).expect("a test's PostgreSQL starts")
    }

    /// A small cluster in the temporary directory, removed when dropped, for what nobody needs once this process
    /// has ended. Its settings are made from [`ClusterSettings::for_tests`]; the name shows in its path.
    pub fn throwaway(
        binaries: &Binaries,
        name: &str,
        settings: ClusterSettings,
    ) -> Result<Cluster, ClusterError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("courant-{name}-{}-{number}", std::process::id()));
        let mut cluster = Cluster::open(binaries, &directory, settings)?;
        cluster.throwaway = true;
        template::from_template(binaries, &cluster.directory)?;
        cluster.run()?;
        Ok(cluster)
    }

    fn open(
        binaries: &Binaries,
        directory: &Path,
        settings: ClusterSettings,
    ) -> Result<Cluster, ClusterError> {
        let directory = Directory::open(directory)?;
        let binaries = binaries.clone();
        Ok(Cluster { server: None, directory, binaries, settings, port: SOCKET_PORT, throwaway: false })
    }

    fn run(&mut self) -> Result<(), ClusterError> {
        let hba = self.settings.hba.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        self.write("pg_hba.conf", hba.as_bytes())?;
        for (name, content) in &self.settings.files {
            self.write(name, content)?;
        }
        let sockets = self.directory.sockets.to_string_lossy().into_owned();
        let mut tries = 5;
        loop {
            if self.settings.tcp && self.port == SOCKET_PORT {
                self.port = free_port(&self.directory)?;
            }
            let arguments = self.settings.arguments(&self.binaries, &sockets, self.port);
            match Server::start(&self.binaries, &self.directory, &arguments, self.throwaway) {
                Ok(server) => {
                    self.server = Some(server);
                    return Ok(());
                }
                // Between the choice of a free port and its use, another process may take it.
                Err(ClusterError::NotStarted { said, .. }) if said.contains("TCP/IP") && tries > 0 => {
                    tries -= 1;
                    self.port = SOCKET_PORT;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes a file of the data directory anew.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), ClusterError> {
        let path = self.directory.data.join(name);
        let mut file = self.directory.fresh_file(&path)?;
        file.write_all(content).map_err(ClusterError::io("write", &path))
    }

    /// A URI for the socket, as libpq and tokio-postgres read it, for the superuser.
    pub fn uri(&self, database: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let sockets = encode(&self.directory.sockets.to_string_lossy());
        format!("postgresql:///{}?host={sockets}&port={}&user={SUPERUSER}", encode(database), self.port)
    }

    /// A URI for `127.0.0.1`, without user and password; only where the settings ask for TCP.
    pub fn tcp_uri(&self, database: &str) -> Option<String> {
        let database = utf8_percent_encode(database, RESERVED);
        self.settings.tcp.then(|| format!("postgresql://127.0.0.1:{}/{database}", self.port))
    }

    /// The directory of its socket, for those who do not speak URIs.
    pub fn sockets(&self) -> &Path {
        &self.directory.sockets
    }

    /// The port in the socket's name, and of TCP where the settings ask for it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What to type to look into it: `psql "…"`.
    pub fn psql(&self, database: &str) -> String {
        format!("psql \"{}\"", self.uri(database))
    }

    /// Where it is on disk. Not always where it was wanted: see [`Cluster::start`].
    pub fn directory(&self) -> &Path {
        &self.directory.root
    }

    /// The server's log: what it wrote since it last started.
    pub fn log(&self) -> PathBuf {
        self.directory.log.clone()
    }

    /// The server programs that run it.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The postmaster's process number, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Whether the server is there. It may have been stopped or killed from outside.
    pub fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(Server::is_running)
    }

    /// Stops the server in order: everybody is disconnected, everything is written.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// Stops the server if it runs, and starts it.
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop();
        self.run()
    }

    /// Stops the server if it runs, and starts it with other settings.
    pub fn restart_with(&mut self, settings: ClusterSettings) -> Result<(), ClusterError> {
        self.stop();
        self.settings = settings;
        self.run()
    }

    /// Kills every process of the server (`SIGKILL`), for tests of faults. [`Cluster::restart`] recovers.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// Stops every process of the server where it stands (`SIGSTOP`), for tests of faults: connections
    /// stay open and nothing answers. Off Linux, only new connections are held.
    pub fn pause(&self) {
        if let Some(server) = &self.server {
            server.signal_all(Signal::STOP);
        }
    }

    /// Lets them go on.
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            server.signal_all(Signal::CONT);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing can be done here about a leftover in the temporary directory.
        if self.throwaway {
            if let Some(server) = self.server.take() {
                server.stop_immediately();
            }
            let _ = std::fs::remove_dir_all(&self.directory.root);
        } else {
            self.stop();
        }
        if self.directory.sockets != self.directory.root {
            let _ = std::fs::remove_dir(&self.directory.sockets);
        }
    }
}

/// A TCP port that nobody listens on at the moment.
fn free_port(directory: &Directory) -> Result<u16, ClusterError> {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(ClusterError::io("find a free port for", &directory.root))?.port())
}
