//! Requests that nobody means well by: each ends soon, in an answer of PostgREST's shape, and the node lives on.

use std::time::Duration;

use ::http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::bearer;
use crate::node::{Node, cluster};

const SCHEMA: &str = "
    create table calls (id int primary key, body text, data jsonb);
    insert into calls values (1, 'call 1', '{\"name\": \"a\"}');
    grant all on calls to anon, clerk;
    create function add(a int, b int) returns int language sql immutable as 'select a + b';
    create function teapot() returns void language plpgsql as $$ begin
        raise sqlstate 'PGRST' using message = '{\"code\": \"T\", \"message\": \"tea\"}',
            detail = '{\"status\": 418, \"headers\": {\"X-Pot\": \"green\", \"not a name\": \"x\"}}';
    end $$;
";

/// Sends bytes and returns all that comes back until the connection ends.
async fn exchange(node: &Node, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(node.clients).await.unwrap();
    // A node that has heard enough may close before all is sent.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "never ended: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_no_identifier_never_reaches_sql_as_one() {
    let cluster = cluster("injection", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    for (target, status) in [
        ("/calls?select=id%22;drop", 400),
        ("/calls?select=%22a%5C%22;b%22:id", 200),
        ("/calls?order=%22id%5C%22;x%22", 400),
        ("/calls?select=id::%22int;x%22", 400),
        ("/calls?select=id,x!y%22z(id)", 400),
        ("/calls?select=data-%3E%3E%27;x", 400),
        ("/calls?body=fts(a;b).c", 400),
        ("/calls?body=match.((((", 400),
        ("/calls?%22id%22;=eq.1", 400),
        ("/calls?body=eq.a%00b", 400),
        ("/calls?body=eq.%ff", 400),
        ("/calls%00", 404),
        ("/%ff", 404),
        ("/rpc/add%22;?a=1", 404),
        ("/rpc/add?a=1&b%22=2", 404),
        ("/pg_catalog.pg_authid", 404),
    ] {
        let answer = node.get(target).await;
        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert!(status == 200 || answer.json()["code"].is_string(), "{target}: {answer:?}");
    }
    let profile = [("accept-profile", "public\";--")];
    let answer = node.send(Method::GET, "/calls", &profile, "").await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (406, Some("PGRST106")));
    for body in ["", "null", "{\"a", "[3]", "{\"body\":\"\\u0000\"}", "{\"no\\\"pe\":1}", "{\"id\":1e400}"] {
        let answer = node.send(Method::POST, "/calls", &[("content-type", "application/json")], body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    let nested = format!("{{\"id\":2,\"data\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = node.send(Method::POST, "/calls", &[], &nested).await;
    assert!(answer.status.is_client_error() || answer.status == 500, "{answer:?}");
    assert_eq!(node.get("/calls?select=id").await.json(), json!([{"id": 1}]));
}

#[tokio::test]
async fn what_is_too_large_too_slow_or_no_http_is_turned_away() {
    let cluster = cluster("sizes", SCHEMA).await;
    let quick = [("COURANT_HTTP_BODY_TIMEOUT_MS", "200"), ("COURANT_HTTP_HEADER_TIMEOUT_MS", "200")];
    let node = Node::start_uncached(&cluster, &quick);
    let long =
        format!("GET /calls?body=eq.{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(20_000));
    let post = "POST /calls HTTP/1.1\r\nHost: x\r\n";
    for (sent, starts, holds) in [
        (long, "HTTP/1.1 414 ", "COURANT_TOO_LARGE"),
        (format!("GET /calls HTTP/1.1\r\nX: {}", "a".repeat(500_000)), "HTTP/1.1 431 ", ""),
        (format!("{post}Content-Length: 10\r\n\r\n["), "HTTP/1.1 408 ", "COURANT_BODY_TIMEOUT"),
        (format!("{post}Content-Length: 99999999\r\n\r\n["), "HTTP/1.1 413 ", "COURANT_TOO_LARGE"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "HTTP/1.1 400 ", "PGRST102"),
        (format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}"), "HTTP/1.1 400 ", ""),
        ("GET /calls HTTP/1.1\r\nHo".to_owned(), "", ""),
        (String::new(), "", ""),
        ("\u{16}\u{3}\u{1}".to_owned(), "", ""),
    ] {
        let answer = exchange(&node, sent.as_bytes()).await;
        assert!(answer.starts_with(starts) && answer.contains(holds), "{answer}");
    }
    for method in [Method::PUT, Method::TRACE] {
        let answer = node.send(method, "/calls?id=eq.1", &[], "").await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(answer.json()["code"].is_string());
    }
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn a_target_may_hold_the_arrows_that_curl_sends_bare() {
    let cluster = cluster("arrows", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let ask = "GET /calls?select=data->>name&data->>name=eq.a HTTP/1.1\r\nHost: x\r\n";
    let answer = exchange(&node, format!("{ask}\r\n{ask}Connection: close\r\n\r\n").as_bytes()).await;
    assert_eq!(answer.matches(r#"[{"name":"a"}]"#).count(), 2, "{answer}");
}

#[tokio::test]
async fn a_token_that_is_not_what_it_says_is_refused() {
    let cluster = cluster("tokens", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiY2xlcmsifQ.".to_owned();
    let longest = "r".repeat(500);
    for (token, status) in [
        (unsigned, 401),
        ("Bearer a.b".to_owned(), 401),
        (bearer(&json!({"role": "clerk", "exp": 1})), 401),
        (bearer(&json!({"role": "clerk", "exp": -1})), 401),
        (bearer(&json!({"role": "clerk", "exp": "never"})), 401),
        (bearer(&json!({"role": "clerk", "nbf": 1e300})), 401),
        (bearer(&json!({"role": "clerk", "exp": 1e300})), 200),
        (bearer(&json!({"role": "none"})), 401),
        (bearer(&json!({"role": ""})), 401),
        (bearer(&json!({"role": longest})), 401),
        (bearer(&json!({"role": "a\u{0}b"})), 400),
        (bearer(&json!({"role": "clerk", "sub": "a\u{0}b"})), 200),
    ] {
        let answer = node.get_as(&token, "/calls?select=id").await;
        assert_eq!(answer.status, status, "{token}: {answer:?}");
        assert!(status == 200 || answer.json()["code"].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_raised_response_carries_its_headers_but_none_that_is_no_header() {
    let cluster = cluster("raised", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let answer = node.send(Method::POST, "/rpc/teapot", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-pot")), (418, "green"), "{answer:?}");
}
