//! Clients that take their time, and many of them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{PATIENCE, SCHEMA, exchange, replies, replies_to, until_closed};
use crate::node::{Node, cluster};

/// What this process needs beside the connections that it holds open.
const OTHER_FILES: usize = 300;

#[tokio::test]
async fn a_client_that_stops_in_the_middle_is_told_and_cut() {
    let cluster = cluster("stops", SCHEMA).await;
    let quick = ["HEADER", "BODY"].map(|what| format!("COURANT_HTTP_{what}_TIMEOUT_MS"));
    let quick: Vec<_> = quick.iter().map(|name| (name.as_str(), "300")).collect();
    let node = Node::start_uncached(&cluster, &quick);
    let post = "POST /calls HTTP/1.1\r\nHost: x\r\n";
    for (sent, code) in [
        ("G".to_owned(), "COURANT_HEAD_TIMEOUT"),
        ("GET /calls HTTP/1.1\r\nHo".to_owned(), "COURANT_HEAD_TIMEOUT"),
        ("GET /calls HTTP/1.1\r\nHost: x\r\n".to_owned(), "COURANT_HEAD_TIMEOUT"),
        (format!("{post}Content-Length: 10\r\n\r\n["), "COURANT_BODY_TIMEOUT"),
        (format!("{post}Content-Length: 10\r\n\r\n"), "COURANT_BODY_TIMEOUT"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\n5\r\n["), "COURANT_BODY_TIMEOUT"),
    ] {
        let replies = replies_to(&node, sent.as_bytes()).await;
        let [reply] = &replies[..] else { panic!("{sent:?}: {replies:?}") };
        assert!(reply.status == 408 && reply.body.contains(code), "{sent:?}: {reply:?}");
        reply.assert_typed(&sent);
    }
    // Nothing was asked, so nothing is answered.
    let node = Node::start_uncached(&cluster, &[("COURANT_HTTP_IDLE_TIMEOUT_MS", "300")]);
    assert_eq!(exchange(&node, b"").await, "");
    let idle = exchange(&node, b"GET /calls?select=id HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(replies(&idle).len(), 1, "{idle}");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_when_its_time_is_over() {
    let cluster = cluster("drip", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[("COURANT_HTTP_HEADER_TIMEOUT_MS", "500")]);
    let mut socket = TcpStream::connect(node.clients).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = socket.split();
    let dripping = async {
        writer.write_all(b"GET /calls HTTP/1.1\r\nX: ").await.unwrap();
        // The pace of the attack, nothing that the test waits for.
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        read = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut answer)) => drop(read.unwrap()),
        () = dripping => {}
    }
    assert!(String::from_utf8_lossy(&answer).contains("COURANT_HEAD_TIMEOUT"), "{answer:?}");
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut() {
    let cluster = cluster("reader", SCHEMA).await;
    let settings = [("COURANT_HTTP_WRITE_TIMEOUT_MS", "300"), ("COURANT_LOG_LEVEL", "debug")];
    let mut node = Node::start_uncached(&cluster, &settings);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(node.clients).await.unwrap();
    socket.write_all(b"GET /rpc/long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    node.until_said("http.write_timeout_ms");
    let answer = until_closed(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.len() < 32_000_000, "{}", answer.len());
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn slow_bodies_keep_nobody_out_but_one_another() {
    let cluster = cluster("bodies", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[("COURANT_HTTP_REQUESTS_IN_FLIGHT_MAX", "2")]);
    let mut slow = Vec::new();
    let post = b"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{";
    for _ in 0..2 {
        let mut socket = TcpStream::connect(node.clients).await.unwrap();
        socket.write_all(post).await.unwrap();
        slow.push(socket);
    }
    let deadline = Instant::now() + PATIENCE;
    let refused = loop {
        let answer = node.send(::http::Method::POST, "/calls", &[], "{}").await;
        if answer.status != 400 {
            break answer;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
    };
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"), "{refused:?}");
    assert_eq!(refused.json()["code"], "COURANT_BUSY");
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
    drop(slow);
}

#[tokio::test]
async fn ten_thousand_idle_connections_keep_nobody_waiting() {
    let cluster = cluster("idle", SCHEMA).await;
    let node = Node::start_with(&cluster, &[("COURANT_HTTP_IDLE_TIMEOUT_MS", "600000")]).await;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    let mut idle = Vec::new();
    for number in 0..files.saturating_sub(OTHER_FILES).min(10_000) {
        let mut socket = TcpStream::connect(node.clients).await.unwrap();
        if number % 10 == 0 {
            // One in ten has been used before.
            socket.write_all(b"GET /calls?id=eq.1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut first = [0; 12];
            tokio::time::timeout(PATIENCE, socket.read_exact(&mut first)).await.unwrap().unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
        }
        idle.push(socket);
    }
    node.warm("/calls?id=eq.1").await;
    let asking = async {
        for _ in 0..100 {
            assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
            assert_eq!(node.get("/notes?id=eq.1").await.status, 200);
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap();
    drop(idle);
}
