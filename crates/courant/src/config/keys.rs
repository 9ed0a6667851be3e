//! Every key there is: its name, its default, what it means, and how its value is read.
//!
//! The reference page is generated from this table (`courant config reference`), and the environment's
//! names follow from it: `pool.connections_max` is `COURANT_POOL_CONNECTIONS_MAX`. Longer than 500 lines because it is
//! one table.

use rest::TransactionEnd;

use super::given::{Given, Refusal};
use super::jobs;
use super::routes;
use super::tables::{declaration, named};
use super::webhooks;
use super::{Config, Environment, LogFormat, RequestsLogged, Secret, api, front_door};
use crate::consistency::Consistency;

/// A key of the configuration.
pub(super) struct Key {
    /// Its name with its section: `pool.connections_max`.
    pub(super) name: &'static str,
    /// What PostgREST calls it, where it is one variable that means exactly the same.
    pub(super) postgrest: &'static [&'static str],
    /// What holds when nothing is said.
    pub(super) default: Default,
    /// What it means, in Markdown.
    pub(super) meaning: &'static str,
    /// Reads a value into the configuration, or says what is allowed.
    pub(super) read: fn(&mut Config, &Given) -> Result<(), Refusal>,
}

/// What holds when nothing is said, as it would be written in the environment.
pub(super) enum Default {
    /// Always the same.
    Text(&'static str),
    /// One in development, another in production.
    ByEnvironment(&'static str, &'static str),
    /// Nothing is set, which means this.
    Unset(&'static str),
}

impl Key {
    pub(super) const fn new(
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
        read: fn(&mut Config, &Given) -> Result<(), Refusal>,
    ) -> Key {
        Key { name, postgrest: &[], default: Default::Text(default), meaning, read }
    }

    pub(super) const fn unset(mut self) -> Key {
        if let Default::Text(means) = self.default {
            self.default = Default::Unset(means);
        }
        self
    }

    const fn in_production(mut self, production: &'static str) -> Key {
        if let Default::Text(development) = self.default {
            self.default = Default::ByEnvironment(development, production);
        }
        self
    }

    pub(super) const fn postgrest(mut self, names: &'static [&'static str]) -> Key {
        self.postgrest = names;
        self
    }

    /// Every key, in the order of the reference page.
    pub(super) fn all() -> impl Iterator<Item = &'static Key> {
        KEYS.iter().chain(api::KEYS).chain(front_door::KEYS).chain(&jobs::KEYS).chain(&webhooks::KEYS)
    }

    /// The key of that name.
    pub(super) fn named(name: &str) -> Option<&'static Key> {
        Key::all().find(|key| key.name == name)
    }

    /// A value of it, for anybody to see.
    pub(super) fn shown(&self, value: &Given) -> String {
        let is_secret = self.name == "database.url" || self.name.contains("secret");
        if is_secret { "\"***\"".to_owned() } else { value.shown() }
    }

    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        format!("COURANT_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The value that holds when nothing is said.
    pub(super) fn default_in(&self, environment: Environment) -> Option<&'static str> {
        match (&self.default, environment) {
            (Default::Text(text), _) => Some(text),
            (Default::ByEnvironment(development, _), Environment::Development) => Some(development),
            (Default::ByEnvironment(_, production), Environment::Production) => Some(production),
            (Default::Unset(_), _) => None,
        }
    }
}

const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: u64 = 86_400_000;

/// All keys but those of the front door, in the order of the reference page.
const KEYS: &[Key] = &[
    Key::new(
        "listen",
        "127.0.0.1:3000",
        "Where requests are answered. PostgREST's `PGRST_SERVER_HOST` and `PGRST_SERVER_PORT` set its halves.",
        |config, given| given.address().map(|address| config.listen = address),
    ),
    Key::new(
        "admin_listen",
        "127.0.0.1:3001",
        "Where `/live`, `/ready`, `/metrics` and the admin API are answered; never open it to the world. \
         `PGRST_ADMIN_SERVER_HOST` and `PGRST_ADMIN_SERVER_PORT` set its halves.",
        |config, given| given.address().map(|address| config.admin_listen = address),
    ),
    Key::new(
        "environment",
        "development",
        "`development` or `production`; decides the defaults that differ between them.",
        |config, given| {
            let words = [("development", Environment::Development), ("production", Environment::Production)];
            given.word(&words).map(|environment| config.environment = environment)
        },
    ),
    Key::new(
        "route",
        "none",
        "How requests for some paths and methods are passed on to backends: tables `[[route]]` (see below). Only in \
         the file.",
        |config, given| given.tables("route", routes::route).map(|all| config.proxy.tables = all),
    )
    .unset(),
    Key::new(
        "proxy.upstream",
        "none: Courant's own API alone",
        "The backend in front of which Courant stands, or several, `http://127.0.0.1:8000` or `https://app.internal`: \
         it is passed every \
         request that is for no `[[route]]` and not for Courant's own API under `/rest/v1`.",
        |config, given| routes::upstreams(given).map(|all| config.proxy.general.upstreams = all),
    )
    .unset(),
    Key::new(
        "proxy.upstream_ca",
        "none: those that the system trusts",
        "A PEM file with authorities whose certificates are good for `https://` upstreams, beside those that the system \
         trusts. Read once.",
        |config, given| given.text().map(|path| config.proxy.upstream_ca = Some(path.into())),
    )
    .unset(),
    Key::new(
        "proxy.timeout_ms",
        "30000",
        "How long an upstream may take to begin its answer, once it has the request; past it, 504.",
        |config, given| routes::timeout(given).map(|time| config.proxy.general.timeout = time),
    ),
    Key::new(
        "proxy.idle_timeout_ms",
        "60000",
        "How long an upstream or a client may send nothing in the middle of a body before it is cut.",
        |config, given| routes::timeout(given).map(|time| config.proxy.general.idle_timeout = time),
    ),
    Key::new(
        "proxy.connect_timeout_ms",
        "2000",
        "How long it may take to connect to an upstream.",
        |config, given| routes::timeout(given).map(|time| config.proxy.connect_timeout = time),
    ),
    Key::new(
        "proxy.retries",
        "1",
        "How often a request is tried again: where no connection came about, and safe requests that got a 502, 503 \
         or 504 while another upstream is left. Never once a byte of the answer was passed on.",
        |config, given| routes::retries(given).map(|retries| config.proxy.general.retries = retries),
    ),
    Key::new(
        "proxy.connections_max",
        "1024",
        "The most requests in flight to one upstream; more are answered 503 with `Retry-After`.",
        |config, given| given.count(1..=100_000).map(|count| config.proxy.connections_max = count),
    ),
    Key::new(
        "proxy.body_bytes_max",
        "104857600",
        "The largest request body that is passed on (100 MiB); a larger one is answered 413.",
        |config, given| routes::body_bytes_max(given).map(|bytes| config.proxy.general.body_bytes_max = bytes),
    ),
    Key::new(
        "proxy.health_path",
        "none: whether a connection comes about",
        "What upstreams are asked for to see whether they are well: a path that is answered 2xx.",
        |config, given| routes::health_path(given).map(|path| config.proxy.health_path = Some(path)),
    )
    .unset(),
    Key::new(
        "proxy.health_interval_ms",
        "2000",
        "How often they are asked.",
        |config, given| given.milliseconds(100..=HOUR_MS).map(|time| config.proxy.health_interval = time),
    ),
    Key::new(
        "proxy.cache",
        "http",
        "What is kept of answers: `http`, what their headers allow a shared cache, or `none`.",
        |config, given| routes::is_cached(given).map(|is_cached| config.proxy.general.is_cached = is_cached),
    ),
    Key::new(
        "proxy.cache_bytes_max",
        "134217728",
        "The memory that kept answers of upstreams may take (128 MiB); beyond it, the least useful go.",
        |config, given| given.count(MIB..=1024 * GIB).map(|bytes| config.proxy.cache_bytes_max = bytes),
    ),
    Key::new(
        "proxy.cache_entry_bytes_max",
        "8388608",
        "The largest answer of an upstream that is kept (8 MiB).",
        |config, given| given.count(KIB..=GIB).map(|bytes| config.proxy.cache_entry_bytes_max = bytes),
    ),
    Key::new(
        "database.url",
        "what `DATABASE_URL` or `PGHOST` and its kin say, else a private cluster under `./.courant`",
        "The database, as a URI or as `key=value` pairs; `@path` reads it from a file.",
        |config, given| given.secret().and_then(url).map(|url| config.database.url = Some(url)),
    )
    .unset()
    .postgrest(&["PGRST_DB_URI"]),
    Key::new(
        "database.schemas",
        "public",
        "The schemas whose relations and functions are served; the first is the default one.",
        |config, given| given.names().map(|names| config.database.schemas = names),
    )
    .postgrest(&["PGRST_DB_SCHEMAS", "PGRST_DB_SCHEMA"]),
    Key::new(
        "database.anon_role",
        "none: without a token, read-only on loopback",
        "The role of requests without a token.",
        |config, given| given.text().map(|role| config.database.anon_role = Some(role)),
    )
    .unset()
    .postgrest(&["PGRST_DB_ANON_ROLE"]),
    Key::new("database.rows_max", "no limit", "The most rows that one answer holds.", |config, given| {
        given.number(1..=u64::MAX).map(|rows| config.database.rows_max = Some(rows))
    })
    .unset()
    .postgrest(&["PGRST_DB_MAX_ROWS"]),
    Key::new("database.aggregates", "false", "Whether requests may sum, average and count.", |config, given| {
        given.boolean().map(|aggregates| config.database.aggregates = aggregates)
    })
    .postgrest(&["PGRST_DB_AGGREGATES_ENABLED"]),
    Key::new(
        "database.plans",
        "false",
        "Whether requests may ask how they are answered: for PostgreSQL's plan, and for the statement, what it \
         reads and why its answer is kept or not. It tells more of the database than its answers do.",
        |config, given| given.boolean().map(|plans| config.database.plans = plans),
    )
    .postgrest(&["PGRST_DB_PLAN_ENABLED"]),
    Key::new(
        "database.transaction_end",
        "commit",
        "How the transaction of a request ends: `commit` or `rollback`; with `-allow-override` after it, unless \
         the client says `Prefer: tx=commit` or `tx=rollback`.",
        |config, given| {
            let end = |rollback, may_be_chosen| TransactionEnd { rollback, may_be_chosen };
            let word = given.word(&[
                ("commit", end(false, false)),
                ("commit-allow-override", end(false, true)),
                ("rollback", end(true, false)),
                ("rollback-allow-override", end(true, true)),
            ]);
            word.map(|end| config.database.transaction_end = end)
        },
    )
    .postgrest(&["PGRST_DB_TX_END"]),
    Key::new(
        "database.pre_request",
        "none",
        "A function without arguments that is called in every request's transaction, as its role and with its \
         settings, before anything else; an error it raises is the answer. `schema.name`, or a name that is looked for \
         along the search path. What it does cannot be known, so nothing is kept while there is one, unless \
         `[[cache.declare]]` says what it depends on: then an answer that is kept is given without calling it.",
        |config, given| given.text().map(|name| config.database.pre_request = Some(name)),
    )
    .unset()
    .postgrest(&["PGRST_DB_PRE_REQUEST"]),
    Key::new(
        "database.hoisted_settings",
        "statement_timeout,plan_filter.statement_cost_limit,default_transaction_isolation",
        "The settings of a function (`alter function … set`) that hold for the whole transaction of a request that \
         calls it; others hold, as PostgreSQL has it, while the function runs.",
        |config, given| given.names().map(|names| config.database.hoisted_settings = names),
    )
    .postgrest(&["PGRST_DB_HOISTED_TX_SETTINGS"]),
    Key::new(
        "jwt.secret",
        "none: no token is accepted",
        "What tokens are signed with: a secret for HS256, HS384 and HS512, 32 bytes or more; a JSON Web Key \
         (RSA, EC of P-256 or P-384, Ed25519 or oct); or a set of them, `{\"keys\": [...]}`, told apart by `kid`. \
         `@path` reads it from a file.",
        |config, given| given.secret().and_then(jwt_secret).map(|secret| config.jwt.secret = Some(secret)),
    )
    .unset()
    .postgrest(&["PGRST_JWT_SECRET"]),
    Key::new(
        "jwt.secret_is_base64",
        "false",
        "Whether `jwt.secret` is written in base64, in either alphabet.",
        |config, given| given.boolean().map(|is_base64| config.jwt.secret_is_base64 = is_base64),
    )
    .postgrest(&["PGRST_JWT_SECRET_IS_BASE64"]),
    Key::new("jwt.audience", "any", "The audience that a token must be for, if it names any.", |config, given| {
        given.text().map(|audience| config.jwt.audience = Some(audience))
    })
    .unset()
    .postgrest(&["PGRST_JWT_AUD"]),
    Key::new(
        "jwt.role_claim",
        "role",
        "The claim that names the role: its name, or PostgREST's path to it, `.realm.roles[0]`, \
         `.\"https://example.com/role\".key`, `.roles[?(@ ^== \"app_\")]`, `.groups[0][1:]`.",
        |config, given| given.text().and_then(|text| text.parse()).map(|path| config.jwt.role_claim = path),
    )
    .postgrest(&["PGRST_JWT_ROLE_CLAIM_KEY"]),
    Key::new(
        "jwt.cache_entries_max",
        "1000",
        "How many tokens are remembered as signed well, so that a signature is checked once; times and audience \
         are checked on every request. 0: none.",
        |config, given| given.count(0..=1_000_000).map(|count| config.jwt.cache_entries_max = count),
    )
    .postgrest(&["PGRST_JWT_CACHE_MAX_ENTRIES"]),
    Key::new(
        "pool.connections_max",
        "5",
        "The most connections that requests use at once.",
        |config, given| given.count(1..=10_000).map(|count| config.pool.connections_max = count),
    )
    .in_production("20")
    .postgrest(&["PGRST_DB_POOL"]),
    Key::new(
        "pool.waiters_max",
        "1000",
        "The most requests that wait for a connection; more are answered 503.",
        |config, given| given.count(0..=1_000_000).map(|count| config.pool.waiters_max = count),
    ),
    Key::new(
        "pool.wait_timeout_ms",
        "10000",
        "How long a request waits for a connection before it is answered 503; one that must expect to wait \
         longer is answered at once.",
        |config, given| given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.pool.wait_timeout = time),
    ),
    Key::new(
        "pool.connect_timeout_ms",
        "5000",
        "How long it may take to connect to the database.",
        |config, given| given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.pool.connect_timeout = time),
    ),
    Key::new(
        "pool.statement_timeout_ms",
        "30000",
        "How long a statement may run. 0: as long as the database lets it.",
        |config, given| given.milliseconds(0..=DAY_MS).map(|time| config.pool.statement_timeout = time),
    ),
    Key::new(
        "pool.batch_rows_max",
        "100",
        "How many requests for single rows, of one role and one shape, one query may answer; 1 asks for each by \
         itself.",
        |config, given| given.count(1..=1000).map(|count| config.pool.batch_rows_max = count),
    ),
    Key::new("cache.enabled", "true", "Whether answers are kept.", |config, given| {
        given.boolean().map(|enabled| config.cache.enabled = enabled)
    }),
    Key::new(
        "cache.memory_bytes_max",
        "268435456",
        "The memory that kept answers may take (256 MiB), those of named caches apart; beyond it, the least \
         useful go.",
        |config, given| given.count(MIB..=1024 * GIB).map(|bytes| config.cache.memory_bytes_max = bytes),
    ),
    Key::new(
        "cache.entry_bytes_max",
        "4194304",
        "The largest answer that is kept (4 MiB).",
        |config, given| given.count(KIB..=GIB).map(|bytes| config.cache.entry_bytes_max = bytes),
    ),
    Key::new(
        "cache.bound_ms",
        "1000",
        "How old a hit may be: it misses nothing that was acknowledged longer ago. Past it, the cache is \
         bypassed.",
        |config, given| given.milliseconds(10..=MINUTE_MS).map(|time| config.cache.bound = time),
    ),
    Key::new(
        "cache.consistency",
        "bounded",
        "What readers get who do not say (`Courant-Consistency`): `bounded` by `cache.bound_ms`, or `strict`, \
         which misses nothing acknowledged before the request arrived, roles and grants included.",
        |config, given| {
            let words = [("bounded", Consistency::Bounded), ("strict", Consistency::Strict)];
            given.word(&words).map(|consistency| config.cache.consistency = consistency)
        },
    ),
    Key::new(
        "cache.consistency_wait_ms",
        "100",
        "How long a read that is `strict` or brings a `token` waits for the stream before it goes past the \
         cache.",
        |config, given| given.milliseconds(0..=MINUTE_MS).map(|time| config.cache.consistency_wait = time),
    ),
    Key::new(
        "cache.check_every",
        "1000",
        "One hit of so many is asked of the database again and compared, one at a time; `courant_checks_total` \
         counts what came out. 0: none.",
        |config, given| given.number(0..=u64::MAX).map(|hits| config.cache.check_every = hits),
    ),
    Key::new(
        "cache.poll_interval_ms",
        "a quarter of `cache.bound_ms`",
        "How often the database is asked for its position in the log.",
        |config, given| given.milliseconds(1..=MINUTE_MS).map(|time| config.cache.poll_interval = time),
    )
    .unset(),
    Key::new(
        "cache.log_transactions_max",
        "100000",
        "The most recent transactions remembered to judge answers in flight; on overflow the cache starts \
         again empty.",
        |config, given| given.count(100..=10_000_000).map(|count| config.cache.log_transactions_max = count),
    ),
    Key::new("cache.log_bytes_max", "67108864", "The memory for them (64 MiB).", |config, given| {
        given.count(MIB..=64 * GIB).map(|bytes| config.cache.log_bytes_max = bytes)
    }),
    Key::new(
        "cache.keys_per_entry_max",
        "1000",
        "The most rows of a relation that an answer is followed by one by one; an answer with more follows \
         the whole relation.",
        |config, given| given.count(1..=1_000_000).map(|count| config.cache.keys_per_entry_max = count),
    ),
    Key::new(
        "cache.declare",
        "none",
        "What the answers of a function or a view depend on, where Courant cannot know: tables \
         `[[cache.declare]]` with `function` or `view`, `depends_on = [\"relation\", …]` and, where time \
         matters, `ttl_ms` (see below). Only in the file.",
        |config, given| given.tables("cache.declare", declaration).map(|all| config.cache.declare = all),
    )
    .unset(),
    Key::new(
        "cache.named",
        "none",
        "Parts of the cache with budgets of their own: tables `[[cache.named]]` with `name`, `relations` \
         and `functions`, `memory_bytes_max` and, where wanted, `ttl_ms` (see below). Only in the file.",
        |config, given| given.tables("cache.named", named).map(|all| config.cache.named = all),
    )
    .unset(),
    Key::new(
        "stream.enabled",
        "true",
        "Whether the database's log is followed. Without it nothing is kept.",
        |config, given| given.boolean().map(|enabled| config.stream.enabled = enabled),
    ),
    Key::new("stream.publication", "courant", "The name of the publication.", |config, given| {
        given.text().and_then(identifier).map(|name| config.stream.publication = name)
    }),
    Key::new(
        "stream.transaction_changes_max",
        "10000",
        "The most changes of one transaction that are looked at one by one; more count as a change of the \
         whole relation.",
        |config, given| {
            given.count(1..=10_000_000).map(|count| config.stream.transaction_changes_max = count)
        },
    ),
    Key::new(
        "stream.transaction_bytes_max",
        "16777216",
        "The memory for the changes of one transaction (16 MiB); more count as a change of the whole \
         relation.",
        |config, given| given.count(KIB..=16 * GIB).map(|bytes| config.stream.transaction_bytes_max = bytes),
    ),
    Key::new(
        "stream.write_wait_ms",
        "1000",
        "How long the answer to a write waits until its changes have reached the cache; after that the \
         cache is bypassed until they have.",
        |config, given| given.milliseconds(0..=MINUTE_MS).map(|time| config.stream.write_wait = time),
    ),
    Key::new(
        "http.body_bytes_max",
        "10485760",
        "The largest request body (10 MiB); a larger one is answered 413.",
        |config, given| given.count(0..=GIB).map(|bytes| config.http.body_bytes_max = bytes),
    ),
    Key::new(
        "http.batch_parts_max",
        "100",
        "The most requests that are sent together to `/courant/batch`, as one transaction; with 0 there is no such \
         thing.",
        |config, given| given.count(0..=10_000).map(|parts| config.http.batch_parts_max = parts),
    ),
    Key::new(
        "http.header_bytes_max",
        "65536",
        "The largest request head (64 KiB); a larger one is answered 431.",
        |config, given| given.count(8 * KIB..=16 * MIB).map(|bytes| config.http.header_bytes_max = bytes),
    ),
    Key::new(
        "http.url_bytes_max",
        "16384",
        "The longest path and query (16 KiB); a longer one is answered 414.",
        |config, given| given.count(64..=65_534).map(|bytes| config.http.url_bytes_max = bytes),
    ),
    Key::new(
        "http.connections_max",
        "16384",
        "The most client connections, as far as the limit of open files allows; more wait to be accepted.",
        |config, given| given.count(1..=1_000_000).map(|count| config.http.connections_max = count),
    ),
    Key::new(
        "http.requests_in_flight_max",
        "2000",
        "The most requests worked on at once, and as many again whose body is still on its way; more are \
         answered 503 with `Retry-After`.",
        |config, given| given.count(1..=1_000_000).map(|count| config.http.requests_in_flight_max = count),
    ),
    Key::new(
        "http.header_timeout_ms",
        "10000",
        "How long a client may take to send a request head; one that takes longer is answered 408.",
        |config, given| given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.http.header_timeout = time),
    ),
    Key::new(
        "http.idle_timeout_ms",
        "30000",
        "How long a connection may be without a request before it is closed.",
        |config, given| given.milliseconds(1..=60 * MINUTE_MS).map(|time| config.http.idle_timeout = time),
    ),
    Key::new(
        "http.body_timeout_ms",
        "30000",
        "How long a client may take to send a request body; one that takes longer is answered 408.",
        |config, given| given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.http.body_timeout = time),
    ),
    Key::new(
        "http.write_timeout_ms",
        "30000",
        "How long a client may take nothing of its answer before its connection is cut.",
        |config, given| given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.http.write_timeout = time),
    ),
    Key::new(
        "http.drain_timeout_ms",
        "10000",
        "How long requests in flight may take to end once the process was told to.",
        |config, given| given.milliseconds(0..=10 * MINUTE_MS).map(|time| config.http.drain_timeout = time),
    ),
    Key::new(
        "audit.enabled",
        "false",
        "Whether security events, and writes through Courant's own API, are recorded in the database (the schema \
         `courant`, the role `courant_audit`): see [front-door.md](front-door.md#what-is-recorded). The log tells of \
         security events in any case.",
        |config, given| given.boolean().map(|enabled| config.audit.enabled = enabled),
    ),
    Key::new(
        "audit.writes",
        "true",
        "Whether that holds for writes too: who wrote where and how many rows, in the write's own transaction. A \
         write that cannot be recorded fails.",
        |config, given| given.boolean().map(|writes| config.audit.writes = writes),
    ),
    Key::new(
        "log.format",
        "`human` on a terminal, else `json`",
        "`human` or `json`, a line per event.",
        |config, given| {
            let words = [("human", LogFormat::Human), ("json", LogFormat::Json)];
            given.word(&words).map(|format| config.log.format = format)
        },
    )
    .unset(),
    Key::new(
        "log.level",
        "info",
        "The least grave events logged: `error`, `warn`, `info`, `debug` or `trace`.",
        |config, given| {
            let words = ["error", "warn", "info", "debug", "trace"].map(|word| (word, word));
            given.word(&words).map(|level| config.log.level = level.to_owned())
        },
    ),
    Key::new(
        "log.requests",
        "all",
        "Which requests get a line in the log: `all`, or `notable`, those that failed or took longer than \
         `log.slow_query_ms`. `/metrics` counts and times every one.",
        |config, given| {
            let words = [("all", RequestsLogged::All), ("notable", RequestsLogged::Notable)];
            given.word(&words).map(|requests| config.log.requests = requests)
        },
    )
    .in_production("notable"),
    Key::new(
        "log.slow_query_ms",
        "100",
        "A request whose statement took longer is logged and counted as slow.",
        |config, given| given.milliseconds(0..=DAY_MS).map(|time| config.log.slow_query = time),
    ),
];

fn url(text: String) -> Result<Secret, Refusal> {
    let uri = text.starts_with("postgresql://") || text.starts_with("postgres://");
    if uri || text.contains('=') {
        return Ok(Secret::new(text));
    }
    Err("expected a URI like postgresql://user@host:5432/database".to_owned())
}

fn jwt_secret(text: String) -> Result<Secret, Refusal> {
    // What is too short as it stands is so decoded as well; the rest is judged with jwt.secret_is_base64.
    if text.len() < 32 {
        return Err(format!("expected 32 bytes or more, found {}", text.len()));
    }
    Ok(Secret::new(text))
}

fn identifier(text: String) -> Result<String, Refusal> {
    // NAMEDATALEN: PostgreSQL would cut a longer name off, and then not find it.
    if text.len() <= 63 { Ok(text) } else { Err("expected a name of at most 63 bytes".to_owned()) }
}
