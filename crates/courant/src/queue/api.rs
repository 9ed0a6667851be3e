//! Jobs over HTTP, on the port of the clients: apps enqueue, and workers outside fetch and report.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /queue/v1/jobs` | a job or an array of them, named as `courant.enqueue`'s parameters | 201, `{"ids": […]}` |
//! | `POST /queue/v1/queues/Q/fetch` | `{"max": 10, "wait_ms": 20000}` | 200, `{"jobs": […], "lease_ms": …}` |
//! | `POST /queue/v1/queues/Q/extend` | `{"runs": [{"id", "attempt"}]}` | 200, each with `cancel`; those missing are lost |
//! | `POST /queue/v1/queues/Q/report` | `{"runs": [{"id", "attempt", "outcome", "error", "after_ms"}]}` | 200, `{"refused": […]}`; 409 if all are |
//!
//! As the request's role: enqueuing is the database's to allow, and so is working on a queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use pg::session::{Commit, Session, Trail};
use pg::{Parameter, Statement};
use queue::{Outcome, Pulls, Run};
use serde_json::{Map, Value, json};

use crate::audit;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::listen::Visit;
use crate::node::Node;
use crate::queue::Jobs;
use crate::request;
use crate::response::{self, Body};

/// Where it is.
const PREFIX: &str = "/queue/v1/";
const ENQUEUE: &str = "select to_jsonb(courant.enqueue_many($1::jsonb))::text";
/// What makes a request that is sent twice one job.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IDEMPOTENCY_KEY_MAX: usize = 128;
const IDEMPOTENCY_PERIOD: &str = "24 hours";
/// The longest that a fetch may wait.
const WAIT_MAX_MS: u64 = 60_000;
/// Runs in one request.
const RUNS_MAX: usize = 1000;

/// Whether a path is of this.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    let (head, body) = request.into_parts();
    match serve(&node, &head, body, visit).await {
        Ok((status, body)) => response::json(status, body),
        Err(failure) => failure.response(),
    }
}

type Served = Result<(StatusCode, String), Failure>;

/// A run, and what a request says of it.
type Told<'a> = (Run, &'a Map<String, Value>);

async fn serve(node: &Node, head: &Parts, body: Incoming, visit: Visit) -> Served {
    let Some(jobs) = &node.jobs else { return Err(missing(head)) };
    let who = node.live().identities.of(&head.headers)?;
    let body = request::whole(node, head, body).await?;
    let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    match (&head.method, path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::POST, ["jobs"]) => {
            let _place = node.places.try_acquire().map_err(|_| Failure::Overloaded)?;
            enqueue(node, head, &who, &body, visit).await
        }
        (&Method::POST, ["queues", queue, what @ ("fetch" | "extend" | "report")]) => {
            let pulls = worker(jobs, &who, queue).await?;
            let asked = object(&body)?;
            match *what {
                "fetch" => fetch(jobs, pulls, &asked).await,
                "extend" => extend(jobs, pulls, &asked).await,
                _ => report(jobs, pulls, &asked).await,
            }
        }
        (_, ["jobs"] | ["queues", _, "fetch" | "extend" | "report"]) => {
            Err(wrong(StatusCode::METHOD_NOT_ALLOWED, "expected POST".to_owned()))
        }
        _ => Err(missing(head)),
    }
}

async fn enqueue(node: &Node, head: &Parts, who: &Identity, body: &Bytes, visit: Visit) -> Served {
    let Some(role) = who.role.as_deref() else { return Err(Failure::ReadOnly) };
    let jobs = keyed(parsed(body)?, &head.headers)?;
    let statement =
        Statement { sql: ENQUEUE.to_owned(), parameters: vec![Parameter::Text(jobs.to_string().into())] };
    let (search_path, before) = node.schema().preamble();
    let settings = [("search_path", search_path.as_str()), ("request.jwt.claims", who.claims.as_str())];
    let record = node.audit.holds_writes().then(|| {
        let client = node.guard.client(visit.peer.ip(), &head.headers);
        audit::record(head, client, Some(who), "queue")
    });
    let trail = Trail { mark: None, record: record.as_ref() };
    let before = before.as_deref();
    let session = Session { role: Some(role), settings: &settings, before, ..Session::default() };
    let written = node.pool.write(session, &statement, trail, Commit::Always).await;
    let written = written.map_err(|source| Failure::Database { source, anonymous: who.anonymous })?;
    let ids: &str = written.row.get(0).map_err(|error| Failure::Unreadable(error.to_string()))?;
    Ok((StatusCode::CREATED, format!("{{\"ids\":{ids}}}")))
}

/// The jobs as an array; with `Idempotency-Key` each has a key of its own for a day.
fn keyed(jobs: Value, headers: &HeaderMap) -> Result<Value, Failure> {
    let mut jobs = match jobs {
        Value::Array(jobs) => jobs,
        job => vec![job],
    };
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(Value::Array(jobs)) };
    let key = key.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()));
    let key = key.ok_or_else(|| {
        bad(format!("Idempotency-Key: expected 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters"))
    })?;
    for (nth, job) in jobs.iter_mut().enumerate() {
        let Value::Object(job) = job else {
            return Err(bad("expected an object, or an array of objects".to_owned()));
        };
        if job.contains_key("unique_key") {
            return Err(bad("expected Idempotency-Key or unique_key, not both".to_owned()));
        }
        job.insert("unique_key".to_owned(), format!("http {key} {nth}").into());
        job.insert("unique_for".to_owned(), IDEMPOTENCY_PERIOD.into());
    }
    Ok(Value::Array(jobs))
}

/// The queue, if there is one for workers outside and the role may work on it.
async fn worker<'a>(jobs: &'a Jobs, who: &Identity, queue: &str) -> Result<&'a Pulls, Failure> {
    let Some(role) = who.role.as_deref() else { return Err(Failure::ReadOnly) };
    let pulls = jobs.pulls.get(queue).ok_or_else(|| {
        let why = format!("no [[queue]] called {queue} has workers = \"outside\" on this node");
        wrong(StatusCode::NOT_FOUND, why)
    })?;
    jobs.store.check_worker(role, queue).await?;
    Ok(pulls)
}

async fn fetch(jobs: &Jobs, pulls: &Pulls, asked: &Map<String, Value>) -> Served {
    let max = number(asked, "max", RUNS_MAX as u64)?.unwrap_or(1);
    let wait_ms = number(asked, "wait_ms", WAIT_MAX_MS)?.unwrap_or(0);
    let fetched = pulls.fetch(max as usize, Duration::from_millis(wait_ms)).await?;
    let queue = pulls.lane.queue();
    for job in &fetched {
        jobs.metrics.claimed(queue, job.waited, job.was_lost);
    }
    let listed: Vec<String> = fetched.iter().map(queue::Claimed::json).collect();
    let lease_ms = pulls.lane.settings().lease.as_millis();
    Ok((StatusCode::OK, format!("{{\"lease_ms\":{lease_ms},\"jobs\":[{}]}}", listed.join(","))))
}

async fn extend(jobs: &Jobs, pulls: &Pulls, asked: &Map<String, Value>) -> Served {
    let runs: Vec<Run> = runs(asked)?.iter().map(|told| told.0).collect();
    let foreign = foreign(jobs, pulls, &runs).await?;
    let runs: Vec<Run> = runs.into_iter().filter(|run| !foreign.contains(&run.id)).collect();
    let extended = pulls.extend(&runs).await?;
    let told = extended.iter().map(|extended| {
        let Run { id, attempt } = extended.run;
        json!({ "id": id, "attempt": attempt, "cancel": extended.cancel_requested })
    });
    Ok((StatusCode::OK, json!({ "runs": told.collect::<Value>() }).to_string()))
}

async fn report(jobs: &Jobs, pulls: &Pulls, asked: &Map<String, Value>) -> Served {
    let runs = runs(asked)?;
    let outcomes = runs.iter().map(|(run, told)| Ok((*run, outcome(told)?)));
    let outcomes = outcomes.collect::<Result<Vec<(Run, Outcome)>, Failure>>()?;
    let words: Vec<&str> = outcomes.iter().map(|(_, outcome)| outcome.word()).collect();
    let taken = pulls.settle(outcomes).await?;
    let mut refused = Vec::new();
    for (((run, _), word), taken) in runs.iter().zip(words).zip(taken) {
        if taken {
            jobs.metrics.ended(pulls.lane.queue(), super::OTHER_KIND, word, None);
        } else {
            refused.push(run);
        }
    }
    let status = if refused.len() == runs.len() { StatusCode::CONFLICT } else { StatusCode::OK };
    let listed = refused.iter().map(|run| json!({ "id": run.id, "attempt": run.attempt }));
    Ok((status, json!({ "refused": listed.collect::<Value>() }).to_string()))
}

/// Which of the runs are of another queue, on which the role may not work.
async fn foreign(jobs: &Jobs, pulls: &Pulls, runs: &[Run]) -> Result<Vec<i64>, Failure> {
    let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
    Ok(jobs.store.foreign(pulls.lane.queue(), &ids).await?)
}

/// The runs that a request names, each with what it says of it.
fn runs(asked: &Map<String, Value>) -> Result<Vec<Told<'_>>, Failure> {
    let runs =
        asked.get("runs").and_then(Value::as_array).filter(|runs| (1..=RUNS_MAX).contains(&runs.len()));
    let runs = runs.ok_or_else(|| bad(format!("runs: expected an array of 1 to {RUNS_MAX} objects")))?;
    let run = |told: &Value| {
        let id = told.get("id")?.as_i64()?;
        let attempt = told.get("attempt")?.as_i64().and_then(|attempt| i32::try_from(attempt).ok())?;
        Some(Run { id, attempt })
    };
    let read = |told| Some((run(told)?, told.as_object()?));
    let expected = || bad("runs: expected an id and an attempt in each".to_owned());
    runs.iter().map(|told| read(told).ok_or_else(expected)).collect()
}

fn outcome(told: &Map<String, Value>) -> Result<Outcome, Failure> {
    let error = || told.get("error").and_then(Value::as_str).unwrap_or("failed").to_owned();
    let after = number(told, "after_ms", 365 * 86_400_000)?.map(Duration::from_millis);
    match told.get("outcome").and_then(Value::as_str) {
        Some("completed") => Ok(Outcome::Completed),
        Some("failed") => Ok(Outcome::Failed { error: error(), after }),
        Some("discarded") => Ok(Outcome::Discarded { error: error() }),
        Some("snoozed") => {
            after.map(Outcome::Snoozed).ok_or_else(|| bad("after_ms: expected with snoozed".to_owned()))
        }
        _ => Err(bad("outcome: expected one of completed, failed, discarded, snoozed".to_owned())),
    }
}

fn number(asked: &Map<String, Value>, name: &str, most: u64) -> Result<Option<u64>, Failure> {
    let Some(value) = asked.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_u64().filter(|number| *number <= most);
    number.map(Some).ok_or_else(|| bad(format!("{name}: expected a whole number up to {most}")))
}

fn object(body: &Bytes) -> Result<Map<String, Value>, Failure> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match parsed(body)? {
        Value::Object(object) => Ok(object),
        _ => Err(bad("expected a JSON object".to_owned())),
    }
}

fn parsed(body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| bad(format!("expected JSON: {error}")))
}

fn bad(why: String) -> Failure {
    wrong(StatusCode::BAD_REQUEST, why)
}

fn missing(head: &Parts) -> Failure {
    wrong(StatusCode::NOT_FOUND, format!("there is no {}; see docs/queue.md", head.uri.path()))
}

fn wrong(status: StatusCode, why: String) -> Failure {
    Failure::Job { status, code: "COURANT_JOB", why }
}
