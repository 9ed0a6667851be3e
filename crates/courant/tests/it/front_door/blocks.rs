//! Who is kept out, by whom, and for how long.

use std::net::SocketAddr;

use ::http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::node;
use crate::hostile::SCHEMA;
use crate::http::send;
use crate::node::{Node, cluster, command};

async fn status(node: &Node, client: &str) -> u16 {
    node.send(Method::GET, "/calls", &[("x-forwarded-for", client)], "").await.status.as_u16()
}

/// What somebody gets who connects from another of this machine's own addresses.
async fn from(node: &Node, address: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let mut socket = socket.connect(node.clients).await.unwrap();
    let _ = socket.write_all(b"GET /calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn run(node: &Node, arguments: &[&str]) -> (bool, String) {
    let admin = format!("http://{}", node.admin);
    let output = command(&[arguments, &["--admin", &admin]].concat()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn the_configuration_keeps_networks_out_and_others_in() {
    let cluster = cluster("deny", SCHEMA).await;
    let file =
        "block.deny = ['203.0.113.0/24', '127.0.0.2', '2001:db8::/32']\nblock.allow = ['203.0.113.9']\n";
    let node = node(&cluster, "deny", file);
    let refused = node.send(Method::GET, "/calls", &[("x-forwarded-for", "203.0.113.1")], "").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (403, &json!("COURANT_BLOCKED")));
    assert_eq!(refused.header("connection"), "close");
    assert_eq!(status(&node, "2001:db8::1").await, 403);
    assert_eq!(status(&node, "203.0.113.9").await, 200);
    assert_eq!(status(&node, "198.51.100.1").await, 200);
    // Whoever connects himself is turned away before he is heard.
    let answer = from(&node, "127.0.0.2").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("COURANT_BLOCKED"), "{answer}");
    assert!(from(&node, "127.0.0.3").await.starts_with("HTTP/1.1 200"));
    let metrics = send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for line in ["{what=\"blocked_connection\"} 1", "{what=\"blocked_request\"} 2", "courant_guard_blocks 3"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn an_administrator_blocks_lists_and_unblocks() {
    let cluster = cluster("block", SCHEMA).await;
    let node = node(&cluster, "block", "block.allow = ['198.51.100.0/24']\n");
    let (done, said) = run(&node, &["block", "203.0.113.7", "--for", "1h", "--reason", "guesses & guesses"]);
    assert!(done && said.contains("203.0.113.7/32 is blocked"), "{said}");
    assert_eq!((status(&node, "203.0.113.7").await, status(&node, "203.0.113.8").await), (403, 200));
    let (done, said) = run(&node, &["block", "--list", "--json"]);
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert!(done && listed[0]["reason"] == "guesses & guesses" && listed[0]["by"] == "command", "{said}");
    assert!(listed[0]["seconds_left"].as_u64().is_some_and(|left| (3500..=3600).contains(&left)), "{said}");
    assert!(run(&node, &["block", "--list"]).1.contains("203.0.113.7/32"));
    let (done, said) = run(&node, &["unblock", "203.0.113.7"]);
    assert!(done && said.contains("let in again"), "{said}");
    assert!(run(&node, &["unblock", "203.0.113.7"]).1.contains("was not blocked"));
    assert_eq!(status(&node, "203.0.113.7").await, 200);
    let (done, said) = run(&node, &["block", "198.51.100.1"]);
    assert!(!done && said.contains("block.allow"), "{said}");
    for wrong in
        [&["block"][..], &["block", "x"], &["block", "1.1.1.1", "--for", "soon"], &["block", "--json"]]
    {
        let (done, said) = run(&node, wrong);
        assert!(!done && said.lines().count() == 1, "{wrong:?}: {said}");
    }
}

#[tokio::test]
async fn who_offends_too_often_is_kept_out_for_a_time() {
    let cluster = cluster("offences", SCHEMA).await;
    let mut node =
        node(&cluster, "offences", "[block]\nafter = 3\nwindow_ms = 3600000\nduration_ms = 3600000\n");
    let guess = [("authorization", "Bearer a.b.c"), ("x-forwarded-for", "203.0.113.1")];
    for _ in 0..4 {
        assert_eq!(node.send(Method::GET, "/calls", &guess, "").await.status, 401);
    }
    assert_eq!((status(&node, "203.0.113.1").await, status(&node, "203.0.113.2").await), (403, 200));
    node.until_said("too many offences");
    // Heads are refused to whoever connects; the proxy itself is never blocked.
    for _ in 0..4 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let mut socket = socket.connect(node.clients).await.unwrap();
        socket.write_all(b"BAD\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        crate::hostile::exchange(&node, b"BAD\r\n\r\n").await;
    }
    assert!(from(&node, "127.0.0.9").await.starts_with("HTTP/1.1 403"));
    assert_eq!(status(&node, "203.0.113.2").await, 200);
    let listed = send(node.admin, Method::GET, "/blocks", &[], "").await.json();
    assert!(listed.as_array().unwrap().iter().all(|block| block["by"] == "courant"), "{listed}");
}
