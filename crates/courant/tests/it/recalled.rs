//! A head that was answered before is answered at the door: with the same answer, in its turn, and only as long as all
//! that its answer followed from still holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::hostile::{Reply, replies, replies_to, until_closed};
use crate::http::{self, bearer};
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table calls (id bigint primary key, status text not null);
    insert into calls select n, 'new' from generate_series(1, 3) n;
    create table texts (id bigint primary key, body text not null);
    insert into texts values (1, repeat('0123456789abcdef', 65536));
    grant select, insert, update on calls, texts to anon, clerk;
";

const CALL: &str = "GET /calls?id=eq.1 HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &str = "GET /calls?id=eq.3&select=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// How many requests were answered at the door.
async fn recalled(node: &Node) -> u64 {
    counted(node, "courant_recalled_requests_total ").await
}

async fn counted(node: &Node, series: &str) -> u64 {
    let metrics = http::send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |number| number.trim().parse().unwrap())
}

/// Its lines in no order, without what differs from one second to the next.
fn head(reply: &Reply) -> Vec<&str> {
    let mut lines: Vec<&str> = reply.head.lines().collect();
    lines.retain(|line| !line.starts_with("age: ") && !line.starts_with("date: "));
    lines.sort_unstable();
    lines
}

/// Asks until a head is answered at the door.
async fn known(node: &Node, request: &str) -> Reply {
    let before = recalled(node).await;
    loop {
        let mut replies = replies_to(node, format!("{request}{LAST}").as_bytes()).await;
        if recalled(node).await > before {
            return replies.swap_remove(0);
        }
    }
}

#[tokio::test]
async fn its_answer_is_the_one_that_any_other_request_is_sent() {
    let cluster = cluster("recalled", SCHEMA).await;
    let node = Node::start(&cluster).await;
    for more in
        ["", "Origin: https://app.example\r\nAccept-Encoding: br\r\n", "X-Forwarded-For: 203.0.113.9\r\n"]
    {
        let request = format!("GET /calls?select=id,status HTTP/1.1\r\nHost: x\r\n{more}\r\n");
        let at_the_door = known(&node, &request).await;
        // A header of no meaning makes another head of it.
        for number in 0..3 {
            let other = request.replacen("\r\n", &format!("\r\nX-Number: {number}\r\n"), 1);
            let replies = replies_to(&node, format!("{other}{LAST}").as_bytes()).await;
            assert_eq!(head(&replies[0]), head(&at_the_door));
            assert_eq!(replies[0].body, at_the_door.body);
        }
    }
    let series = "courant_requests_total{route=\"calls\",method=\"GET\",status=\"200\",cache=\"hit\"} ";
    let (hits, recalled) = (counted(&node, series).await, recalled(&node).await);
    assert!(hits > recalled && recalled >= 3, "{hits} {recalled}");
}

#[tokio::test]
async fn among_other_requests_of_its_connection_it_is_answered_in_its_turn() {
    let cluster = cluster("recalled_turn", SCHEMA).await;
    let node = Node::start(&cluster).await;
    known(&node, CALL).await;
    let write = |id: u32| {
        let body = format!("{{\"id\": {id}, \"status\": \"new\"}}");
        let length = body.len();
        format!(
            "POST /calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let first = format!("{CALL}{CALL}{}{CALL}", write(10));
    let then = format!("{CALL}GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n{CALL}{}{CALL}{LAST}", write(11));
    let before = recalled(&node).await;
    let mut socket = TcpStream::connect(node.clients).await.unwrap();
    socket.write_all(first.as_bytes()).await.unwrap();
    // What has been answered is no longer in anybody's way.
    let mut answers = Vec::new();
    while answers.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count() < 4 || !answers.ends_with(b"]") {
        assert_ne!(socket.read_buf(&mut answers).await.unwrap(), 0);
    }
    for byte in then.as_bytes().chunks(7) {
        socket.write_all(byte).await.unwrap();
    }
    let answers = String::from_utf8(answers).unwrap() + &until_closed(&mut socket).await;
    let replies = replies(&answers);
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 200, 201, 200, 200, 404, 200, 201, 200, 200]);
    for number in [0, 1, 3, 4, 6, 8] {
        assert_eq!(replies[number].body, r#"[{"id":1,"status":"new"}]"#);
    }
    assert_eq!(replies[9].body, r#"[{"id":3}]"#);
    assert!(recalled(&node).await > before);
}

#[tokio::test]
async fn a_body_is_never_taken_for_a_head() {
    let cluster = cluster("recalled_body", SCHEMA).await;
    let node = Node::start(&cluster).await;
    known(&node, CALL).await;
    let smuggled = "GET /texts?select=id HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = format!("Content-Length: {}\r\n\r\n{smuggled}", smuggled.len());
    let chunked =
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    for framed in [length, chunked] {
        let request = CALL.replacen("\r\n\r\n", &format!("\r\n{framed}"), 1);
        for _ in 0..5 {
            let replies = replies_to(&node, format!("{request}{CALL}{LAST}").as_bytes()).await;
            let bodies: Vec<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
            let call = r#"[{"id":1,"status":"new"}]"#;
            assert_eq!(bodies, [call, call, r#"[{"id":3}]"#]);
        }
    }
}

#[tokio::test]
async fn a_change_from_outside_is_seen_and_a_validator_still_compared() {
    let cluster = cluster("recalled_change", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let tag = known(&node, CALL).await;
    let tag = tag.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let conditional = CALL.replacen("\r\n\r\n", &format!("\r\nIf-None-Match: {tag}\r\n\r\n"), 1);
    let unchanged = known(&node, &conditional).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert!(!unchanged.head.contains("content-length"), "{unchanged:?}");
    let before = recalled(&node).await;
    outside.batch_execute("update calls set status = 'done' where id = 1").await.unwrap();
    node.within_bound("/calls?id=eq.1", |answer| answer.json()[0]["status"] == "done").await;
    for request in [CALL, &conditional] {
        let replies = replies_to(&node, format!("{request}{LAST}").as_bytes()).await;
        assert_eq!((replies[0].status, replies[0].body.as_str()), (200, r#"[{"id":1,"status":"done"}]"#));
    }
    known(&node, CALL).await;
    assert!(recalled(&node).await > before);
}

#[tokio::test]
async fn a_token_that_is_over_is_refused_and_so_is_a_role_that_lost_its_rights() {
    let cluster = cluster("recalled_token", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Good for some seconds more, by the difference that clocks may have.
    let request = |token: &str| CALL.replacen("\r\n\r\n", &format!("\r\nAuthorization: {token}\r\n\r\n"), 1);
    let short = request(&bearer(&json!({"role": "clerk", "exp": now - 25})));
    let long = request(&bearer(&json!({"role": "clerk"})));
    assert_eq!((known(&node, &short).await.status, known(&node, &long).await.status), (200, 200));
    let until = async |request: &str, status: u16| {
        let answered = async || replies_to(&node, format!("{request}{LAST}").as_bytes()).await.swap_remove(0);
        let waiting = async { while answered().await.status != status {} };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it is refused at last");
    };
    until(&short, 401).await;
    outside.batch_execute("revoke select on calls from clerk").await.unwrap();
    until(&long, 403).await;
    assert_eq!(known(&node, CALL).await.status, 200);
}

const TEXT: &str = "GET /texts?id=eq.1 HTTP/1.1\r\nHost: x\r\n\r\n";

/// A connection whose client takes little at a time, and has asked for a long text eight times.
async fn reluctant(node: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(node.clients).await.unwrap();
    socket.write_all(format!("{}{LAST}", TEXT.repeat(8)).as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_it_and_an_idle_one_is_closed_meanwhile() {
    let cluster = cluster("recalled_slow", SCHEMA).await;
    let node = Node::start_with(&cluster, &[("COURANT_HTTP_IDLE_TIMEOUT_MS", "1000")]).await;
    let whole = known(&node, TEXT).await;
    assert_eq!(whole.body.len(), 16 * 65536 + r#"[{"id":1,"body":""}]"#.len());
    let mut slow = reluctant(&node).await;
    // When this one is closed, as much time has gone by.
    let mut idle = TcpStream::connect(node.clients).await.unwrap();
    assert_eq!(until_closed(&mut idle).await, "");
    let answers = until_closed(&mut slow).await;
    let replies = replies(&answers);
    assert_eq!(replies.len(), 9);
    assert!(replies[..8].iter().all(|reply| reply.body == whole.body));
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_it_is_cut() {
    let cluster = cluster("recalled_stopped", SCHEMA).await;
    let settings = [("COURANT_HTTP_WRITE_TIMEOUT_MS", "300"), ("COURANT_LOG_LEVEL", "debug")];
    let mut node = Node::start_with(&cluster, &settings).await;
    known(&node, TEXT).await;
    let before = recalled(&node).await;
    let mut stopped = reluctant(&node).await;
    node.until_said("http.write_timeout_ms");
    let answer = until_closed(&mut stopped).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.len() < 8 * 16 * 65536, "{}", answer.len());
    assert!(recalled(&node).await > before);
}
