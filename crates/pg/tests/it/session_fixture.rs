//! A private PostgreSQL for one test: made, started, and removed with the test.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct Cluster {
    /// Holds the data directory and the unix socket.
    pub(crate) directory: PathBuf,
    pub(crate) port: u16,
}

impl Cluster {
    /// A cluster that trusts everyone.
    pub(crate) fn start() -> Cluster {
        Cluster::start_with("", "local all all trust\nhost all all all trust\n", |_| {})
    }

    /// A cluster with these lines in its configuration and these in its `pg_hba.conf`; `prepare` may put
    /// files into its data directory.
    pub(crate) fn start_with(settings: &str, hba: &str, prepare: impl FnOnce(&Path)) -> Cluster {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("courant-pg-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Cluster { directory, port };
        own(&cluster.directory);
        let data = cluster.data();
        let data = data.to_str().unwrap();
        run(
            "initdb",
            &["-D", data, "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"],
        );
        let base = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nfsync = off\n\
             wal_level = logical\nmax_connections = 30\nshared_buffers = 16MB\n",
            cluster.directory.display()
        );
        fs::write(cluster.data().join("postgresql.conf"), base + settings).unwrap();
        fs::write(cluster.data().join("pg_hba.conf"), hba).unwrap();
        prepare(&cluster.data());
        for entry in fs::read_dir(cluster.data()).unwrap() {
            own(&entry.unwrap().path());
        }
        cluster.resume();
        cluster
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The connection string of the superuser, over TCP.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements as superuser.
    pub(crate) async fn execute(&self, sql: &str) {
        self.superuser().await.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn superuser(&self) -> tokio_postgres::Client {
        let socket = self.directory.to_str().unwrap();
        let text = format!("host={socket} port={} user=postgres dbname=postgres", self.port);
        let (client, driver) = tokio_postgres::connect(&text, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(driver);
        client
    }

    pub(crate) fn resume(&self) {
        let log = self.directory.join("data/log.txt");
        let data = self.data();
        run("pg_ctl", &["-D", data.to_str().unwrap(), "-w", "-s", "-l", log.to_str().unwrap(), "start"]);
    }

    /// Stops it as a crash would.
    pub(crate) fn kill(&self) {
        run("pg_ctl", &["-D", self.data().to_str().unwrap(), "-s", "-w", "-m", "immediate", "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.kill();
        }
        // What is left behind in the temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// PostgreSQL refuses to run as root, so a test that does has `postgres` own and run it.
fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Gives a file or directory to the user who runs the server.
pub(crate) fn own(path: &Path) {
    if is_root() {
        assert!(Command::new("chown").args(["-R", "postgres"]).arg(path).status().unwrap().success());
    }
}

fn run(program: &str, arguments: &[&str]) {
    let program = binaries().join(program);
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        }
        false => Command::new(&program),
    };
    // The server inherits these; a pipe that it kept open would never end.
    let command = command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "{} {arguments:?}", program.display());
}

fn binaries() -> PathBuf {
    if let Some(path) = std::env::var_os("COURANT_PG_BIN") {
        return PathBuf::from(path);
    }
    let installed =
        fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed, or COURANT_PG_BIN set");
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed.map(|entry| entry.unwrap().path()).max_by_key(version);
    newest.expect("PostgreSQL is installed").join("bin")
}
