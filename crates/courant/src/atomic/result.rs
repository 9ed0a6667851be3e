//! What becomes of a batch: a result for each part, in one array.
//!
//! A body of JSON stands in it as PostgreSQL made it, any other text as a string, and bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use pg::Lsn;
use serde_json::{Value, json};

use crate::answer::{Answer, Source};
use crate::bypass::Bypass;
use crate::consistency::POSITION;
use crate::failure::{Failure, brief, made};
use crate::response::{self, Body};

/// What became of a batch.
pub(super) enum Results {
    /// Every part was answered, some of them by a head alone.
    Done { answers: Vec<(Answer, Method)>, position: Option<Lsn> },
    /// Nothing was done.
    Failed { count: usize, number: usize, failure: Failure },
}

impl Results {
    /// Of so many parts, the numbered one failed.
    pub(super) fn failed(count: usize, number: usize, failure: Failure) -> Results {
        Results::Failed { count, number, failure }
    }

    /// The response, and what the log says of it.
    pub(super) async fn response(self, errors_are_brief: bool) -> (Response<Body>, Option<String>) {
        let mut array = Vec::from(b"[");
        let (status, told, position) = match self {
            Results::Done { answers, position } => {
                for (number, (answer, method)) in answers.iter().enumerate() {
                    let body = if *method == Method::HEAD { &[] } else { answer.body() };
                    write(&mut array, number, answer.status(), &answer.headers(), body);
                }
                (StatusCode::OK, None, position)
            }
            Results::Failed { count, number: at, failure } => {
                let failed = failure.response();
                let failed = whole(if errors_are_brief { brief(failed).await } else { failed }).await;
                let others = whole(undone(at)).await;
                for number in 0..count {
                    let (status, headers, body) = if number == at { &failed } else { &others };
                    write(&mut array, number, *status, headers, body);
                }
                (failed.0, Some(failure.told()), None)
            }
        };
        array.push(b']');
        let mut response = response::json(status, String::new());
        *response.body_mut() = Body::new(array.into());
        if let Some(position) = position.and_then(|position| HeaderValue::try_from(position.to_string()).ok())
        {
            response.headers_mut().insert(POSITION, position);
        }
        Source::Bypass(Bypass::Method).write(response.headers_mut());
        (response, told)
    }
}

/// What a part says that was not done, because of another.
fn undone(at: usize) -> Response<Body> {
    let message = format!("part {} of the batch failed, and nothing of it was done", at + 1);
    made(StatusCode::FAILED_DEPENDENCY, "COURANT_BATCH", &message, None)
}

async fn whole(response: Response<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = response.into_parts();
    // An error's body is in memory.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    (head.status, head.headers, body)
}

fn write(array: &mut Vec<u8>, number: usize, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    if number > 0 {
        array.extend_from_slice(b",\n ");
    }
    let told: serde_json::Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    array.extend_from_slice(format!("{{\"status\":{},\"headers\":", status.as_u16()).as_bytes());
    array.extend_from_slice(Value::Object(told).to_string().as_bytes());
    let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    match std::str::from_utf8(body) {
        Ok("") => array.extend_from_slice(b",\"body\":null"),
        Ok(text) if media == "application/json" || media.ends_with("+json") => {
            array.extend_from_slice(b",\"body\":");
            array.extend_from_slice(text.as_bytes());
        }
        Ok(text) => array.extend_from_slice(format!(",\"body\":{}", json!(text)).as_bytes()),
        Err(_) => {
            array.extend_from_slice(format!(",\"body_base64\":{}", json!(STANDARD.encode(body))).as_bytes());
        }
    }
    array.push(b'}');
}
