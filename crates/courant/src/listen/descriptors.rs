//! File descriptors: every connection takes one, and the shell that starts a node often allows 1,024.
//!
//! Raises the soft limit to the hard one, which needs no right, and says when that is still too few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for what is neither a client nor a connection to the database: listeners, log, event loop.
const RESERVED: usize = 64;

/// Makes room for as many clients as are allowed beside the database's connections; how many fit.
pub(crate) fn make_room(connections_max: usize, pool_connections_max: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files could not be raised");
        }
    }
    let Some(files) = getrlimit(Resource::Nofile).current else { return connections_max };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let fits = files.saturating_sub(RESERVED + pool_connections_max).max(1);
    if fits < connections_max {
        tracing::warn!(
            "http.connections_max is {connections_max}, but this process may open {files} files: it serves \
             {fits} connections at once; raise the hard limit (ulimit -Hn, or LimitNOFILE= in systemd) to {}",
            connections_max + RESERVED + pool_connections_max
        );
    }
    fits.min(connections_max)
}
