//! What the caller hands in: a request and the rules of this deployment.
//!
//! Holds no behaviour beyond defaults. Filled by the caller from HTTP and from the configuration.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request, as far as its meaning goes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, percent-encoded, without the prefix under which the API is mounted.
    pub path: &'a str,
    /// The query string, percent-encoded, without the question mark; empty without one.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, whole.
    pub body: &'a Bytes,
}

/// What the configuration says about every request.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The exposed schemas; the first is the default.
    pub schemas: Vec<String>,
    /// The most rows a read returns.
    pub rows_max: Option<u64>,
    /// Whether requests may aggregate.
    pub aggregates: bool,
    /// Whether requests may ask how they are answered: for PostgreSQL's plans, and for what is made of them here.
    pub plans: bool,
    /// How transactions end.
    pub transaction_end: TransactionEnd,
    /// Whether an embed that has an alias is known by that alone, and not by its relation's name as well.
    pub aliases_only: bool,
    /// The function that answers at the root instead of the description.
    pub root: Option<RootFunction>,
    /// How the schema is described at the root.
    pub openapi: OpenApi,
    /// What the user says functions and views depend on.
    pub declared: Vec<Declared>,
    /// The function that is called before every request, by schema and name. It may do anything, so nothing is known
    /// of what answers depend on, unless it is among those that are `declared`.
    pub before: Option<(String, String)>,
    /// Bounds on what a request may ask.
    pub limits: Limits,
    /// Whether a write to a relation leaves the number of its rows in the setting `courant.rows`, for the audit log.
    pub writes_counted: bool,
}

/// A function by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFunction {
    /// The schema's name; none: that of the request.
    pub schema: Option<String>,
    /// The function's name.
    pub name: String,
}

/// How a schema is described at the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenApi {
    /// Of what it tells.
    pub mode: OpenApiMode,
    /// Whether it tells of tokens.
    pub security: bool,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port where clients find the API.
    pub host: String,
    /// The path of the root there.
    pub base_path: String,
}

/// Of what a schema's description tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OpenApiMode {
    /// Of what the role may use.
    #[default]
    FollowPrivileges,
    /// Of everything.
    IgnorePrivileges,
    /// There is none.
    Disabled,
}

impl Default for OpenApi {
    fn default() -> OpenApi {
        OpenApi {
            mode: OpenApiMode::default(),
            security: false,
            scheme: "http".to_owned(),
            host: "localhost:3000".to_owned(),
            base_path: "/".to_owned(),
        }
    }
}

/// How the transaction of a request ends that is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionEnd {
    /// With a rollback.
    pub rollback: bool,
    /// Whether the client may choose otherwise, by `Prefer: tx=commit` or `tx=rollback`.
    pub may_be_chosen: bool,
}

/// A function or view whose dependence the user declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The schema's name.
    pub schema: String,
    /// The function's or view's name.
    pub name: String,
    /// The relations it reads, by schema and name.
    pub depends_on: Vec<(String, String)>,
    /// How long an answer may be kept; required where the clock or anything else outside the log matters.
    pub ttl: Option<Lifetime>,
}

/// How long an answer may be kept although the log tells of no change: a time between these two, which are
/// the same where it is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// So long at first, and while the answer keeps changing.
    pub min: Duration,
    /// Never longer.
    pub max: Duration,
}

impl Lifetime {
    /// Always the same.
    pub fn fixed(ttl: Duration) -> Lifetime {
        Lifetime { min: ttl, max: ttl }
    }

    /// What satisfies both.
    #[must_use]
    pub fn and(self, other: Lifetime) -> Lifetime {
        Lifetime { min: self.min.min(other.min), max: self.max.min(other.max) }
    }
}

/// Bounds on what a request may ask.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of path and query together.
    pub url_bytes_max: usize,
    /// Filters in one request, those inside `and` and `or` included.
    pub filters_max: usize,
    /// Embedded relations in one request.
    pub embeds_max: usize,
    /// How deep embeds, `and` and `or` may nest.
    pub depth_max: usize,
    /// Rows that a read set names by their equality predicates; beyond it predicates are dropped.
    pub read_rows_max: usize,
    /// Rows an answer may contain for their keys to be kept one by one; beyond it the caller counts the
    /// whole relation as read. Zero asks for no keys at all.
    pub keys_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            url_bytes_max: 32 * 1024,
            filters_max: 200,
            embeds_max: 50,
            depth_max: 10,
            read_rows_max: 256,
            keys_max: 1000,
        }
    }
}
