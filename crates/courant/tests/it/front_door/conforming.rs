//! Requests as browsers, client libraries and tools send them: all of them pass the door.

use crate::hostile::{SCHEMA, replies_to};
use crate::node::{Node, cluster};

const CLOSE: &str = "Host: x\r\nConnection: close\r\n\r\n";
const ROW: &str = r#"[{"id":1}]"#;

/// Requests that are answered with the one row.
const READS: &[&str] = &[
    "GET /calls?select=id HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
     Connection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: localhost:3000\r\nConnection: close\r\nsec-ch-ua: \"Chromium\";v=\"130\", \
     \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
     (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n\
     Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nAccept-Encoding: identity\r\n\
     Accept-Language: de-DE,de;q=0.9\r\nCookie: a=b; c=\"d e\"\r\nUpgrade-Insecure-Requests: 1\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: [::1]:3000\r\nUser-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:131.0) \
     Gecko/20100101 Firefox/131.0\r\nDNT: 1\r\nSec-GPC: 1\r\nPriority: u=0, i\r\nTE: trailers\r\n\
     Connection: close\r\n\r\n",
    "GET /rest/v1/calls?select=id&order=id.asc.nullslast&limit=1 HTTP/1.1\r\nhost: project.example.com\r\n\
     accept-profile: public\r\nx-client-info: supabase-js-web/2.45.0\r\napikey: a.b.c\r\naccept: application/json\r\n\
     connection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: my_service.internal\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n\
     X-Forwarded-Proto: https\r\nForwarded: for=\"[2001:db8::1]\";proto=https\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n",
    "GET http://x/calls?select=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET HTTP://X:3000/calls?select=id HTTP/1.1\r\nHost: x:3000\r\nConnection: close\r\n\r\n",
    "GET https://x/calls?select=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.0\r\n\r\n",
    "GET /calls?select=id HTTP/1.0\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n",
    "\r\nGET /calls?select=id HTTP/1.1\r\nHost:x\r\nConnection:close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: \t x \t \r\nX-Empty:\r\nX-Spaced:   a   b   \r\nConnection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nX-Text: caf\u{e9}\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nContent-Length:  2\r\nConnection: close\r\n\r\nab",
    "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "GET /calls?select=id HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    "GET /calls?select=id&data=cs.{%22name%22:%22a%22} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id&data->>name=eq.a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id&tags=ov.{x,y}&or=(id.eq.1,body.like.call*) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id&body=neq.caf\u{e9} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /calls?select=id&body=neq.%0d%0aHost:%20y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
];

/// Bodies of a call that adds one and two.
const BODIES: &[&str] = &[
    "Content-Length: 13\r\n\r\n{\"a\":1,\"b\":2}",
    "content-length: 13\r\nExpect: 100-continue\r\n\r\n{\"a\":1,\"b\":2}",
    "Transfer-Encoding: chunked\r\n\r\nd\r\n{\"a\":1,\"b\":2}\r\n0\r\n\r\n",
    "transfer-encoding: Chunked\r\n\r\n000D\r\n{\"a\":1,\"b\":2}\r\n000\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n6\r\n{\"a\":1\r\n7;n=v;q=\"a \\\" b\"\r\n,\"b\":2}\r\n0\r\nX-Sum: 3\r\n\r\n",
    "Transfer-Encoding:chunked\r\n\r\n1\r\n{\r\n1\r\n\"\r\n1\r\na\r\n3\r\n\":1\r\n1 ; x\r\n,\r\n6\r\n\"b\":2}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\nd\r\n{\"a\":1,\"b\":2}\r\n0\r\n\r\n",
];

#[tokio::test]
async fn what_clients_really_send_passes_the_door() {
    let cluster = cluster("conforming", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    for sent in READS {
        let replies = replies_to(&node, sent.as_bytes()).await;
        let [reply] = &replies[..] else { panic!("{sent:?}: {replies:?}") };
        assert_eq!((reply.status, reply.body.as_str()), (200, ROW), "{sent:?}: {reply:?}");
    }
    let post = "POST /rpc/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    for body in BODIES {
        let next = format!("GET /calls?select=id HTTP/1.1\r\n{CLOSE}");
        let replies = replies_to(&node, format!("{post}{body}{next}").as_bytes()).await;
        let replies: Vec<_> = replies.iter().filter(|reply| reply.status != 100).collect();
        let [sum, row] = &replies[..] else { panic!("{body:?}: {replies:?}") };
        assert_eq!((sum.body.as_str(), row.body.as_str()), ("3", ROW), "{body:?}: {replies:?}");
    }
    let replies = replies_to(&node, format!("OPTIONS * HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    assert!(matches!(&replies[..], [reply] if !reply.body.contains("COURANT_HEAD")), "{replies:?}");
}
