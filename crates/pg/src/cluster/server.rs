//! One run of the server: from the start of the postmaster to its end.
//!
//! The postmaster is a child of this process, in a process group of its own, so that Ctrl-C reaches
//! Courant and not it. A second child, the keeper, stops it should this process be killed.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::directory::Directory;
use super::processes::{GLANCE, exists, lives_in, living_in, signal, wait_until};
use super::{Binaries, ClusterError};

/// How long a server may take to recover and be ready. Crash recovery replays at most a few gigabytes.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// How long a fast shutdown may take before it becomes an immediate one.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// How long the children of a killed postmaster may take to notice.
const ORPHANS_GONE_WITHIN: Duration = Duration::from_secs(20);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    postmaster: Child,
    data: PathBuf,
    keeper: Option<Child>,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
    ///
    /// With `throwaway`, should this process be killed, the whole directory goes with the server.
    pub(super) fn start(
        binaries: &Binaries,
        directory: &Directory,
        arguments: &[String],
        throwaway: bool,
    ) -> Result<Server, ClusterError> {
        settle(directory)?;
        let end = Instant::now() + ORPHANS_GONE_WITHIN;
        loop {
            let mut postmaster = spawn(binaries, directory, arguments)?;
            if ready(&mut postmaster, directory) {
                let keeper = keep(directory, postmaster.id(), throwaway);
                return Ok(Server { postmaster, data: directory.data.clone(), keeper });
            }
            let said = last_words(&directory.log);
            // Children of a postmaster that was killed live on until they look; PostgreSQL does not start
            // beside them, and off Linux this is the only way to know that they are there.
            if !said.contains("shared memory block") || Instant::now() > end {
                return Err(ClusterError::NotStarted { said, log: directory.log.clone() });
            }
            std::thread::sleep(GLANCE * 10);
        }
    }

    /// The postmaster's process number.
    pub(super) fn pid(&self) -> u32 {
        self.postmaster.id()
    }

    /// Whether it is still there.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.postmaster.try_wait(), Ok(None))
    }

    /// Disconnects everybody and stops, leaving a cluster that needs no recovery.
    pub(super) fn stop(mut self) {
        self.end(Signal::INT);
    }

    /// Stops at once, as after a power cut, but in order: nothing is left in memory or on the socket.
    pub(super) fn stop_immediately(mut self) {
        self.end(Signal::QUIT);
    }

    /// Kills every process of the server.
    pub(super) fn kill(mut self) {
        // All at once: orphans that wait for each other's locks may outlive the postmaster for ever. And again, for one
        // that it forked meanwhile.
        self.signal_all(Signal::KILL);
        self.end(Signal::KILL);
        wait_until(ORPHANS_GONE_WITHIN, || {
            let left = living_in(&self.data);
            left.iter().for_each(|pid| signal(*pid, Signal::KILL));
            left.is_empty()
        });
    }

    /// Sends a signal to every process of the server.
    pub(super) fn signal_all(&self, which: Signal) {
        let mut all = living_in(&self.data);
        if !all.contains(&self.pid()) {
            all.push(self.pid());
        }
        for pid in all {
            signal(pid, which);
        }
    }

    fn end(&mut self, how: Signal) {
        if self.is_running() {
            signal(self.pid(), how);
            // A paused process does nothing about any signal but SIGKILL.
            self.signal_all(Signal::CONT);
        }
        if !wait_until(STOPPED_WITHIN, || !self.is_running()) {
            signal(self.pid(), Signal::QUIT);
            if !wait_until(STOPPED_WITHIN, || !self.is_running()) {
                signal(self.pid(), Signal::KILL);
                let _ = self.postmaster.wait();
            }
        }
        if let Some(mut keeper) = self.keeper.take() {
            // It may be gone; all that matters is that it does not act any more.
            let _ = keeper.stdin.take().map(|mut stdin| stdin.write_all(b"stopped\n"));
            let _ = keeper.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}

/// Sees to it that nothing of an earlier run is in the way.
fn settle(directory: &Directory) -> Result<(), ClusterError> {
    let file = directory.data.join("postmaster.pid");
    if let Some(pid) = first_line(&file).and_then(|line| line.parse().ok()) {
        if lives_in(pid, &directory.data) {
            // Its Courant is gone, for the lock was free. It is stopped and not adopted, because its
            // settings are those of another day.
            signal(pid, Signal::CONT);
            signal(pid, Signal::INT);
            if !wait_until(STOPPED_WITHIN, || !lives_in(pid, &directory.data)) {
                signal(pid, Signal::QUIT);
                wait_until(STOPPED_WITHIN, || !lives_in(pid, &directory.data));
            }
        }
        wait_until(ORPHANS_GONE_WITHIN, || living_in(&directory.data).is_empty());
        // A number that belongs to somebody else by now would make PostgreSQL refuse to start. Removing
        // the file is safe only where it is known that nobody is left who uses the data.
        if cfg!(target_os = "linux") && exists(pid) && living_in(&directory.data).is_empty() {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(ClusterError::io("remove", &file)(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn spawn(binaries: &Binaries, directory: &Directory, arguments: &[String]) -> Result<Child, ClusterError> {
    let log = directory.fresh_file(&directory.log)?;
    let program = binaries.program("postgres");
    let mut command = quiet(&program, directory);
    command.arg("-D").arg(&directory.data).args(arguments);
    let errors = log.try_clone().map_err(ClusterError::io("write", &directory.log))?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    command.spawn().map_err(|error| cannot_run(error, &program, directory))
}

/// A command that runs as the cluster's owner and is not swayed by the user's libpq variables.
pub(super) fn quiet(program: &Path, directory: &Directory) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_MESSAGES", "C").env_remove("LC_ALL").current_dir(&directory.root);
    directory.owner.apply(&mut command);
    command
}

/// Why a program of PostgreSQL's could not be run at all.
pub(super) fn cannot_run(error: std::io::Error, program: &Path, directory: &Directory) -> ClusterError {
    let user = directory.owner.name().to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied => ClusterError::Unreachable { path: program.to_owned(), user },
        _ => ClusterError::io("run", program)(error),
    }
}

/// Waits until the postmaster says in its file that it is ready; `false` once it has ended instead.
fn ready(postmaster: &mut Child, directory: &Directory) -> bool {
    let file = directory.data.join("postmaster.pid");
    let mine = postmaster.id().to_string();
    let mut ended = false;
    let says_ready = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // Its first line may still be the one before's; the eighth is the state, padded with spaces.
        let mut lines = text.lines();
        lines.next() == Some(mine.as_str()) && lines.nth(6).is_some_and(|state| state.trim_end() == "ready")
    };
    let in_time = wait_until(READY_WITHIN, || {
        ended = !matches!(postmaster.try_wait(), Ok(None));
        ended || says_ready()
    });
    if !in_time {
        signal(postmaster.id(), Signal::QUIT);
        let _ = postmaster.wait();
    }
    in_time && !ended
}

/// Starts the keeper. Without one (no `sh`), an orphaned server is stopped by the next start instead.
fn keep(directory: &Directory, pid: u32, throwaway: bool) -> Option<Child> {
    let mut command = quiet(Path::new("/bin/sh"), directory);
    command
        .args(["-c", include_str!("keeper.sh"), "courant-keeper"])
        .arg(&directory.data)
        .arg(pid.to_string());
    if throwaway {
        command.arg("QUIT").arg(&directory.root);
    } else {
        command.args(["INT", ""]);
    }
    // A group of its own: what kills this process's group must not kill the keeper.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().ok()
}

fn first_line(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}

/// The message in a log that tells why the server gave up: its last error, or its last line.
fn last_words(log: &Path) -> String {
    let text = File::open(log).and_then(std::io::read_to_string).unwrap_or_default();
    let grave = |line: &&str| line.contains("FATAL:") || line.contains("PANIC:") || line.contains("ERROR:");
    let line = text.lines().rfind(grave).or_else(|| text.lines().last());
    line.unwrap_or("it ended without a word").trim().to_owned()
}
