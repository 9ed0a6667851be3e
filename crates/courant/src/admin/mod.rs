//! The admin port: health, metrics, and the cache's own controls. Never on the port clients use.
//!
//! | request | answer |
//! |---|---|
//! | `GET /live`, `HEAD` | 200 while the process serves |
//! | `GET /ready`, `HEAD` | 200 when the database answers, else 503 |
//! | `GET /config` | every key, its value and where it was set; secrets are left out |
//! | `GET /schema_cache` | what is known of the schema, JSON |
//! | `GET /metrics` | Prometheus' text format |
//! | `GET /cache` | statistics, JSON |
//! | `GET /loops` | reads that callers made again and again within one request of theirs, JSON |
//! | `GET /blocks` | who is kept out, JSON |
//! | `PUT /blocks?network=N&seconds=S&reason=R` | keeps an address or a network out |
//! | `DELETE /blocks?network=N` | lets it in again |
//! | `GET /queue`, `GET /queue/jobs?queue=Q&kind=K&state=S&limit=N` | what waits and runs; jobs, JSON |
//! | `PUT /queue/retry?id=N`, `/queue/cancel?id=N`, `/queue/pause?queue=Q`, `/queue/resume?queue=Q` | does that |
//! | `DELETE /cache?pattern=P&tag=T&cache=NAME` | forgets answers whose path and query match (`*` stands for anything), with a tag of their app's, of one cache or of all |

mod blocks;
pub(crate) mod client;
mod told;

use std::sync::Arc;
use std::time::Duration;

use cache::{Key, Statistics, StoreStatistics};
use gateway::{Wildcard, surrogate};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::loops;
use crate::node::Node;
use crate::response::{self, Body};
use crate::telemetry;

/// How long `/ready` waits for the database.
const READY_MAX: Duration = Duration::from_secs(2);
/// OpenMetrics, which Prometheus asks for and every scraper of its text format reads.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers a request to the admin port.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/live") => {
            response::json(StatusCode::OK, json!({ "live": true }).to_string())
        }
        (&Method::GET | &Method::HEAD, "/ready") => ready(&node).await,
        (&Method::GET, "/metrics") => {
            let mut response = Response::new(Body::from(node.metrics()));
            response.headers_mut().insert(CONTENT_TYPE, METRICS_TYPE);
            response
        }
        (&Method::GET, "/config") => told::configuration(&node),
        (&Method::GET, "/schema_cache") => {
            response::json(StatusCode::OK, told::schema(&node.schema().catalog).to_string())
        }
        (&Method::GET, "/cache") => response::json(StatusCode::OK, statistics(&node).to_string()),
        (&Method::GET, "/loops") => {
            let told = loops::told(&node.loops, &node.schema().catalog);
            response::json(StatusCode::OK, told.to_string())
        }
        (&Method::DELETE, "/cache") => clear(&node, request.uri().query().unwrap_or_default()),
        (method @ (&Method::GET | &Method::PUT | &Method::DELETE), "/blocks") => {
            blocks::answer(&node, method, request.uri().query().unwrap_or_default())
        }
        (method, path) if path == "/queue" || path.starts_with("/queue/") => {
            crate::queue::admin::answer(&node, method, path, request.uri().query().unwrap_or_default()).await
        }
        (_, path) => {
            let message = format!("no such admin request: {} {path}", request.method());
            let hint = "GET /live, /ready, /metrics, /config, /schema_cache, /cache, /loops, /blocks; DELETE /cache?pattern=P&tag=T&cache=NAME; \
                        PUT and DELETE /blocks?network=N";
            response::json(StatusCode::NOT_FOUND, json!({ "message": message, "hint": hint }).to_string())
        }
    }
}

fn clear(node: &Node, query: &str) -> Response<Body> {
    let pattern = Wildcard::new(parameter(query, "pattern").as_deref().unwrap_or("*"));
    let only = match parameter(query, "cache") {
        None => None,
        Some(name) => match node.named.find(&name) {
            Some(store) => Some(store),
            None => {
                let names: Vec<&str> = node.named.names().collect();
                let message = format!("there is no cache {name}");
                let hint = format!("The caches are: {}.", names.join(", "));
                let body = json!({ "message": message, "hint": hint });
                return response::json(StatusCode::NOT_FOUND, body.to_string());
            }
        },
    };
    let tag = parameter(query, "tag");
    let has_tag = |headers: &HeaderMap| tag.as_ref().is_none_or(|tag| surrogate::is_tagged(headers, tag));
    let matches = |key: &Key, answer: &Answer| {
        only.is_none_or(|store| key.store() == store)
            && pattern.matches(answer.target())
            && (tag.is_none() || has_tag(&answer.headers()))
    };
    let mut cleared = node.cache.clear(matches);
    if only.is_none() {
        // What HTTP lets us keep is in none of the caches by name.
        cleared += node.proxy.purge(|target, headers| pattern.matches(target) && has_tag(headers));
    }
    response::json(StatusCode::OK, json!({ "cleared": cleared }).to_string())
}

async fn ready(node: &Node) -> Response<Body> {
    let asked = tokio::time::timeout(READY_MAX, node.ping()).await;
    let (status, why) = match asked {
        Ok(Ok(())) => (StatusCode::OK, Value::Null),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string().into()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database did not answer in time".into()),
    };
    let body = json!({ "ready": status == StatusCode::OK, "cache": node.cache.is_open(), "why": why });
    response::json(status, body.to_string())
}

fn statistics(node: &Node) -> Value {
    let (statistics, stores) = (node.cache.statistics(), node.cache.stores());
    let mut events = serde_json::Map::new();
    for (event, reason, count) in telemetry::events(&statistics) {
        let name = if reason.is_empty() { event.to_owned() } else { format!("{event}.{reason}") };
        events.insert(name, count.into());
    }
    let behind = node.behind().map(|behind| behind.as_millis() as u64);
    json!({
        "open": statistics.epoch != 0,
        "entries": statistics.entries,
        "bytes": statistics.bytes,
        "bytes_max": stores.iter().map(|store| store.bytes_max).sum::<u64>(),
        "hit_ratio": hit_ratio(&statistics),
        "behind_ms": behind,
        "position": node.cache.position().to_string(),
        "events": events,
        "caches": node.named.names().zip(&stores).map(|(name, store)| named(name, store)).collect::<Vec<_>>(),
    })
}

fn named(name: &str, store: &StoreStatistics) -> Value {
    let mut told = json!({
        "name": name,
        "entries": store.entries,
        "bytes": store.bytes,
        "bytes_max": store.bytes_max,
    });
    for (event, count) in telemetry::of_store(store) {
        told[event] = count.into();
    }
    told
}

/// Hits among all lookups; null before the first.
fn hit_ratio(statistics: &Statistics) -> Option<f64> {
    let bypassed = statistics.bypassed_closed + statistics.bypassed_behind + statistics.bypassed_write;
    let lookups = statistics.hits + statistics.misses + bypassed;
    (lookups > 0).then(|| statistics.hits as f64 / lookups as f64)
}

/// A parameter of the query, decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}
