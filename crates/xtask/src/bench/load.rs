//! The load: wrk against a server, or pgbench against PostgreSQL, for one window.
//!
//! Both run on the load's core, which they inherit from this process. An answer that is not the expected
//! one fails the window: a server is not fast at saying no.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::process;

/// Prints what wrk has counted as one line of JSON.
const DONE: &str = include_str!("done.lua");

/// Something that asks as fast as it is answered.
pub(super) enum Load {
    /// wrk with a script.
    Wrk { url: String, script: PathBuf, connections: u32, headers: Vec<(String, String)> },
    /// pgbench with a script, its statements prepared; on the servers' core where it shall share it.
    Pgbench {
        program: PathBuf,
        uri: String,
        script: PathBuf,
        clients: u32,
        define: Vec<(String, String)>,
        beside_server: bool,
    },
}

/// What one window saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Requests, or transactions.
    pub(super) requests: f64,
    pub(super) seconds: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Load {
    /// wrk on one address.
    pub(super) fn wrk(directory: &Path, address: SocketAddr, path: &str, connections: u32) -> Result<Load> {
        Load::scripted(directory, "plain", "", address, path, connections)
    }

    /// wrk with a script of its own (Lua; it defines `request`).
    pub(super) fn scripted(
        directory: &Path,
        name: &str,
        lua: &str,
        address: SocketAddr,
        path: &str,
        connections: u32,
    ) -> Result<Load> {
        let script = directory.join(format!("{name}.lua"));
        std::fs::write(&script, format!("{lua}\n{DONE}"))?;
        Ok(Load::Wrk { url: format!("http://{address}{path}"), script, connections, headers: Vec::new() })
    }

    /// The same with a header on each request.
    pub(super) fn with_header(mut self, name: &str, value: &str) -> Load {
        if let Load::Wrk { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Runs for that long.
    pub(super) async fn run(&self, length: Duration) -> Result<Window> {
        let mut command = self.command(length);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.context("cannot run the load")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "the load failed: {text}{said}");
        match self {
            Load::Wrk { url, .. } => of_wrk(&text).with_context(|| format!("{url}: {text}{said}")),
            Load::Pgbench { .. } => of_pgbench(&text, length).with_context(|| format!("{text}{said}")),
        }
    }

    fn command(&self, length: Duration) -> Command {
        let seconds = length.as_secs().max(1).to_string();
        match self {
            Load::Wrk { url, script, connections, headers } => {
                let mut command = Command::new("wrk");
                command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency"]);
                command.args(["--timeout", "30s", "-s"]).arg(script);
                for (name, value) in headers {
                    command.args(["-H", &format!("{name}: {value}")]);
                }
                command.arg(url);
                command
            }
            Load::Pgbench { program, uri, script, clients, define, beside_server } => {
                let core = if *beside_server { process::SERVER_CORE } else { process::LOAD_CORE };
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(program);
                command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--client"]);
                command.args([&clients.to_string(), "--time", &seconds, "--file"]).arg(script);
                for (name, value) in define {
                    command.args(["--define", &format!("{name}={value}")]);
                }
                command.arg(uri);
                command
            }
        }
    }
}

fn of_wrk(text: &str) -> Result<Window> {
    let line = text.lines().find_map(|line| line.strip_prefix("json ")).context("wrk counted nothing")?;
    let counted: Value = serde_json::from_str(line)?;
    let number = |name: &str| counted[name].as_f64().with_context(|| format!("wrk did not count {name}"));
    let failed = number("failed")?;
    if failed > 0.0 {
        bail!("{failed} requests failed");
    }
    Ok(Window {
        requests: number("requests")?,
        seconds: number("duration_us")? / 1e6,
        p50_ms: number("p50_us")? / 1e3,
        p99_ms: number("p99_us")? / 1e3,
    })
}

/// pgbench tells a mean and no percentiles, so both are that mean.
fn of_pgbench(text: &str, length: Duration) -> Result<Window> {
    let behind = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse::<f64>().ok())
            .with_context(|| format!("pgbench did not tell {label}"))
    };
    let (rate, mean_ms) = (behind("tps =")?, behind("latency average =")?);
    let seconds = length.as_secs_f64();
    Ok(Window { requests: rate * seconds, seconds, p50_ms: mean_ms, p99_ms: mean_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_with_a_failed_request_does_not_count() {
        let text = r#"json {"requests":10,"duration_us":1e6,"failed":1,"p50_us":1,"p99_us":2}"#;
        assert!(of_wrk(text).unwrap_err().to_string().contains("1 requests failed"));
    }

    #[test]
    fn the_rate_of_pgbench_is_read_from_what_it_prints() {
        let text = "latency average = 0.800 ms\ntps = 10000.5 (without initial connection time)\n";
        let window = of_pgbench(text, Duration::from_secs(2)).unwrap();
        assert!((window.requests - 20001.0).abs() < 0.1);
    }
}
