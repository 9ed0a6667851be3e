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
    coalesce json_agg json_build_array row_to_json count pg_current_snapshot pg_is_in_recovery pg_current_wal_insert_lsn text int8 \
    array_agg limit offset order by asc desc nulls \
    first last any all like ilike distinct case when then else end with insert into update delete set returning \
    default values conflict do nothing excluded json_to_record json_to_recordset json_array_elements variadic \
    to_jsonb to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery json_strip_nulls \
    jsonb_to_recordset jsonb_to_record jsonb_agg jsonb_build_object jsonb_array_elements nextval row true length substring string_agg chr encode hex bytea json_build_object json_object_keys st_asgeojson group avg sum max min integer bigint boolean uuid jsonb numeric tsvector timestamp time zone api status Q E date json xmax filter union int4";

/// Statements into which nothing is written.
const FIXED: [&str; 2] =
    [include_str!("../../src/openapi/describe.sql"), include_str!("../../src/openapi/operations.sql")];

/// What stands outside quotes must be of the writer's own vocabulary.
fn is_the_writers_own(sql: &str) -> bool {
    if FIXED.contains(&sql) {
        return true;
    }
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
    ".sum()",
    ".filter(",
    "cursor=~",
    "distinct=",
    "count()",
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
        "",
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
        "application/geo+json",
        "text/csv",
        "application/x-www-form-urlencoded",
        "*/*;q=x",
    ];
    let value = prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(|value| value.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    (name, value)
}

/// Every place of a request where a name or a value may stand, as `@`: method, path, query, body.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("GET", "/@", "", ""),
    ("GET", "/clients", "select=@", ""),
    ("GET", "/clients", "select=@:id", ""),
    ("GET", "/clients", "select=id::@", ""),
    ("GET", "/clients", "select=@(id)", ""),
    ("GET", "/clients", "select=@:projects(id)", ""),
    ("GET", "/clients", "select=...@(id)", ""),
    ("GET", "/clients", "select=projects!@(id)", ""),
    ("GET", "/clients", "select=projects(@)", ""),
    ("GET", "/clients", "select=projects(id)&projects.@=eq.1", ""),
    ("GET", "/clients", "select=projects(id)&projects.order=@", ""),
    ("GET", "/clients", "select=projects(id)&@.limit=1", ""),
    ("GET", "/people", "select=data->@", ""),
    ("GET", "/people", "select=data->>@", ""),
    ("GET", "/people", "select=data->a->>@::text", ""),
    ("GET", "/people", "data->@=eq.1", ""),
    ("GET", "/people", "order=data->>@", ""),
    ("GET", "/clients", "order=@", ""),
    ("GET", "/projects", "select=clients(id)&order=clients(@)", ""),
    ("GET", "/clients", "@=eq.1", ""),
    ("GET", "/clients", "id=@", ""),
    ("GET", "/clients", "name=eq.@", ""),
    ("GET", "/clients", "name=in.(@)", ""),
    ("GET", "/clients", "name=like(any).{@}", ""),
    ("GET", "/clients", "name=fts(@).a", ""),
    ("GET", "/clients", "name=@.a", ""),
    ("GET", "/clients", "or=(@.eq.1,id.eq.1)", ""),
    ("GET", "/clients", "and=(name.eq.@)", ""),
    ("GET", "/clients", "limit=@&offset=@", ""),
    ("GET", "/rpc/@", "", ""),
    ("GET", "/rpc/add", "@=1", ""),
    ("GET", "/rpc/echo", "value=@", ""),
    ("POST", "/clients", "columns=@", "{\"id\":1}"),
    ("POST", "/clients", "on_conflict=@", "{\"id\":1}"),
    ("POST", "/clients", "select=@", "{\"id\":1}"),
    ("POST", "/clients", "", "{@:1}"),
    ("POST", "/clients", "", "[{\"id\":1},{@:@}]"),
    ("PATCH", "/clients", "id=eq.1", "{@:1}"),
    ("PATCH", "/clients", "@=eq.1", "{\"name\":@}"),
    ("DELETE", "/clients", "name=eq.@", ""),
    ("GET", "/clients", "select=@.sum()", ""),
    ("GET", "/clients", "select=count().filter(@.eq.1)", ""),
    ("GET", "/clients", "select=count().filter(name.eq.@)", ""),
    ("GET", "/clients", "select=id&distinct=@", ""),
    ("GET", "/clients", "limit=1&cursor=~@", ""),
    ("GET", "/people", "select=id&limit=1&order=data->@&cursor=~", ""),
    ("GET", "/clients", "select=a:id.max()::@", ""),
    ("GET", "/clients", "select=...projects(@)", ""),
    ("GET", "/projects", "select=title,owner(@)&title=eq.@", ""),
    ("GET", "/projects", "select=...clients(a:name)&order=clients(@)", ""),
    ("PUT", "/clients", "id=eq.@", "{\"id\":1}"),
    ("POST", "/projects", "columns=status,@", "[{@:1},{}]"),
    ("POST", "/rpc/add", "columns=@", "{}"),
    ("POST", "/rpc/add", "", "{@:1}"),
    ("POST", "/rpc/@", "", "{}"),
];

/// A text that means something to SQL, to the request's language, or to neither.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(&[
            "\"", "'", "\\", "\0", "--", "/*", "*/", "$$", "$1", ";", "(", ")", ",", ".", ":", "::", "->", "!", "id",
            "drop table", " ", "\n", "\u{202e}", "{", "}", "pg_catalog", "é", "E'",
        ][..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// Percent-encoded whole, so that it arrives as it is.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(3000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics_and_no_text_of_a_request_stands_in_sql_unquoted(
        method in prop::sample::select(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"][..]),
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
                drop(rest::respond(&plan, &rest::Counts { rows: 1, total: Some(1), ..Default::default() }));
            }
            Err(error) => {
                serde_json::from_str::<serde_json::Value>(&error.to_json()).unwrap();
            }
        }
    }

    #[test]
    fn a_text_stays_a_text_wherever_it_stands(
        (method, path, query, body) in prop::sample::select(PLACES),
        text in hostile(),
        is_quoted in any::<bool>(),
    ) {
        let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let in_target = encoded(if is_quoted { &quoted } else { &text });
        let (path, query) = (path.replace('@', &in_target), query.replace('@', &in_target));
        let body = Bytes::from(body.replace('@', &serde_json::Value::from(text).to_string()));
        let (method, headers) = (method.parse().unwrap(), HeaderMap::new());
        let request = Request { method: &method, path: &path, query: &query, headers: &headers, body: &body };
        match rest::plan(&request, &catalog(), &rules()) {
            Ok(plan) => prop_assert!(is_the_writers_own(&plan.statement.sql), "{}", plan.statement.sql),
            Err(error) => {
                let told = serde_json::from_str::<serde_json::Value>(&error.to_json()).unwrap();
                prop_assert!(told["code"].is_string() && told["message"].is_string());
                prop_assert!(error.status().is_client_error(), "{error}");
            }
        }
    }
}
