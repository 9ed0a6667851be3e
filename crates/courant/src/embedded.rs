//! The embedded default: a private PostgreSQL under `./.courant`, where no database was named.

use std::path::Path;

use anyhow::Result;
use pg::cluster::{Binaries, Cluster, ClusterSettings};

/// Where it keeps its files, from the directory in which the command was started.
const DIRECTORY: &str = ".courant";

/// Starts it, making it first where it is not there yet.
pub(crate) fn start() -> Result<Cluster> {
    let binaries = Binaries::find(|name| std::env::var_os(name))?;
    Ok(Cluster::start(Path::new(DIRECTORY), binaries, ClusterSettings::embedded())?)
}
