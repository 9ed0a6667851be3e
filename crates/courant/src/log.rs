//! Where the log goes: standard error, for eyes or for machines.

use anyhow::Result;
use tracing_subscriber::EnvFilter;

use crate::config::{self, LogFormat};

/// Starts logging; once per process.
pub(crate) fn start(config: &config::Log) -> Result<()> {
    let filter = EnvFilter::try_new(&config.level)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Human => subscriber.compact().init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}
