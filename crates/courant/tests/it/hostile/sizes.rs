//! Requests that are large, deep or long, within the limits of their bytes and past them.

use std::ops::RangeInclusive;

use super::{Reply, SCHEMA, replies_to};
use crate::node::{Node, cluster};

/// What it is, what is sent, and the statuses that may come back.
type Case = (&'static str, Vec<u8>, RangeInclusive<u16>);

const CLOSE: &str = "Host: x\r\nConnection: close\r\n\r\n";

fn nest(open: &str, inner: &str, close: &str, times: usize) -> String {
    open.repeat(times) + inner + &close.repeat(times)
}

fn queries() -> Vec<Case> {
    let get = |query: String| format!("GET /calls?{query} HTTP/1.1\r\n{CLOSE}").into_bytes();
    let list = |item: &str, times| vec![item; times].join(",");
    let numbers: Vec<String> = (0..8000).map(|number| number.to_string()).collect();
    let limits: String = (0..4000).map(|number| format!("a{number}.limit=1&")).collect();
    vec![
        ("filters", get(vec!["id=eq.1"; 8000].join("&")), 400..=400),
        ("values", get(format!("id=in.({})&select=id", numbers.join(","))), 200..=200),
        ("embeds", get(format!("select={}", nest("notes(", "id", ")", 1000))), 400..=400),
        ("embeds beside one another", get(format!("select={}", list("notes(id)", 5000))), 400..=400),
        ("logic", get(format!("or={}", nest("(or", "(id.eq.1)", ")", 1000))), 400..=400),
        ("negations", get(format!("id={}eq.1", "not.".repeat(10_000))), 400..=400),
        ("arrows", get(format!("select=data{}", "->a".repeat(5000))), 400..=400),
        ("arrows in a filter", get(format!("data{}=eq.1", "->a".repeat(5000))), 400..=400),
        ("columns", get(format!("select={}", list("id", 20_000))), 400..=400),
        ("orders", get(format!("order={}", list("id", 10_000))), 400..=400),
        ("ranges", get(limits), 400..=400),
        ("paths", get(format!("{}id=eq.1", "notes.".repeat(8000))), 400..=400),
        ("a great limit", get("limit=99999999999999999999999".to_owned()), 200..=200),
        ("the greatest limit", get(format!("limit={0}&offset={0}", i64::MAX)), 200..=200),
        ("a negative limit", get("limit=-1".to_owned()), 416..=416),
        ("a pattern", get(format!("body=match.{}", nest("(", "a", ")", 8000))), 200..=400),
        // PostgREST answers what PostgreSQL finds too complex (class 54) with 500.
        ("an array", get(format!("tags=cs.{}", nest("{", "a", "}", 8000))), 400..=500),
    ]
}

fn bodies() -> Vec<Case> {
    let post = |body: String| {
        let length = body.len();
        let head = "POST /calls HTTP/1.1\r\nContent-Type: application/json\r\n";
        format!("{head}Content-Length: {length}\r\n{CLOSE}{body}").into_bytes()
    };
    let object = |keys: &mut dyn Iterator<Item = u32>| {
        let pairs: Vec<String> = keys.map(|number| format!("\"k{number}\":1")).collect();
        format!("{{{}}}", pairs.join(","))
    };
    let deep = |depth| post(format!("{{\"id\":1,\"data\":{}}}", nest("[", "", "]", depth)));
    let reversed = format!("[{},{}]", object(&mut (0..300_000)), object(&mut (0..300_000).rev()));
    let chunk = b"POST /calls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nbebc200\r\n".to_vec();
    vec![
        // PostgreSQL reads them as deep as its stack allows: 409 for the row that is there, or 500 (54001).
        ("nested arrays", deep(10_000), 409..=500),
        ("deeper arrays", deep(1_000_000), 409..=500),
        ("arrays of arrays", post(nest("[", "", "]", 10_000)), 400..=400),
        ("nested objects", post(nest("{\"data\":", "1", "}", 10_000)), 400..=400),
        ("an open array", post("[".repeat(1_000_000)), 400..=400),
        ("a long number", post(format!("{{\"id\":{}}}", "9".repeat(1_000_000))), 400..=400),
        ("rows", post(format!("[{}]", vec!["{\"id\":1}"; 100_000].join(","))), 409..=409),
        ("keys", post(object(&mut (0..400_000))), 400..=400),
        ("keys in another order", post(reversed), 400..=400),
        (
            "a long body",
            b"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n[".to_vec(),
            413..=413,
        ),
        ("a long body in chunks", [chunk, vec![b' '; 12_000_000]].concat(), 413..=413),
    ]
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_turned_away() {
    let cluster = cluster("sizes", SCHEMA).await;
    let greatest = [("COURANT_HTTP_URL_BYTES_MAX", "65534"), ("COURANT_HTTP_HEADER_BYTES_MAX", "2000000")];
    let node = Node::start_uncached(&cluster, &greatest);
    for (what, sent, statuses) in queries().into_iter().chain(bodies()) {
        let replies = replies_to(&node, &sent).await;
        let [Reply { status, ref body, .. }] = replies[..] else { panic!("{what}: {replies:?}") };
        let shown = &body[..body.len().min(500)];
        assert!(statuses.contains(&status), "{what}: {status} {shown}");
        if status >= 400 {
            replies[0].assert_typed(what);
        }
    }
    assert_eq!(node.get("/calls?select=id").await.json(), serde_json::json!([{"id": 1}]));
}
