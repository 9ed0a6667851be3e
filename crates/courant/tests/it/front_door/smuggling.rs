//! Requests that two servers could read in two ways, each with another request where one of them might see it.
//!
//! The classes are those of RFC 9112, sections 11.1 and 11.2, and of what is published on request smuggling:
//! lengths against chunks, codings in disguise, chunks framed loosely, line ends, whitespace, hosts, targets,
//! versions, expectations, upgrades. None may be let in, and nothing after it may be answered.

use crate::hostile::{SCHEMA, replies_to};
use crate::node::{Node, cluster};

/// Where a loose reader would find a second request.
const SMUGGLED: &str = "GET /notes HTTP/1.1\r\nHost: x\r\n\r\n";

/// Headers in which the body's end is a matter of opinion; the body is one that ends at once as chunks and holds
/// another request as bytes.
const FRAMINGS: &[&str] = &[
    // Both, in each order, and where one is hidden from some.
    "Content-Length: 40\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 40",
    "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "Content-Length: 5\r\nX: y\r\nTransfer-Encoding: Chunked",
    "content-length: 5\r\nTRANSFER-ENCODING: CHUNKED",
    // Lengths.
    "Content-Length: 5\r\nContent-Length: 40",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\ncontent-length: 0",
    "Content-Length: 5, 5",
    "Content-Length: 5, 40",
    "Content-Length: 5,",
    "Content-Length: ,5",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 5 5",
    "Content-Length: 5\t5",
    "Content-Length: 0x5",
    "Content-Length: 05",
    "Content-Length: 5.0",
    "Content-Length: 5e0",
    "Content-Length: 5;",
    "Content-Length: \"5\"",
    "Content-Length: five",
    "Content-Length: 1_0",
    "Content-Length: ",
    "Content-Length:\u{b}5",
    "Content-Length: 5\u{c}",
    "Content-Length: \u{a0}5",
    "Content-Length: \u{665}",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551621",
    "Content-Length: 4294967296000000000000005",
    // Names that some take for others.
    "Content-Length : 5",
    "Content-Length\t: 5",
    " Content-Length: 5",
    "Content_Length: 5",
    "Content Length: 5",
    "Content-Length\0: 5",
    "\u{b}Content-Length: 5",
    "X: y\r\n Content-Length: 5",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "X: y\nContent-Length: 5",
    "X: y\rContent-Length: 5",
    "X: y\r\r\nContent-Length: 5",
    "X\r\nContent-Length: 5",
    ": y\r\nContent-Length: 5",
    "X: y\0\r\nContent-Length: 5",
    // Codings in disguise.
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: cow",
    "Transfer-Encoding: ",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunk",
    "Transfer-Encoding: chu nked",
    "Transfer-Encoding:\u{b}chunked",
    "Transfer-Encoding: \u{c}chunked",
    "Transfer-Encoding: chunked\u{b}",
    "Transfer-Encoding: chunked\0",
    "Transfer-Encoding: \u{fe}\u{ff}chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked\r\n ",
    "Transfer-Encoding: chunked\rX: y",
    "Transfer-Encoding: chunked\nX: y",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "Transfer_Encoding: chunked",
    "Transfer Encoding: chunked",
    "Transfer-Encoding\r\n: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    // Headers that take framing away, or put it off.
    "Content-Length: 5\r\nConnection: Content-Length",
    "Transfer-Encoding: chunked\r\nConnection: close, transfer-encoding",
    "Content-Length: 5\r\nConnection: x\r\nConnection: host",
    "Content-Length: 5\r\nExpect: 100-continue, x",
    "Content-Length: 5\r\nExpect: y 100-continue",
    "Content-Length: 5\r\nExpect: 200-ok",
    "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Upgrade: websocket, h2c\r\nConnection: Upgrade",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    // Hosts.
    "Host: x",
    "Host: y",
    "host: y",
    " Host: y",
];

/// Bodies in chunks whose frame is a matter of opinion; `~` is the second request.
const CHUNKS: &[&str] = &[
    "5\nabcde\n0\n\n~",
    "5\r\nabcde\n0\r\n\r\n~",
    "5\nabcde\r\n0\r\n\r\n~",
    "5\r\nabcde\r\n0\n\r\n~",
    "5\r\nabcde\r\n0\r\n\n~",
    "5\rXabcde\r\n0\r\n\r\n~",
    "5\r\r\nabcde\r\n0\r\n\r\n~",
    "5\r\nabcde0\r\n\r\n~",
    "5\r\nabcdef\r\n0\r\n\r\n~",
    "5\r\nabcdeX\n0\r\n\r\n~",
    "5\r\nabcde\r0\r\n\r\n~",
    "0x5\r\nabcde\r\n0\r\n\r\n~",
    "+5\r\nabcde\r\n0\r\n\r\n~",
    "-5\r\nabcde\r\n0\r\n\r\n~",
    "5 \r\nabcde\r\n0\r\n\r\n~",
    " 5\r\nabcde\r\n0\r\n\r\n~",
    "\t5\r\nabcde\r\n0\r\n\r\n~",
    "5\0\r\nabcde\r\n0\r\n\r\n~",
    "5_0\r\nabcde\r\n0\r\n\r\n~",
    "5g\r\nabcde\r\n0\r\n\r\n~",
    "\u{ff15}\r\nabcde\r\n0\r\n\r\n~",
    "100000000000000005\r\nabcde\r\n0\r\n\r\n~",
    "ffffffffffffffff\r\nabcde\r\n0\r\n\r\n~",
    "00000000000000000000000005\r\nabcde\r\n0\r\n\r\n~",
    "\r\n5\r\nabcde\r\n0\r\n\r\n~",
    ";a\r\nabcde\r\n0\r\n\r\n~",
    "5;\r\nabcde\r\n0\r\n\r\n~",
    "5;a\nabcde\r\n0\r\n\r\n~",
    "5;a\rb\r\nabcde\r\n0\r\n\r\n~",
    "5;\n\r\nabcde\r\n0\r\n\r\n~",
    "5;a=\"\r\nabcde\r\n0\r\n\r\n~\"",
    "5 a\r\nabcde\r\n0\r\n\r\n~",
    "5,5\r\nabcde\r\n0\r\n\r\n~",
    "0\r\nContent-Length: 40\r\n\r\n~",
    "0\r\nTransfer-Encoding: chunked\r\n\r\n~",
    "0\r\nHost: y\r\n\r\n~",
    "0\r\n X: y\r\n\r\n~",
    "0\r\nX : y\r\n\r\n~",
    "0\r\nX: y\n\r\n~",
    "0\r\nX: y\r\n\n~",
    "0\r\n~",
];

/// Whole heads; `~` is the second request.
const HEADS: &[&str] = &[
    // Line ends.
    "GET /calls HTTP/1.1\nHost: x\n\n~",
    "GET /calls HTTP/1.1\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x\r\n\n~",
    "GET /calls HTTP/1.1\rHost: x\r\r~",
    "GET /calls HTTP/1.1\r\r\nHost: x\r\n\r\n~",
    "\nGET /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "\r\n\r\n\r\n\r\nGET /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    // Request lines.
    " GET /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET  /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls  HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET\t/calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls\tHTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.1 \r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls\u{b}HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls\r\n HTTP/1.1\r\nHost: x\r\n\r\n~",
    "G\0T /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET: /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "\"GET\" /calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls\0 HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls\u{7f} HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls#/notes HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /a\\..\\calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET ?calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET * HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET @x/calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n~",
    // Versions.
    "GET /calls\r\n~",
    "GET /calls\r\n\r\n~",
    "GET /calls HTTP/0.9\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.2\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/2.0\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.10\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1.\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1\r\nHost: x\r\n\r\n~",
    "GET /calls http/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls HTP/1.1\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/01.1\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/1,1\r\nHost: x\r\n\r\n~",
    "GET /calls HTTP/+1.1\r\nHost: x\r\n\r\n~",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n~",
    "POST /calls HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n~",
    "POST /calls HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n~",
    // Hosts.
    "GET /calls HTTP/1.1\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost:\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x, y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x,y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x@y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x/y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x\\y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x:y\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x:80:81\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x:99999\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: http://x\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: x\u{e9}\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost: [::1\r\n\r\n~",
    "GET /calls HTTP/1.1\r\nHost : x\r\n\r\n~",
    "GET /calls HTTP/1.1\r\n Host: x\r\n\r\n~",
    "GET /calls HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n~",
    "GET http://y/calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET http://x@y/calls HTTP/1.1\r\nHost: y\r\n\r\n~",
    "GET http://x:80/calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET http:///calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET ftp://x/calls HTTP/1.1\r\nHost: x\r\n\r\n~",
    "GET http://x/calls HTTP/1.1\r\n\r\n~",
];

fn payloads() -> Vec<String> {
    let framed = FRAMINGS.iter().map(|framing| {
        let body = format!("0\r\n\r\n{SMUGGLED}");
        format!("POST /calls HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{body}")
    });
    let chunked = CHUNKS.iter().map(|chunks| {
        let chunks = chunks.replace('~', SMUGGLED);
        format!("POST /calls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    });
    let heads = HEADS.iter().map(|head| head.replace('~', SMUGGLED));
    framed.chain(chunked).chain(heads).collect()
}

#[tokio::test]
async fn nothing_that_two_servers_could_read_in_two_ways_is_let_in() {
    let cluster = cluster("smuggling", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let payloads = payloads();
    let mut through = Vec::new();
    for sent in &payloads {
        let replies = replies_to(&node, sent.as_bytes()).await;
        match &replies[..] {
            [reply] if (400..600).contains(&reply.status) && reply.status != 500 => reply.assert_typed(sent),
            _ => through.push((sent, replies)),
        }
    }
    assert!(through.is_empty(), "{} of {} let through: {through:#?}", through.len(), payloads.len());
    assert!(payloads.len() >= 200, "{}", payloads.len());
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn after_a_body_in_chunks_the_next_head_is_judged_as_well() {
    let cluster = cluster("chunks", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let chunked = "POST /rpc/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                   Transfer-Encoding: chunked\r\n\r\n6\r\n{\"a\":1\r\n7\r\n,\"b\":2}\r\n0\r\nX-Sum: 3\r\n\r\n";
    for sent in payloads() {
        let replies = replies_to(&node, format!("{chunked}{chunked}{sent}").as_bytes()).await;
        let found: Vec<_> = replies.iter().map(|reply| reply.status).collect();
        let [200, 200, refused] = found[..] else { panic!("{sent:?}: {replies:?}") };
        assert!(refused >= 400, "{sent:?}: {replies:?}");
    }
}
