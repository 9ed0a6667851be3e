//! `[[queue]]`, `[[job]]` and `[[periodic]]`: which queues this node works on, what handles which jobs, and what comes
//! again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Uri;
use queue::{Backoff, LaneSettings, Periodic, Rate, Schedule, SqlHandler};

use super::given::{Given, Refusal};
use super::keys::{DAY_MS, Key, MINUTE_MS};
use super::tables::{Table, only, text, within, word};
use super::{Secret, qualified};

/// Kinds and queues are labels of metrics.
const TABLES_MAX: usize = 200;
/// A lease is extended three times before it ends.
const LEASE_MIN_MS: u64 = 3000;

/// What is done about jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) queues: Vec<Queue>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) periodics: Vec<Periodic>,
    pub(crate) completed_kept: Duration,
    pub(crate) ended_kept: Duration,
    pub(crate) signing_secret: Option<Secret>,
}

/// A queue of `[[queue]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) lane: LaneSettings,
    /// Jobs that run at once; none: workers outside fetch them.
    pub(crate) concurrency: Option<usize>,
    pub(crate) rate: Option<Rate>,
    pub(crate) backoff: Backoff,
}

/// A handler of `[[job]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    pub(crate) kind: String,
    pub(crate) what: Handling,
    pub(crate) timeout: Duration,
}

/// What runs a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Is called with its arguments.
    Function(Function),
    /// Is sent the job.
    Endpoint(Uri),
}

/// A function, by its name as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    name: String,
    role: Option<String>,
}

/// The keys, in the order of the reference page.
pub(super) const KEYS: [Key; 6] = [
    Key::new(
        "queue",
        "none",
        "The queues that this node works on: tables `[[queue]]` (see below, and [queue.md](queue.md)). Their tables in \
         the database are made at the start. Only in the file.",
        |config, given| given.tables("queue", queue).map(|all| config.jobs.queues = all),
    )
    .unset(),
    Key::new(
        "job",
        "none",
        "What handles which kind of job: tables `[[job]]` with `kind` and either `function` or `url` (see below). Only \
         in the file.",
        |config, given| given.tables("job", handler).map(|all| config.jobs.handlers = all),
    )
    .unset(),
    Key::new(
        "periodic",
        "none",
        "Jobs that come again and again: tables `[[periodic]]` with `name`, `cron` and `kind` (see below). Only in the \
         file.",
        |config, given| given.tables("periodic", periodic).map(|all| config.jobs.periodics = all),
    )
    .unset(),
    Key::new(
        "jobs.completed_kept_ms",
        "86400000",
        "How long completed jobs are kept (a day); 0: not at all.",
        |config, given| given.milliseconds(0..=3650 * DAY_MS).map(|time| config.jobs.completed_kept = time),
    ),
    Key::new(
        "jobs.ended_kept_ms",
        "2592000000",
        "How long discarded and cancelled jobs are kept (30 days).",
        |config, given| given.milliseconds(MINUTE_MS..=3650 * DAY_MS).map(|time| config.jobs.ended_kept = time),
    ),
    Key::new(
        "jobs.signing_secret",
        "none: what is sent is not signed",
        "Signs the jobs that are sent to a `url`, 32 bytes or more; `@path` reads it from a file.",
        |config, given| {
            let secret = given.secret()?;
            if secret.len() < 32 {
                return Err(format!("expected 32 bytes or more, found {}", secret.len()));
            }
            config.jobs.signing_secret = Some(Secret::new(secret));
            Ok(())
        },
    )
    .unset(),
];

impl Jobs {
    /// What is wrong with the tables together, and where.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let twice = |names: Vec<&String>| {
            let mut seen = std::collections::BTreeSet::new();
            names.into_iter().find(|name| !seen.insert(*name)).map(|name| format!("found {name} twice"))
        };
        let most = [self.queues.len(), self.handlers.len(), self.periodics.len()].into_iter().max();
        if most.is_some_and(|most| most > TABLES_MAX) {
            return Some((
                "queue",
                format!("expected at most {TABLES_MAX} of [[queue]], [[job]] and [[periodic]]"),
            ));
        }
        if let Some(why) = twice(self.queues.iter().map(|queue| &queue.name).collect()) {
            return Some(("queue", why));
        }
        if let Some(why) = twice(self.handlers.iter().map(|handler| &handler.kind).collect()) {
            return Some(("job", why));
        }
        if let Some(why) = twice(self.periodics.iter().map(|periodic| &periodic.name).collect()) {
            return Some(("periodic", why));
        }
        let key = if self.handlers.is_empty() { "periodic" } else { "job" };
        if self.queues.is_empty() && !(self.handlers.is_empty() && self.periodics.is_empty()) {
            return Some((key, "expected a [[queue]] too: without one nothing is worked on".to_owned()));
        }
        None
    }
}

impl Function {
    /// As a worker calls it: with its schema, the first exposed one where it has none.
    pub(crate) fn called(&self, timeout: Duration, schemas: &[String]) -> SqlHandler {
        SqlHandler { function: qualified(&self.name, schemas), role: self.role.clone(), timeout }
    }
}

fn queue(table: &Table) -> Result<Queue, Refusal> {
    let known = [
        "name",
        "workers",
        "concurrency",
        "rate",
        "window_ms",
        "lease_ms",
        "aging_ms",
        "backoff_min_ms",
        "backoff_max_ms",
    ];
    only(table, "a queue", &known)?;
    let name = text(table, "name")?.ok_or("each queue has a name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.len() > 63 || !name.chars().all(plain) {
        return Err(format!("name: expected at most 63 of a-z, 0-9, _ and -, found {name:?}"));
    }
    let outside = word(table, "workers", &[("here", false), ("outside", true)])?.unwrap_or(false);
    let concurrency = table.get("concurrency").map(|given| given.count(1..=10_000)).transpose();
    let concurrency = concurrency.map_err(within("concurrency"))?;
    if outside && concurrency.is_some() {
        return Err(format!("{name}: concurrency: workers outside decide themselves how much they fetch"));
    }
    let rate =
        table.get("rate").map(|given| given.number(1..=1_000_000_000)).transpose().map_err(within("rate"))?;
    let window = time(table, "window_ms", 1000, 10..=DAY_MS)?;
    let LaneSettings { lease, aging } = LaneSettings::default();
    let min = time(table, "backoff_min_ms", Backoff::default().min.as_millis() as u64, 1..=DAY_MS)?;
    let max = time(table, "backoff_max_ms", Backoff::default().max.as_millis() as u64, 1..=365 * DAY_MS)?;
    if min > max {
        return Err(format!(
            "{name}: backoff_min_ms: expected at most backoff_max_ms, which is {}",
            max.as_millis()
        ));
    }
    Ok(Queue {
        lane: LaneSettings {
            lease: time(table, "lease_ms", lease.as_millis() as u64, LEASE_MIN_MS..=DAY_MS)?,
            aging: time(table, "aging_ms", aging.as_millis() as u64, 1..=365 * DAY_MS)?,
        },
        concurrency: (!outside).then_some(concurrency.unwrap_or(10)),
        rate: rate.map(|count| Rate { count: count as u32, window }),
        backoff: Backoff { min, max },
        name,
    })
}

fn handler(table: &Table) -> Result<Handler, Refusal> {
    only(table, "a job", &["kind", "function", "role", "url", "timeout_ms"])?;
    let kind = text(table, "kind")?.ok_or("each job has a kind")?;
    let role = text(table, "role")?;
    let what = match (text(table, "function")?, text(table, "url")?) {
        (Some(name), None) => Handling::Function(Function { name, role }),
        (None, Some(_)) if role.is_some() => return Err(format!("{kind}: role: is for a function")),
        (None, Some(url)) => Handling::Endpoint(endpoint(&url)?),
        _ => return Err(format!("{kind}: each job names either a function or a url")),
    };
    let timeout = time(table, "timeout_ms", 30_000, 1..=DAY_MS)?;
    Ok(Handler { kind, what, timeout })
}

fn endpoint(url: &str) -> Result<Uri, Refusal> {
    let wrong = || format!("url: expected an address like http://127.0.0.1:8000/jobs, found {url:?}");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority =
        uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    if authority.host().is_empty() || authority.port_u16() == Some(0) {
        return Err(wrong());
    }
    match uri.scheme_str() {
        Some("http") => Ok(uri),
        Some("https") => Err("url: TLS to handlers is not spoken yet: name an http:// address".to_owned()),
        _ => Err(wrong()),
    }
}

fn periodic(table: &Table) -> Result<Periodic, Refusal> {
    let known = ["name", "cron", "zone", "kind", "queue", "args", "priority", "max_attempts"];
    only(table, "a periodic job", &known)?;
    let required =
        |key: &'static str| text(table, key)?.ok_or_else(|| format!("each periodic job has a {key}"));
    let (name, cron, kind) = (required("name")?, required("cron")?, required("kind")?);
    let zone = text(table, "zone")?.unwrap_or_else(|| "UTC".to_owned());
    let schedule = Schedule::new(&cron, &zone).map_err(|error| format!("{name}: {error}"))?;
    let args = text(table, "args")?.unwrap_or_else(|| "{}".to_owned());
    let args: serde_json::Value =
        serde_json::from_str(&args).map_err(|error| format!("{name}: args: expected JSON: {error}"))?;
    let mut job = serde_json::json!({ "kind": kind, "args": args });
    if let Some(queue) = text(table, "queue")? {
        job["queue"] = queue.into();
    }
    for (key, allowed) in [("priority", 0..=9), ("max_attempts", 1..=1000)] {
        if let Some(given) = table.get(key) {
            job[key] = given.number(allowed).map_err(within(key))?.into();
        }
    }
    Ok(Periodic { name, schedule, job: job.to_string() })
}

fn time(
    table: &BTreeMap<String, Given>,
    key: &'static str,
    default_ms: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<Duration, Refusal> {
    let given = table.get(key).map(|given| given.milliseconds(allowed)).transpose().map_err(within(key))?;
    Ok(given.unwrap_or(Duration::from_millis(default_ms)))
}

#[cfg(test)]
mod tests;
