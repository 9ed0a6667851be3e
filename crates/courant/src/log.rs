//! Where the log goes: standard error, for eyes or for machines.

mod batch;

use std::io::IsTerminal as _;

use anyhow::Result;
use tracing_subscriber::EnvFilter;

use crate::config::{self, LogFormat};
use batch::{Batches, Pending};

/// The crates whose events the level is about.
const OURS: [&str; 5] = ["courant", "pg", "wal", "rest", "cache"];

/// Starts logging; once per process. What it returns is to be kept until the end.
pub(crate) fn start(config: &config::Log) -> Result<Pending> {
    let filter = EnvFilter::try_new(directives(&config.level))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    match config.format {
        LogFormat::Human => {
            subscriber.with_writer(std::io::stderr).with_ansi(colours()).compact().init();
            Ok(Pending::nothing())
        }
        LogFormat::Json => {
            let batches = Batches::start()?;
            let pending = batches.pending();
            subscriber.with_writer(batches).json().init();
            Ok(pending)
        }
    }
}

/// Libraries are heard only when they warn: the database's notices come as a library's `info`, and would
/// greet every first start.
fn directives(level: &str) -> String {
    let others = if level == "error" { "error" } else { "warn" };
    OURS.iter().fold(others.to_owned(), |all, ours| format!("{all},{ours}={level}"))
}

/// Not in a file or a pipe, and not where the user asked for none (<https://no-color.org>).
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
