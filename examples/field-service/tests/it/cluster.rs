//! A private PostgreSQL for one test: made on creation, reached by a socket in its own directory, and stopped and
//! removed on drop. Never listens on a network.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use field_service::{Scale, Summary};
use tokio_postgres::{Client, Config, NoTls};

/// The server, which runs while this lives.
pub(crate) struct Cluster {
    directory: PathBuf,
    binaries: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes and starts one.
    pub(crate) fn start() -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("field-service-{}-{number}", std::process::id()));
        fs::create_dir(&directory).expect("the temporary directory takes a new one");
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(&directory, Some(user), Some(group)).expect("root gives directories away");
        }
        let cluster = Cluster { directory, binaries: binaries(), owner };
        cluster.run("initdb", &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let socket = cluster.directory.display();
        let settings = format!("-c listen_addresses= -c unix_socket_directories={socket} -c fsync=off");
        let log = cluster.directory.join("log").display().to_string();
        cluster.run("pg_ctl", &["start", "-w", "-s", "-l", &log, "-o", &settings]);
        cluster
    }

    /// Creates a database with the example's schema in it, and connects to it as a superuser.
    pub(crate) async fn installed(&self, database: &str) -> Client {
        let client = self.connect("postgres").await;
        client.batch_execute(&format!("create database {database}")).await.expect("the name is free");
        let client = self.connect(database).await;
        field_service::install(&client).await.expect("the schema installs");
        client
    }

    async fn connect(&self, database: &str) -> Client {
        let mut config = Config::new();
        config.host_path(&self.directory).user("postgres").dbname(database);
        let (client, connection) = config.connect(NoTls).await.expect("the server was waited for");
        tokio::spawn(connection);
        client
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.binaries.join(program));
        command.arg("-D").arg(self.directory.join("data")).args(arguments);
        command.current_dir(&self.directory).stdout(Stdio::null()).env("LC_ALL", "C");
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        let status = command.status().expect("the server's programs start");
        assert!(status.success(), "{program} failed: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "-s", "-m", "immediate"]);
        fs::remove_dir_all(&self.directory).expect("a stopped server's directory can be removed");
    }
}

/// Fills the example at the tests' scale, with data that ends at midnight of 15 January 2026.
pub(crate) async fn generate(client: &Client) -> Summary {
    let scale = Scale { calls: 500, messages: 2000 };
    let until = UNIX_EPOCH + Duration::from_secs(1_768_435_200);
    field_service::generate(client, scale, until, &mut |_| {}).await.expect("the tables take the rows")
}

/// The newest server under Debian's path, or else the one in the search path.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.filter_map(|entry| {
        Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
    });
    if let Some((_, newest)) = debian.filter(|(_, path)| path.join("postgres").exists()).max() {
        return newest;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|path| path.join("postgres").exists() && path.join("initdb").exists())
        .expect("these tests need a PostgreSQL server's programs")
}

/// Root may not run a server: the user and group to run it as instead.
fn unprivileged() -> Option<(u32, u32)> {
    let me = fs::metadata("/proc/self").expect("the process sees itself").uid();
    if me != 0 {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).expect("the list of users is readable");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("the system has an unprivileged user"))
}
