//! Random input: nothing panics, and nothing of a request gets into SQL but as a parameter or quoted.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use rest::Request;

use crate::fixture::{catalog, rules};

/// Splits off the quoted pieces; `None` where a quote is not closed.
fn unquoted(sql: &str) -> Option<String> {
    let mut rest = String::new();
    let mut characters = sql.chars().peekable();
    while let Some(c) = characters.next() {
        let quote = match c {
            '"' | '\'' => c,
            _ => {
                rest.push(c);
                continue;
            }
        };
        let escaped = rest.ends_with(" E");
        loop {
            match characters.next()? {
                '\\' if escaped => drop(characters.next()?),
                c if c == quote && characters.peek() == Some(&quote) => drop(characters.next()),
                c if c == quote => break,
                _ => {}
            }
        }
        rest.push_str(" Q ");
    }
    Some(rest)
}

const WORDS: &str = "select from where and or not as on in is null true false unknown left inner cross join lateral \
    coalesce json_agg row_to_json count pg_current_snapshot pg_is_in_recovery pg_current_wal_insert_lsn text int8 \
    array_agg limit offset order by asc desc nulls \
    first last any all like ilike distinct case when then else end with insert into update delete set returning \
    default values conflict do nothing excluded json_to_record json_to_recordset json_array_elements variadic \
    to_jsonb to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery json_strip_nulls \
    integer bigint boolean uuid jsonb numeric tsvector timestamp time zone api status Q E date json xmax";

/// What stands outside quotes must be of the writer's own vocabulary.
fn is_the_writers_own(sql: &str) -> bool {
    let Some(rest) = unquoted(sql) else { return false };
    let words: BTreeSet<&str> = WORDS.split_whitespace().collect();
    let word =
        |word: &str| words.contains(word) || word.bytes().all(|byte| byte.is_ascii_digit()) || word == "1";
    let symbols = |c: char| " $(),.:*=<>@&|~-+![]".contains(c);
    rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || symbols(c))
        && rest.split(symbols).filter(|piece| !piece.is_empty()).all(word)
}

/// Pieces from which random queries come close to valid ones.
const PIECES: &[&str] = &[
    "select=",
    "id",
    "name",
    "clients",
    "projects",
    "tasks",
    "people",
    "(",
    ")",
    ",",
    "&",
    "=",
    ".",
    "eq.",
    "in.(",
    "!inner",
    "!left",
    "*",
    "->",
    "->>",
    "::text",
    "::date",
    ":",
    "\"",
    "'",
    "\\",
    "%27",
    "%22",
    "%5C",
    "%00",
    "%F0%9F%98%80",
    "%FF",
    "or=(",
    "and=(",
    "not.",
    "is.null",
    "order=",
    ".desc",
    ".nullslast",
    "limit=",
    "offset=",
    "1",
    "-1",
    "{1,2}",
    "like(any).",
    "fts(english).",
    "$1",
    "--",
    "/*",
    ";",
    " ",
    "+",
    "...",
    "data",
    "status",
    "columns=",
    "on_conflict=",
    "é",
    "\t",
    "now",
];

fn query() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "clients",
        "projects",
        "tasks",
        "rpc/client_projects",
        "rpc/add",
        "rpc/echo",
        "rpc/totals",
        "odd%20%22names",
    ];
    prop_oneof![
        8 => prop::sample::select(KNOWN).prop_map(|name| format!("/{name}")),
        1 => any::<String>(),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    const KNOWN: &[&str] = &[
        r#"{"id":1,"name":"x"}"#,
        r#"[{"id":1},{"id":2}]"#,
        r#"{"client":1}"#,
        r#"{"a":1}"#,
        "[]",
        "{}",
        "[{}]",
        "null",
        "{\"\\u0000\":1}",
    ];
    prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(|body| body.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let name = prop::sample::select(
        &["prefer", "accept", "range", "accept-profile", "content-profile", "content-type"][..],
    );
    const KNOWN: &[&str] = &[
        "return=representation",
        "return=headers-only",
        "resolution=merge-duplicates",
        "count=exact",
        "missing=default",
        "application/vnd.pgrst.object+json",
        "0-5",
        "api",
        "application/json",
        "text/plain",
        "*/*;q=x",
    ];
    let value = prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(|value| value.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(3000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics_and_no_text_of_a_request_stands_in_sql_unquoted(
        method in prop::sample::select(&["GET", "HEAD", "POST", "PATCH", "DELETE"][..]),
        path in path(),
        query in query(),
        headers in prop::collection::vec(header(), 0..4),
        body in body(),
    ) {
        let method: Method = method.parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(name, value);
            }
        }
        let body = Bytes::from(body);
        let request = Request { method: &method, path: &path, query: &query, headers: &map, body: &body };
        match rest::plan(&request, &catalog(), &rules()) {
            Ok(plan) => {
                let sql = &plan.statement.sql;
                prop_assert!(is_the_writers_own(sql), "{sql}");
                let highest = plan.statement.parameters.len();
                let beyond = format!("${}", highest + 1);
                prop_assert!(!unquoted(sql).unwrap().contains(&beyond));
                drop(rest::respond(&plan, &rest::Counts { rows: 1, total: Some(1), key: Vec::new() }));
            }
            Err(error) => {
                serde_json::from_str::<serde_json::Value>(&error.to_json()).unwrap();
            }
        }
    }
}
