//! Jobs through the admin port: what waits and runs, and what people do about it.
//!
//! Changes are never a `POST`, nor a `GET`: those alone a page of any site could make an administrator's browser send.

use http::{Method, Response, StatusCode};
use queue::{QueueError, Which};
use serde_json::{Value, json};

use crate::admin::parameter;
use crate::node::Node;
use crate::queue::Jobs;
use crate::response::{self, Body};

/// Jobs in a list, where nothing is said and at most.
const LIMIT: i64 = 20;
const LIMIT_MAX: i64 = 1000;

/// Answers a request for `/queue` or something below it.
pub(crate) async fn answer(node: &Node, method: &Method, path: &str, query: &str) -> Response<Body> {
    let Some(jobs) = &node.jobs else {
        return refused(
            StatusCode::NOT_FOUND,
            "this node works on no queue",
            "[[queue]] in its configuration names one.",
        );
    };
    let answered = match (method, path) {
        (&Method::GET, "/queue") => statistics(jobs).await,
        (&Method::GET, "/queue/jobs") => list(jobs, query).await,
        (&Method::PUT, "/queue/retry" | "/queue/cancel") => {
            let Some(job) = parameter(query, "id").and_then(|id| id.parse().ok()) else {
                return refused(StatusCode::BAD_REQUEST, "id is no number", "Like id=17.");
            };
            if path == "/queue/retry" { retry(jobs, job).await } else { cancel(jobs, job).await }
        }
        (&Method::PUT, "/queue/pause" | "/queue/resume") => {
            let Some(queue) = parameter(query, "queue") else {
                return refused(StatusCode::BAD_REQUEST, "queue is missing", "Like queue=mail.");
            };
            let changed = match path {
                "/queue/pause" => jobs.store.pause(&queue).await,
                _ => jobs.store.resume(&queue).await,
            };
            changed.map(|changed| json!({ "queue": queue, "changed": changed }))
        }
        _ => {
            let hint = "GET /queue, /queue/jobs; PUT /queue/retry?id=N, /queue/cancel?id=N, /queue/pause?queue=Q, \
                        /queue/resume?queue=Q";
            return refused(StatusCode::NOT_FOUND, &format!("no such admin request: {method} {path}"), hint);
        }
    };
    match answered {
        Ok(body) => response::json(StatusCode::OK, body.to_string()),
        Err(error @ QueueError::Refused(_)) => refused(StatusCode::CONFLICT, &error.to_string(), ""),
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), "Try again."),
    }
}

async fn statistics(jobs: &Jobs) -> Result<Value, QueueError> {
    let (waiting, paused) = (jobs.store.waiting().await?, jobs.store.paused().await?);
    let told = waiting.iter().map(|waiting| {
        json!({
            "queue": waiting.queue,
            "kind": waiting.kind,
            "state": waiting.state,
            "jobs": waiting.jobs,
            "oldest_s": waiting.oldest.as_secs(),
        })
    });
    Ok(json!({ "jobs": told.collect::<Value>(), "paused": paused }))
}

async fn list(jobs: &Jobs, query: &str) -> Result<Value, QueueError> {
    let limit = parameter(query, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
    let which = Which {
        queue: parameter(query, "queue"),
        kind: parameter(query, "kind"),
        state: parameter(query, "state"),
        limit: limit.clamp(0, LIMIT_MAX),
    };
    let listed = jobs.store.list(&which).await?;
    Ok(listed.iter().filter_map(|job| serde_json::from_str::<Value>(job).ok()).collect())
}

async fn retry(jobs: &Jobs, job: i64) -> Result<Value, QueueError> {
    Ok(json!({ "id": job, "changed": jobs.store.retry(job).await? }))
}

async fn cancel(jobs: &Jobs, job: i64) -> Result<Value, QueueError> {
    let cancelled = jobs.store.cancel(job).await?;
    Ok(json!({ "id": job, "changed": cancelled.is_some(), "cancelled": cancelled }))
}

fn refused(status: StatusCode, message: &str, hint: &str) -> Response<Body> {
    response::json(status, json!({ "message": message, "hint": hint }).to_string())
}
