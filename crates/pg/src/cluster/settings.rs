//! How a private cluster is set up: the server's settings and who may connect.

use super::Binaries;

/// How a private cluster is set up.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// Server settings, in order; a later one wins. They go on the server's command line, so they win
    /// over `postgresql.conf` and `alter system`.
    pub parameters: Vec<(String, String)>,
    /// The lines of `pg_hba.conf`. The cluster's directory is closed to other users, so the socket in it
    /// needs no password.
    pub hba: Vec<String>,
    /// Whether to listen on `127.0.0.1` too, on a free port.
    pub tcp: bool,
    /// Files by name, put into the data directory before the server starts, for its user's eyes alone.
    pub files: Vec<(String, Vec<u8>)>,
}

impl ClusterSettings {
    /// For the embedded default: durable, on its socket only.
    pub fn embedded() -> ClusterSettings {
        let settings = ClusterSettings {
            parameters: Vec::new(),
            hba: ["local all all trust", "local replication all trust"].map(str::to_owned).into(),
            tcp: false,
            files: Vec::new(),
        };
        settings
            .with("cluster_name", "courant")
            .with("wal_level", "logical")
            .with("max_wal_senders", "10")
            .with("max_replication_slots", "10")
            .with("log_min_messages", "warning")
            .with("log_checkpoints", "off")
    }

    /// For tests: small, and indifferent to power cuts. `synchronous_commit` stays on, since tests are
    /// about the order in which commits are seen.
    pub fn for_tests() -> ClusterSettings {
        ClusterSettings::embedded()
            .with("fsync", "off")
            .with("full_page_writes", "off")
            .with("shared_buffers", "16MB")
            .with("max_connections", "60")
            // `initdb` scales it with the template's small segments, and checkpoints would be forced.
            .with("max_wal_size", "1GB")
            // The default leaves shared memory behind in /dev/shm when a test kills the server.
            .with("dynamic_shared_memory_type", "mmap")
    }

    /// The same with one server setting more.
    pub fn with(mut self, name: &str, value: &str) -> ClusterSettings {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, also listening on `127.0.0.1`, where these lines of `pg_hba.conf` decide (for example
    /// `host all all 127.0.0.1/32 scram-sha-256`).
    pub fn with_tcp(mut self, hba: &[&str]) -> ClusterSettings {
        self.tcp = true;
        self.hba.extend(hba.iter().map(|&line| line.to_owned()));
        self
    }

    /// The same with one file more in the data directory (a certificate, a key).
    pub fn with_file(mut self, name: &str, content: Vec<u8>) -> ClusterSettings {
        self.files.push((name.to_owned(), content));
        self
    }

    /// What the server's command line says, given where it listens.
    pub(super) fn arguments(&self, binaries: &Binaries, socket_directory: &str, port: u16) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut set =
            |name: &str, value: &str| arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        set("unix_socket_directories", &format!("\"{socket_directory}\""));
        set("listen_addresses", if self.tcp { "127.0.0.1" } else { "" });
        set("port", &port.to_string());
        // Its messages are matched on (see `server`), whatever the user's language.
        set("lc_messages", "C");
        if binaries.has_library("pg_stat_statements") {
            set("shared_preload_libraries", "pg_stat_statements");
        }
        for (name, value) in &self.parameters {
            set(name, value);
        }
        arguments
    }
}
