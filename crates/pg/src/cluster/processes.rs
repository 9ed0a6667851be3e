//! The operating system's processes: who lives in a data directory, and signals to them.
//!
//! A process is taken for a cluster's own only if its working directory is the cluster's data directory
//! (off Linux: if its command line names it), because the number in an old `postmaster.pid` may belong to
//! anybody by now.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How often a condition that has no event of its own is looked at.
pub(super) const GLANCE: Duration = Duration::from_millis(3);

/// Waits until a condition holds; tells whether it did in time.
pub(super) fn wait_until(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + within;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(GLANCE);
    }
}

/// Sends a signal. A process that is gone already is no failure: that is what the signals here are for.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether there is a process of that number.
pub(super) fn exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // EPERM tells of a process too, one of somebody else.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// Whether that process works in the data directory.
pub(super) fn lives_in(pid: u32, data: &Path) -> bool {
    if cfg!(target_os = "linux") {
        std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == data)
    } else {
        let listed = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output();
        listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy()))
    }
}

/// All processes that work in the data directory, the postmaster and its children (none known off Linux).
pub(super) fn living_in(data: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == data)
        })
        .collect()
}
