//! A private PostgreSQL for the length of one test run: its own data directory, sockets only, no port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

/// A running server.
pub(crate) struct Cluster {
    directory: PathBuf,
    server: Child,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    /// Makes and starts one; as user `postgres` when the test runs as root, which PostgreSQL refuses.
    pub(crate) fn start() -> Cluster {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("courant-rest-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&directory).status().unwrap();
            assert!(owned.success());
        }
        let data = directory.join("data");
        let made = command("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=UTC"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Cluster { directory, server }
    }

    /// Connects, waiting for the server to answer.
    pub(crate) async fn connect(&self) -> Client {
        let target = format!("host={} user=postgres dbname=postgres", self.directory.display());
        for _ in 0..200 {
            if let Ok((client, connection)) = tokio_postgres::connect(&target, NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not answer within 10 s");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT asks for a fast shutdown; the wrapper that changed the user has become the server itself.
        let _ = Command::new("kill").arg("-INT").arg(self.server.id().to_string()).status();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// A program of the newest server installed, as a user that it accepts.
fn command(program: &str) -> Command {
    let program = binaries().join(program);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn binaries() -> PathBuf {
    if let Some(chosen) = std::env::var_os("COURANT_PG_BIN") {
        return PathBuf::from(chosen);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed").flatten();
    let newest = versions.map(|version| version.path()).max_by_key(|path| version(path));
    newest.expect("PostgreSQL is installed").join("bin")
}

fn version(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}
