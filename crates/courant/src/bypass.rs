//! Why a request went past the cache: a closed list for the metrics, in words for whoever asked.

use std::fmt;

use pg::catalog::Obstacle;

/// Why a request went past the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bypass {
    /// The cache itself must not be asked now.
    Cache(cache::Bypass),
    /// What the answer depends on is not known, or is not in the log; and the object at fault.
    Obstacle(Obstacle, String),
    /// The changes of this relation are not told by the stream.
    Unpublished(String),
    /// The configuration names a relation or column that the database does not have.
    Unknown(String),
    /// The request's token is not one that this node can vouch for.
    Token,
    /// It is switched off.
    Off,
    /// The request may write.
    Method,
    /// It is not the answer that is shown, but how it is come by.
    Explained,
    /// There is no answer, only an error.
    Failed,
}

impl Bypass {
    /// One word of a closed list.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Bypass::Cache(cache::Bypass::Closed) => "closed",
            Bypass::Cache(cache::Bypass::Behind) => "behind",
            Bypass::Cache(cache::Bypass::Write) => "write",
            Bypass::Obstacle(Obstacle::Volatile, _) => "volatile",
            Bypass::Obstacle(Obstacle::Clock, _) => "clock",
            Bypass::Obstacle(Obstacle::Opaque, _) => "opaque",
            Bypass::Obstacle(Obstacle::Foreign, _) => "foreign",
            Bypass::Obstacle(Obstacle::Unlogged, _) => "unlogged",
            Bypass::Obstacle(Obstacle::MaterializedView, _) => "materialized_view",
            Bypass::Obstacle(Obstacle::Catalog, _) => "catalog",
            Bypass::Obstacle(Obstacle::Sequence, _) => "sequence",
            Bypass::Unpublished(_) => "unpublished",
            Bypass::Unknown(_) => "unknown",
            Bypass::Token => "token",
            Bypass::Off => "off",
            Bypass::Method => "method",
            Bypass::Explained => "explained",
            Bypass::Failed => "failed",
        }
    }
}

impl fmt::Display for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bypass::Cache(cache::Bypass::Closed) => write!(f, "there is no change stream"),
            Bypass::Cache(cache::Bypass::Behind) => write!(f, "the change stream is behind the bound"),
            Bypass::Cache(cache::Bypass::Write) => write!(f, "a write has not come back by the stream"),
            Bypass::Obstacle(Obstacle::Volatile, object) => write!(f, "{object} is volatile"),
            Bypass::Obstacle(Obstacle::Clock, object) => write!(f, "{object} depends on the clock"),
            Bypass::Obstacle(Obstacle::Opaque, object) => {
                write!(f, "{object} cannot be read: declare what it depends on")
            }
            Bypass::Obstacle(Obstacle::Foreign, object) => write!(f, "{object} is a foreign table"),
            Bypass::Obstacle(Obstacle::Unlogged, object) => write!(f, "{object} is not logged"),
            Bypass::Obstacle(Obstacle::MaterializedView, object) => {
                write!(f, "{object} is a materialized view")
            }
            Bypass::Obstacle(Obstacle::Catalog, object) => write!(f, "{object} is a system catalog"),
            Bypass::Obstacle(Obstacle::Sequence, object) => write!(f, "{object} is a sequence"),
            Bypass::Unpublished(object) => write!(f, "{object} is not in the publication"),
            Bypass::Unknown(object) => write!(f, "depends_on names {object}, which is not there"),
            Bypass::Token => write!(f, "the token could not be verified"),
            Bypass::Off => write!(f, "the cache is off"),
            Bypass::Method => write!(f, "the request may write"),
            Bypass::Explained => write!(f, "it is explained, not answered"),
            Bypass::Failed => Ok(()),
        }
    }
}
