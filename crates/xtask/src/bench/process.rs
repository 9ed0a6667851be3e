//! Processes under measurement: started on the servers' core, watched through /proc, and ended with the run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The core of what makes load.
pub(super) const LOAD_CORE: &str = "0";
/// The core of what serves it, PostgreSQL included.
pub(super) const SERVER_CORE: &str = "1";
/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// /proc counts in hundredths of a second on every Linux there is.
const TICK_US: f64 = 10_000.0;

/// A server; dropping it ends it.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts a program on the servers' core and waits until it listens. Its output goes to a file.
    pub(super) async fn start(
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        log: &Path,
    ) -> Result<Process> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut process = Process { name, child, address };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = process.child.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                bail!("{name} does not listen: {}", fs::read_to_string(log).unwrap_or_default().trim());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(process)
    }

    /// Its process number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // Asked first, so that it ends its own children.
        let _ = kill_process(pid, Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > PATIENCE {
                eprintln!("{} did not end when told to, and is killed", self.name);
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A program that will run on the servers' core.
pub(super) fn on_server_core(program: impl AsRef<OsStr>) -> Command {
    on_cores(SERVER_CORE, program)
}

/// A program that will run on these cores.
pub(super) fn on_cores(cores: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

/// Puts this process, and so all it starts, on the load's core.
pub(super) fn take_load_core() -> Result<()> {
    pin(std::process::id(), LOAD_CORE)
}

/// Puts a running process and its children on the servers' core.
pub(super) fn move_to_server_core(pid: u32) -> Result<()> {
    tree(pid).into_iter().try_for_each(|pid| pin(pid, SERVER_CORE))
}

/// Puts a running process on the load's core, where nothing makes load.
pub(super) fn move_to_load_core(pid: u32) -> Result<()> {
    pin(pid, LOAD_CORE)
}

fn pin(pid: u32, core: &str) -> Result<()> {
    let output = Command::new("taskset").args(["-apc", core, &pid.to_string()]).output()?;
    if !output.status.success() {
        bail!("taskset: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A loopback address that nobody listens on.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Processor time of these processes, their children, and the children they have buried, in microseconds.
pub(super) fn cpu_us(roots: &[u32]) -> f64 {
    let ticks: u64 = roots.iter().flat_map(|root| tree(*root)).filter_map(ticks).sum();
    ticks as f64 * TICK_US
}

/// Resident memory of a process and its children, in bytes.
pub(super) fn resident_bytes(root: u32) -> u64 {
    tree(root).into_iter().filter_map(resident_of).sum()
}

fn resident_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// utime, stime, cutime and cstime: the fields 14 to 17.
fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    Some(fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum())
}

/// The fields of /proc/PID/stat behind the command's name, which may hold anything; from field 3 on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// A process and all that descend from it.
fn tree(root: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> =
        pids.filter_map(|pid| Some((pid, stat(pid)?.get(1)?.parse().ok()?))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}
