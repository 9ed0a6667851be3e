//! The configuration: read once, validated, immutable, passed by value.
//!
//! Every key is declared in `keys.rs` with its name, default and meaning; the structs here are what is
//! left once they are read. Sources, later ones win: defaults, `courant.toml`, PostgREST's file, its
//! variables, what the database says in its name, `COURANT_*`, flags. Never asks the database itself.

mod api;
mod environment;
mod error;
mod file;
mod front_door;
mod given;
mod jobs;
mod keys;
mod limits;
mod load;
mod origin;
mod postgrest;
mod postgrest_file;
mod reference;
mod routes;
mod tables;
#[cfg(test)]
mod tests;
mod webhooks;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::consistency::Consistency;
use crate::identity::ClaimPath;

pub(crate) use api::Api;
pub(crate) use error::ConfigError;
pub(crate) use front_door::{FrontDoor, Http2, Tls, network};
pub(crate) use jobs::{Handler, Handling, Jobs, Queue};
pub(crate) use limits::{By, Counts, Limit};
pub(crate) use load::Sources;
pub(crate) use origin::Origin;
pub(crate) use postgrest::page as postgrest_page;
pub(crate) use reference::reference;
use rest::Lifetime;
pub(crate) use routes::{Proxy, Refined, RouteDeclaration};
pub(crate) use tables::{GENERAL, qualified};
pub(crate) use webhooks::{Webhook, Webhooks};

/// The sum of what its parts can be told.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    pub(crate) environment: Environment,
    pub(crate) proxy: Proxy,
    pub(crate) database: Database,
    pub(crate) api: Api,
    pub(crate) jwt: Jwt,
    pub(crate) pool: Pool,
    pub(crate) cache: Cache,
    pub(crate) stream: Stream,
    pub(crate) http: Http,
    pub(crate) door: FrontDoor,
    pub(crate) audit: Audit,
    pub(crate) jobs: Jobs,
    pub(crate) webhooks: Webhooks,
    pub(crate) log: Log,
    /// What every key says, for whoever wonders.
    pub(crate) said: Vec<Said>,
    /// What it was read from, to read it again.
    pub(crate) origin: Origin,
    /// What was set but does nothing, a line each, for the log.
    pub(crate) warnings: Vec<String>,
}

/// What a key says, and where it was said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) key: &'static str,
    /// As it would be written, but for secrets.
    pub(crate) value: String,
    pub(crate) place: String,
}

/// Where it runs, which decides some defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Environment {
    /// A developer's machine.
    #[default]
    Development,
    /// Anything else.
    Production,
}

/// Which database, and what of it is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Database {
    /// Absent: the embedded default.
    pub(crate) url: Option<Secret>,
    pub(crate) schemas: Vec<String>,
    pub(crate) anon_role: Option<String>,
    pub(crate) rows_max: Option<u64>,
    pub(crate) aggregates: bool,
    pub(crate) plans: bool,
    pub(crate) transaction_end: rest::TransactionEnd,
    pub(crate) pre_request: Option<String>,
    pub(crate) hoisted_settings: Vec<String>,
    /// `app.settings.*`, which every transaction is given.
    pub(crate) app_settings: Vec<(String, String)>,
}

/// How a token becomes a role.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) secret: Option<Secret>,
    pub(crate) secret_is_base64: bool,
    pub(crate) audience: Option<String>,
    pub(crate) role_claim: ClaimPath,
    pub(crate) cache_entries_max: usize,
}

/// Connections for requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub(crate) connections_max: usize,
    pub(crate) waiters_max: usize,
    pub(crate) wait_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) batch_rows_max: usize,
}

/// The cache and its freshness.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    pub(crate) enabled: bool,
    pub(crate) memory_bytes_max: usize,
    pub(crate) entry_bytes_max: usize,
    pub(crate) bound: Duration,
    pub(crate) consistency: Consistency,
    pub(crate) consistency_wait: Duration,
    pub(crate) check_every: u64,
    pub(crate) poll_interval: Duration,
    pub(crate) log_transactions_max: usize,
    pub(crate) log_bytes_max: usize,
    pub(crate) keys_per_entry_max: usize,
    pub(crate) declare: Vec<Declaration>,
    pub(crate) named: Vec<NamedCache>,
}

/// What an answer depends on, where only the user can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) target: Target,
    /// Relations by name, with or without a schema.
    pub(crate) depends_on: Vec<String>,
    /// How old an answer may become although nothing changed.
    pub(crate) ttl: Option<Lifetime>,
}

/// A part of the cache with a budget of its own, and what lives there: relations and functions by name, with
/// or without a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedCache {
    pub(crate) name: String,
    pub(crate) relations: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) memory_bytes_max: usize,
    /// How old an answer may become although nothing changed.
    pub(crate) ttl: Option<Lifetime>,
}

/// What a [`Declaration`] speaks of, by name, with or without a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Function(String),
    View(String),
}

/// The change stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) enabled: bool,
    pub(crate) publication: String,
    pub(crate) transaction_changes_max: usize,
    pub(crate) transaction_bytes_max: usize,
    pub(crate) write_wait: Duration,
}

/// What clients may send, and how long they may take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http {
    pub(crate) body_bytes_max: usize,
    pub(crate) batch_parts_max: usize,
    pub(crate) header_bytes_max: usize,
    pub(crate) url_bytes_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) requests_in_flight_max: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) drain_timeout: Duration,
}

/// What is recorded in the database.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Audit {
    pub(crate) enabled: bool,
    pub(crate) writes: bool,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
    pub(crate) slow_query: Duration,
    pub(crate) requests: RequestsLogged,
}

/// Which requests get a line of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RequestsLogged {
    /// Each.
    #[default]
    All,
    /// Those that failed or were slow; the metrics count the others.
    Notable,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For eyes.
    #[default]
    Human,
    /// For machines.
    Json,
}

/// Text that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for whoever must use it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Config {
    /// What the defaults in `keys.rs` are then written over.
    fn blank() -> Config {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Config {
            listen: nowhere,
            admin_listen: nowhere,
            environment: Environment::default(),
            proxy: Proxy::default(),
            database: Database::default(),
            api: Api::default(),
            jwt: Jwt {
                secret: None,
                secret_is_base64: false,
                audience: None,
                role_claim: ClaimPath::default(),
                cache_entries_max: 0,
            },
            pool: Pool::default(),
            cache: Cache::default(),
            stream: Stream::default(),
            http: Http::default(),
            door: FrontDoor::default(),
            audit: Audit::default(),
            jobs: Jobs::default(),
            webhooks: Webhooks::default(),
            log: Log::default(),
            said: Vec::new(),
            origin: Origin::default(),
            warnings: Vec::new(),
        }
    }
}
