//! Any request, against the catalog that `rest`'s tests use: a plan or an error, never a panic, and as many
//! parameters as the statement names.
#![no_main]

#[path = "../../crates/rest/tests/it/fixture.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixture;

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use pg::catalog::Catalog;
use rest::{Counts, Request, Rules};

static KNOWN: LazyLock<(Catalog, Rules)> = LazyLock::new(|| (fixture::catalog(), fixture::rules()));

/// Headers that decide about a plan; the input's lines are their values, an empty line is none.
const HEADERS: [&str; 6] =
    ["prefer", "accept", "range", "accept-profile", "content-profile", "content-type"];

// Lines of the input: method, path, query, the headers; what follows is the body.
fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3 + HEADERS.len() + 1, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let Ok(method) = Method::from_bytes(part()) else { return };
    let (path, query) = (String::from_utf8_lossy(part()), String::from_utf8_lossy(part()));
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        if let Ok(value) = HeaderValue::from_bytes(part())
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    let body = Bytes::copy_from_slice(part());
    let request = Request { method: &method, path: &path, query: &query, headers: &headers, body: &body };
    let (catalog, rules) = &*KNOWN;
    match rest::plan(&request, catalog, rules) {
        Ok(plan) => {
            let beyond = format!("${}", plan.statement.parameters.len() + 1);
            // Quoted, a name may look like anything.
            let bare: String = plan.statement.sql.split('"').step_by(2).collect();
            assert!(!bare.split('\'').step_by(2).any(|piece| piece.contains(&beyond)), "{bare}");
            let _ = rest::respond(&plan, &Counts { rows: 1, total: Some(1), key: Vec::new() });
        }
        Err(error) => {
            serde_json::from_str::<serde_json::Value>(&error.to_json()).expect("an error is JSON");
        }
    }
});
