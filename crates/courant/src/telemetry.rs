//! Everything Courant says of itself: the closed list of metrics and of log events.
//!
//! What the cache and the pool count themselves is read from them when `/metrics` is asked, so nothing is
//! counted twice. Labels come from the catalog and from closed lists, never from a client.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use cache::{Statistics, StoreStatistics};
use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};
use pg::{Lsn, PoolStatus, Transaction, Xid};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::check::Outcome;
use crate::config::{self, RequestsLogged};
use crate::ended::Ended;

pub(crate) mod audit;
mod dashboard;
pub(crate) mod guard;
pub(crate) mod jobs;
mod list;
mod postgrest;
mod reference;
mod stores;
mod upstreams;
pub(crate) mod webhooks;

use audit::AuditMetrics;
pub(crate) use dashboard::dashboard;
use guard::GuardMetrics;
use jobs::JobMetrics;
use list::{List, Listed, labels};
use postgrest::PostgrestMetrics;
pub(crate) use reference::reference;
use stores::StoreMetrics;
pub(crate) use stores::{events, of_store};
pub(crate) use upstreams::UpstreamMeters;
use upstreams::UpstreamMetrics;
use webhooks::WebhookMetrics;

/// Upper bounds of the latency histograms, in seconds: the reports' goals (20, 50, 100 ms) among them.
const LATENCY_S: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Metrics, and the words of the log.
pub(crate) struct Telemetry {
    list: List,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    query_seconds: Histogram,
    recalled: Counter,
    batches: Counter,
    batched: Counter,
    slow_queries: Counter,
    slow_query: Duration,
    requests_logged: RequestsLogged,
    checks: Family<CheckLabels, Counter>,
    bypasses: Family<BypassLabels, Counter>,
    /// Of each route, the meters found so far: no labels are made for a request that was seen before.
    routes: RwLock<HashMap<Box<str>, Vec<Meter>>>,
    /// Counted by the front door itself.
    pub(crate) guard: GuardMetrics,
    /// Counted by the audit log itself.
    pub(crate) audit: AuditMetrics,
    /// Counted by the queue itself.
    pub(crate) jobs: JobMetrics,
    pub(crate) webhooks: WebhookMetrics,
    pub(crate) postgrest: PostgrestMetrics,
    stores: StoreMetrics,
    upstreams: UpstreamMetrics,
    log: LogSizes,
    stream: StreamMetrics,
    pool: Family<PoolLabels, Gauge>,
    /// The degradation that was last logged, so that it is said once.
    said: Mutex<String>,
    /// The last reason why the cache was closed, until it opens again.
    said_ended: Mutex<String>,
}

/// What counts and times requests of one kind.
struct Meter {
    method: &'static str,
    status: u16,
    cache: &'static str,
    count: Counter,
    seconds: Histogram,
}

#[derive(Default)]
struct LogSizes {
    records: Gauge,
    bytes: Gauge,
}

#[derive(Default)]
struct StreamMetrics {
    transactions: Counter,
    changes: Counter,
    epochs: Counter,
    open: Gauge,
    position: Gauge<u64, AtomicU64>,
    behind_seconds: Gauge<f64, AtomicU64>,
}

labels! {
    struct RequestLabels {
        route: String,
        method: &'static str,
        status: u16,
        cache: &'static str,
    }
}

labels! {
    struct RouteLabels {
        route: String,
        cache: &'static str,
    }
}

labels! {
    struct BypassLabels {
        reason: &'static str,
    }
}

labels! {
    struct CheckLabels {
        outcome: &'static str,
    }
}

labels! {
    struct PoolLabels {
        state: &'static str,
    }
}

/// One request, as it is told when it ends.
pub(crate) struct Told<'a> {
    /// The relation or function asked for, by its name in the catalog, or the pattern of a route to a backend; empty
    /// where there is none.
    pub(crate) route: &'a str,
    /// The request's method.
    pub(crate) method: &'a http::Method,
    /// The request's path.
    pub(crate) path: &'a str,
    /// The response's status.
    pub(crate) status: http::StatusCode,
    /// `hit`, `miss` or `bypass`.
    pub(crate) cache: &'static str,
    /// Why it was bypassed, in a word; empty otherwise.
    pub(crate) reason: &'static str,
    /// What went wrong, if something did.
    pub(crate) error: Option<&'a str>,
    /// The role it ran as.
    pub(crate) role: &'a str,
    /// From its arrival to its response.
    pub(crate) took: Duration,
}

/// What is read from the parts when the metrics are asked for.
pub(crate) struct Reading<'a> {
    pub(crate) cache: &'a Statistics,
    /// Of each named cache.
    pub(crate) stores: &'a [(&'a str, StoreStatistics)],
    /// Entries of the HTTP cache, and their bytes.
    pub(crate) proxied: (usize, u64),
    /// Each upstream, and whether it is asked.
    pub(crate) upstreams: &'a [(String, bool)],
    pub(crate) pool: PoolStatus,
    pub(crate) position: Lsn,
    pub(crate) behind: Option<Duration>,
    /// Networks that are kept out.
    pub(crate) blocks: usize,
}

impl Telemetry {
    /// All metrics at zero.
    pub(crate) fn new(log: &config::Log) -> Telemetry {
        let latency: fn() -> Histogram = || Histogram::new(LATENCY_S);
        let mut telemetry = Telemetry {
            list: List::new(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(latency),
            query_seconds: latency(),
            batches: Counter::default(),
            recalled: Counter::default(),
            batched: Counter::default(),
            slow_queries: Counter::default(),
            slow_query: log.slow_query,
            requests_logged: log.requests,
            checks: Family::default(),
            bypasses: Family::default(),
            routes: RwLock::default(),
            guard: GuardMetrics::default(),
            audit: AuditMetrics::default(),
            jobs: JobMetrics::default(),
            webhooks: WebhookMetrics::default(),
            postgrest: PostgrestMetrics::new(),
            stores: StoreMetrics::default(),
            upstreams: UpstreamMetrics::new(latency),
            log: LogSizes::default(),
            stream: StreamMetrics::default(),
            pool: Family::default(),
            said: Mutex::default(),
            said_ended: Mutex::default(),
        };
        // Zero is what everybody hopes to read.
        drop(telemetry.checks.get_or_create(&CheckLabels { outcome: Outcome::Stale.word() }));
        telemetry.register_requests();
        telemetry.register_parts();
        telemetry
    }

    fn register_requests(&mut self) {
        let r = &mut self.list;
        r.register("requests", "Requests answered", self.requests.clone());
        r.register_with_unit(
            "request_duration",
            "From a request's arrival to its response",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        r.register_with_unit(
            "query_duration",
            "Time of a request's statement, the wait for a connection included",
            Unit::Seconds,
            self.query_seconds.clone(),
        );
        let recalled = "Of the hits, those whose head was known and not read again";
        r.register("recalled_requests", recalled, self.recalled.clone());
        r.register("batches", "Queries that answered requests which had waited", self.batches.clone());
        r.register("batched_requests", "Requests that those answered", self.batched.clone());
        r.register("bypasses", "Requests past the cache, with the reason", self.bypasses.clone());
        r.register("slow_queries", "Statements slower than log.slow_query_ms", self.slow_queries.clone());
    }

    fn register_parts(&mut self) {
        let (r, log, stream) = (&mut self.list, &self.log, &self.stream);
        self.stores.register(r);
        self.upstreams.register(r);
        self.guard.register(r);
        self.audit.register(r);
        self.jobs.register(r);
        self.webhooks.register(r);
        r.register("checks", "Hits compared with the database (cache.check_every)", self.checks.clone());
        r.register("cache_log_records", "Transactions that fills are checked against", log.records.clone());
        r.register_with_unit(
            "cache_log_size",
            "Memory of those transactions",
            Unit::Bytes,
            log.bytes.clone(),
        );
        r.register("stream_transactions", "Transactions applied", stream.transactions.clone());
        r.register("stream_changes", "Changes applied", stream.changes.clone());
        r.register("stream_epochs", "Times the cache was opened, empty", stream.epochs.clone());
        r.register("stream_open", "1 while the cache follows the change stream", stream.open.clone());
        r.register_with_unit(
            "stream_position",
            "Applied position in the write-ahead log",
            Unit::Bytes,
            stream.position.clone(),
        );
        r.register_with_unit(
            "stream_behind",
            "Age of the last moment at which the cache was known to be current",
            Unit::Seconds,
            stream.behind_seconds.clone(),
        );
        r.register("pool_connections", "Connections of the pool, by state", self.pool.clone());
    }

    /// Every metric there is.
    fn listed(&self) -> &[Listed] {
        self.list.all()
    }

    /// The metrics in OpenMetrics' text format.
    pub(crate) fn render(&self, reading: &Reading<'_>) -> String {
        self.take(reading);
        let mut out = String::new();
        let encoded = text::encode_registry(&mut out, &self.list.registry)
            .and_then(|()| text::encode_registry(&mut out, &self.postgrest.registry))
            .and_then(|()| text::encode_eof(&mut out));
        match encoded {
            Ok(()) => out,
            Err(error) => format!("# could not be encoded: {error}\n"),
        }
    }

    fn take(&self, reading: &Reading<'_>) {
        let cache = reading.cache;
        self.stores.take(cache, reading.stores);
        self.upstreams.take(reading.proxied, reading.upstreams);
        self.guard.take(reading.blocks);
        self.log.records.set(cache.log_records as i64);
        self.log.bytes.set(cache.log_bytes as i64);
        self.stream.open.set(i64::from(cache.epoch != 0));
        self.stream.position.set(reading.position.0);
        self.stream.behind_seconds.set(reading.behind.map_or(f64::INFINITY, |behind| behind.as_secs_f64()));
        self.postgrest.take(reading.pool);
        let PoolStatus { size, idle, waiting, max } = reading.pool;
        for (state, count) in [("open", size), ("idle", idle), ("waiting", waiting), ("max", max)] {
            self.pool.get_or_create(&PoolLabels { state }).set(count as i64);
        }
    }

    /// One count and one time per request, and a line where one is wanted.
    pub(crate) fn request(&self, told: &Told<'_>) {
        let (method, cache, status) = (method_label(told.method), told.cache, told.status.as_u16());
        self.count(told, method);
        if !told.reason.is_empty() {
            self.bypasses.get_or_create(&BypassLabels { reason: told.reason }).inc();
        }
        let notable =
            told.status.is_client_error() || told.status.is_server_error() || told.took >= self.slow_query;
        if self.requests_logged == RequestsLogged::Notable && !notable {
            return;
        }
        tracing::info!(
            target: "courant::request",
            method,
            path = told.path,
            status,
            cache,
            reason = (!told.reason.is_empty()).then_some(told.reason),
            error = told.error,
            role = (!told.role.is_empty()).then_some(told.role),
            ms = milliseconds(told.took),
        );
    }

    fn count(&self, told: &Told<'_>, method: &'static str) {
        let (status, cache) = (told.status.as_u16(), told.cache);
        let routes = self.routes.read();
        let meters = routes.get(told.route).map(Vec::as_slice).unwrap_or_default();
        let same = |meter: &&Meter| meter.method == method && meter.status == status && meter.cache == cache;
        if let Some(meter) = meters.iter().find(same) {
            meter.count.inc();
            meter.seconds.observe(told.took.as_secs_f64());
            return;
        }
        drop(routes);
        let route = told.route.to_owned();
        let labels = RequestLabels { route: route.clone(), method, status, cache };
        let count = self.requests.get_or_create_owned(&labels);
        let seconds = self.request_seconds.get_or_create_owned(&RouteLabels { route, cache });
        count.inc();
        seconds.observe(told.took.as_secs_f64());
        // Two who come here at once leave a meter twice: of the same count, so nothing is lost.
        let meter = Meter { method, status, cache, count, seconds };
        self.routes.write().entry(told.route.into()).or_default().push(meter);
    }

    /// The same, of one that was answered at the door.
    pub(crate) fn recalled(&self, told: &Told<'_>) {
        self.recalled.inc();
        self.request(told);
    }

    /// One query was asked for so many requests.
    pub(crate) fn batch(&self, requests: usize) {
        self.batches.inc();
        self.batched.inc_by(requests as u64);
    }

    /// A request's statement, answered or failed.
    pub(crate) fn query(&self, sql: &str, took: Duration) {
        self.query_seconds.observe(took.as_secs_f64());
        if took >= self.slow_query {
            self.slow_queries.inc();
            tracing::warn!(target: "courant::database", ms = milliseconds(took), sql, "slow query");
        }
    }

    /// What the upstreams of a route are measured by.
    pub(crate) fn upstream(&self, route: &str) -> UpstreamMeters {
        self.upstreams.of(route)
    }

    /// A hit was compared with the database.
    pub(crate) fn checked(&self, outcome: Outcome, target: &str) {
        self.checks.get_or_create(&CheckLabels { outcome: outcome.word() }).inc();
        if outcome == Outcome::Stale {
            tracing::error!(
                target: "courant::cache",
                path = target,
                "a cached answer was older than promised, and the cache was emptied: a function may be marked \
                 immutable or stable and not be, or a view hang on an order that it does not ask for; \
                 otherwise please report this"
            );
        }
    }

    /// A transaction of the stream was applied.
    pub(crate) fn applied(&self, transaction: &Transaction) {
        self.stream.transactions.inc();
        self.stream.changes.inc_by(transaction.changes.len() as u64);
    }

    /// The cache is open from here on.
    pub(crate) fn epoch_opened(&self, barrier: Xid) {
        self.stream.epochs.inc();
        self.said_ended.lock().clear();
        tracing::info!(target: "courant::cache", %barrier, "the cache follows the database's log");
    }

    /// The cache was emptied, and why.
    pub(crate) fn epoch_ended(&self, ended: &Ended) {
        match ended {
            Ended::Schema(_) => {
                tracing::info!(target: "courant::cache", "{ended}: the cache starts over, empty")
            }
            Ended::NotReady => {}
            ended => {
                let text = format!("the cache is bypassed: {ended}");
                // Every attempt to begin again fails alike while the database is away.
                if Telemetry::is_news(&self.said_ended, &text) {
                    tracing::warn!(target: "courant::cache", "{text}");
                }
            }
        }
    }

    /// Says what the cache lacks, unless that is what was said last.
    pub(crate) fn lacking(&self, text: &str) {
        if Telemetry::is_news(&self.said, text) {
            for line in text.lines() {
                tracing::warn!(target: "courant::cache", "{line}");
            }
        }
    }

    fn is_news(said: &Mutex<String>, text: &str) -> bool {
        let mut said = said.lock();
        let news = *said != text;
        if news {
            text.clone_into(&mut said);
        }
        news
    }
}

/// To the microsecond: the noise of floating point below it would be logged too.
fn milliseconds(took: Duration) -> f64 {
    took.as_micros() as f64 / 1e3
}

/// A method as a label: a closed list.
fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
