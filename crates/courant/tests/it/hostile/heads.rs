//! Heads, sizes and framing that are not as they should be.

use ::http::Method;

use super::{SCHEMA, exchange, replies_to};
use crate::node::{Node, cluster};

const CLOSE: &str = "Host: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_head_that_hyper_would_refuse_without_a_word_is_answered_with_one() {
    let cluster = cluster("heads", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let many: String = (0..101).map(|number| format!("X-{number}: a\r\n")).collect();
    let line = |line: &str| format!("GET /calls HTTP/1.1\r\n{line}\r\n{CLOSE}").into_bytes();
    for (sent, status) in [
        (b"\x16\x03\x01\x02\x00".to_vec(), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 505),
        (b"GET /calls\r\n\r\n".to_vec(), 400),
        (b"GET /calls HTTP/1.2\r\n\r\n".to_vec(), 505),
        (b"GET /ca lls HTTP/1.1\r\n\r\n".to_vec(), 505),
        (b"GET calls?a/b HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"G\"T /calls HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"CONNECT evil:443 HTTP/1.1\r\n\r\n".to_vec(), 405),
        (line("a b: c"), 400),
        (line(" folded: c"), 400),
        (line("X: a\x01b"), 400),
        (line("X: a\0b"), 400),
        (line("X"), 400),
        (line(": x"), 400),
        (line("Content-Length: 1\r\nContent-Length: 2"), 400),
        (line("Content-Length: 0\r\nTransfer-Encoding: chunked"), 400),
        (line("Content-Length: -1"), 400),
        (line("Content-Length: 99999999999999999999999999"), 400),
        (line("Transfer-Encoding: gzip"), 400),
        (line(&many), 431),
        (line(&format!("{}: x", "n".repeat(2000))), 431),
        (line(&format!("X: {}", "a".repeat(65_536))), 431),
        (line(&format!("Cookie: {}", "a=b; ".repeat(2_000_000))), 431),
        (line(&format!("Authorization: Bearer {}", "a".repeat(70_000))), 431),
        (format!("GET /calls?body=eq.{} HTTP/1.1\r\n{CLOSE}", "a".repeat(20_000)).into(), 414),
        (format!("GET /{} HTTP/1.1\r\n{CLOSE}", "<".repeat(20_000)).into(), 414),
        ("A".repeat(1_000_000).into(), 431),
        ("\r\n".repeat(100_000).into_bytes().into_iter().chain(*b"GET ").chain([0]).collect(), 400),
    ] {
        let replies = replies_to(&node, &sent).await;
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(100)]).into_owned();
        let [reply] = &replies[..] else { panic!("{shown}: {replies:?}") };
        assert_eq!(reply.status, status, "{shown}: {reply:?}");
        reply.assert_typed(&shown);
    }
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn requests_are_answered_in_their_order_up_to_the_one_that_is_refused() {
    let cluster = cluster("pipeline", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let get = "GET /calls?select=id&id=eq.1 HTTP/1.1\r\nHost: x\r\n\r\n";
    let smuggled = "GET /notes HTTP/1.1\r\nHost: x\r\n\r\n";
    let post = |framing: &str, body: &str| {
        format!(
            "POST /calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{body}"
        )
    };
    let length = format!("Content-Length: {}", smuggled.len());
    let chunks = format!("{:x};a=\"b\";c\r\n{smuggled}\r\n0;z\r\nTrailer: {get}", smuggled.len());
    let both = post("Content-Length: 5\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{smuggled}"));
    for (sent, statuses) in [
        (format!("{get}{get}{get}BAD\r\n\r\n{smuggled}"), vec![200, 200, 200, 400]),
        (format!("{}{get}BAD\r\n\r\n", post(&length, smuggled)), vec![400, 200, 400]),
        (format!("{get}{both}"), vec![200, 400]),
        (
            format!("{get}{}", post("Connection: close\r\nTransfer-Encoding: chunked", &chunks)),
            vec![200, 400],
        ),
        (format!("{}{get}\0", post("Content-Length: 2", "{}")), vec![400, 200, 400]),
        (format!("{get}{}", post("Transfer-Encoding: chunked", "zz\r\n{}")), vec![200, 400]),
        (format!("{get}{}", post("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n{}")), vec![200, 400]),
        (format!("{get}REFUSED /calls HTTP/1.1\r\n{CLOSE}"), vec![200, 405]),
    ] {
        let replies = replies_to(&node, sent.as_bytes()).await;
        let found: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(found, statuses, "{sent:?}: {replies:?}");
        for reply in &replies {
            match reply.status {
                200 => assert_eq!(reply.body, r#"[{"id":1}]"#, "{sent:?}"),
                _ => reply.assert_typed(&sent),
            }
        }
    }
}

#[tokio::test]
async fn what_is_old_or_odd_but_http_is_served() {
    let cluster = cluster("odd", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let arrows = "GET /calls?select=data->>name&data->>name=eq.a HTTP/1.1\r\nHost: x\r\n";
    let expect = "POST /rpc/add HTTP/1.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    let sum = r#"{"a":1,"b":2}"#;
    let chunked = format!(
        "POST /rpc/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: Chunked\r\n\
         Connection: close\r\n\r\n6;x=\"<y>\"\r\n{}\r\n{:x}\r\n{}\r\n0\r\nX-Trailer: <z>\r\n\r\n",
        &sum[..6],
        sum.len() - 6,
        &sum[6..]
    );
    for (sent, holds) in [
        (format!("{arrows}\r\n{arrows}Connection: close\r\n\r\n"), vec![r#"[{"name":"a"}]"#; 2]),
        ("GET /calls?select=id HTTP/1.0\r\n\r\n".to_owned(), vec![r#"[{"id":1}]"#]),
        (format!("GET http://X/calls?select=id HTTP/1.1\r\n{CLOSE}"), vec![r#"[{"id":1}]"#]),
        (
            format!(
                "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\
                     GET /calls?select=id HTTP/1.1\r\n{CLOSE}"
            ),
            vec![r#"[{"id":1}]"#; 2],
        ),
        (format!("{expect}Content-Length: 13\r\n{CLOSE}{sum}"), vec!["", "3"]),
        (chunked, vec!["3"]),
        (format!("\r\n\r\nGET /calls?select=id HTTP/1.1\r\n{CLOSE}"), vec![r#"[{"id":1}]"#]),
        (format!("GET /calls?select=id HTTP/1.1\r\nX: \u{e9}\u{ff}\r\n{CLOSE}"), vec![r#"[{"id":1}]"#]),
        (
            format!(
                "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n<a>GET /calls?select=id HTTP/1.1\r\n{CLOSE}"
            ),
            vec![r#"[{"id":1}]"#; 2],
        ),
    ] {
        let replies = replies_to(&node, sent.as_bytes()).await;
        let bodies: Vec<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
        assert_eq!(bodies, holds, "{sent:?}: {replies:?}");
    }
}

#[tokio::test]
async fn targets_and_methods_of_any_form_get_an_answer() {
    let cluster = cluster("targets", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    for line in [
        "OPTIONS * HTTP/1.1",
        "GET * HTTP/1.1",
        "GET x HTTP/1.1",
        "GET x:80 HTTP/1.1",
        "GET // HTTP/1.1",
        "GET http:///calls HTTP/1.1",
        "GET /%2e%2e/calls HTTP/1.1",
        "GET /calls/../../etc HTTP/1.1",
        "GET /rest/v1 HTTP/1.1",
        "GET /rest/v1calls HTTP/1.1",
        "GET /calls%2F HTTP/1.1",
        "GET ? HTTP/1.1",
        "GET /calls#fragment HTTP/1.1",
        "TRACE /calls HTTP/1.1",
        "PUT /calls?id=eq.1 HTTP/1.1",
        "M-SEARCH /calls HTTP/1.1",
        "get /calls HTTP/1.1",
        "PROPFIND /calls HTTP/1.1",
        "GET /rpc/ HTTP/1.1",
        "GET /rpc/add/x HTTP/1.1",
        "GET /calls?%00=%00 HTTP/1.1",
        "GET /calls?&&&=&=&a HTTP/1.1",
        "GET /calls?select=%C0%AF HTTP/1.1",
        "GET /%C0%AF HTTP/1.1",
        "GET /calls?id=eq.%ED%A0%80 HTTP/1.1",
    ] {
        let replies = replies_to(&node, format!("{line}\r\n{CLOSE}").as_bytes()).await;
        let [reply] = &replies[..] else { panic!("{line}: {replies:?}") };
        assert!(reply.status < 500, "{line}: {reply:?}");
        if reply.status >= 400 && !line.starts_with("HEAD") {
            reply.assert_typed(line);
        }
    }
}

#[tokio::test]
async fn a_header_of_garbage_is_an_error_or_ignored() {
    let cluster = cluster("headers", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    for name in [
        "Prefer",
        "Range",
        "Range-Unit",
        "Accept",
        "Accept-Profile",
        "Content-Profile",
        "Content-Type",
        "Courant-Consistency",
        "Authorization",
        "Cookie",
        "If-None-Match",
        "If-Match",
        "Accept-Encoding",
        "Host",
        "X-Forwarded-For",
        "Expect",
        "Connection",
        "Upgrade",
        "TE",
        "Trailer",
    ] {
        for value in [
            "",
            ",",
            ";",
            "=",
            "\"",
            "\\",
            "*",
            "a=b=c",
            "-",
            "0-",
            "-0",
            "9-1",
            "99999999999999999999-",
            "bounded=99999999999999999999",
            "token=ffffffffffffffffff/1",
            "Bearer",
            "Bearer ",
            "Bearer ....",
            "\u{e9}\u{fe}",
            "count=exact,count=planned,,,=",
            "handling=strict,x",
            "*/*;q=nan;q=1",
            "\"\\\"",
            "max-affected=-1",
            "application/vnd.pgrst.plan+json",
            "return=representation;return=minimal",
        ] {
            for method in [Method::GET, Method::PATCH] {
                let sent = format!(
                    "{method} /calls?id=eq.9 HTTP/1.1\r\n{name}: {value}\r\nContent-Length: 2\r\n{CLOSE}{{}}"
                );
                let text = exchange(&node, sent.as_bytes()).await;
                // `Expect` may be answered twice.
                let last = super::replies(&text).pop().unwrap_or_else(|| panic!("{sent}"));
                assert!(last.status < 500, "{sent}: {last:?}");
                if last.status >= 400 {
                    last.assert_typed(&sent);
                }
            }
        }
    }
}
