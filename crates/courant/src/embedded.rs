//! The embedded default: a private PostgreSQL under `./.courant`, where no database was named.

use std::path::Path;

use anyhow::Result;
use pg::cluster::{Binaries, Cluster, ClusterSettings};

/// Where it keeps its files, from the directory in which the command was started.
const DIRECTORY: &str = ".courant";

/// Starts it, making it first where it is not there yet.
pub(crate) async fn start() -> Result<Cluster> {
    let started = tokio::task::spawn_blocking(|| {
        let binaries = Binaries::find(|name| std::env::var_os(name))?;
        Cluster::start(&binaries, Path::new(DIRECTORY), ClusterSettings::embedded())
    });
    Ok(started.await??)
}
