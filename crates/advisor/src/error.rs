//! Why there is no advice.

use std::path::PathBuf;

use pg::cluster::ClusterError;
use pg::connect::ConnectError;
use pg::wire::WireError;

/// Why there is no advice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdviceError {
    /// The database cannot be reached.
    #[error("cannot reach the database: {0}")]
    Connect(#[from] ConnectError),
    /// A statement of the advisor's own was refused, or the session ended.
    #[error("{doing}: {source}")]
    Session {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        source: WireError,
    },
    /// No private cluster could be started for the shadow.
    #[error("the shadow planner needs PostgreSQL's server programs: {0}")]
    Cluster(#[from] ClusterError),
    /// The shadow would not plan as the source does.
    #[error("the shadow planner cannot stand for this server: {0}")]
    Unlike(String),
    /// A file of the shadow's could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The workload cannot be used.
    #[error("the workload cannot be used: {0}")]
    Workload(String),
    /// The server answered something that was not asked for.
    #[error("the server's answer makes no sense: {0}")]
    Answer(String),
}
