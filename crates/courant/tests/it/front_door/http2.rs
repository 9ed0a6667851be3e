//! HTTP/2 within bounds, spoken frame by frame where no client library would misbehave enough.

use std::time::Duration;

use ::http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hostile::SCHEMA;
use crate::node::{Node, cluster};

const PATIENCE: Duration = Duration::from_secs(30);
const CLEARTEXT: (&str, &str) = ("COURANT_HTTP2_CLEARTEXT", "true");
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// GET, http, a path, and an authority, without any compression to speak of.
fn head(path: &str, authority: &str) -> Vec<u8> {
    let text =
        |name: u8, value: &str| [&[name, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    [vec![0x82, 0x86], text(0x04, path), text(0x01, authority)].concat()
}

struct Frames(TcpStream);

impl Frames {
    async fn connect(node: &Node, settings: &[(u16, u32)]) -> Frames {
        let mut socket = TcpStream::connect(node.clients).await.unwrap();
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        let begin = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &settings)].concat();
        socket.write_all(&begin).await.unwrap();
        Frames(socket)
    }

    /// The next frame's kind, stream and payload; none at the end.
    async fn next(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let reading = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("neither a frame nor the end")
    }

    /// Reads to the end; the kinds of frames that came.
    async fn rest(&mut self) -> Vec<u8> {
        let mut kinds = Vec::new();
        while let Some((kind, ..)) = self.next().await {
            kinds.push(kind);
        }
        kinds
    }
}

#[tokio::test]
async fn a_client_that_begins_with_http_2_is_understood_where_that_is_allowed() {
    let cluster = cluster("h2c", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[CLEARTEXT]);
    let socket = TcpStream::connect(node.clients).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let ask = async |method: Method, path: &str, host: Option<&str>, body: &'static str| {
        let uri = format!("http://{}{path}", node.clients);
        let mut request =
            Request::builder().method(method).uri(uri).header("content-type", "application/json");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer =
            sender.clone().send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
    };
    let (read, written) = tokio::join!(
        ask(Method::GET, "/calls?select=id", None, ""),
        ask(Method::POST, "/rpc/add", None, r#"{"a":1,"b":2}"#)
    );
    assert_eq!((read.0, read.2), (200, Bytes::from("[{\"id\":1}]")));
    assert_eq!((written.0, written.2), (200, Bytes::from("3")));
    let (status, headers, body) = ask(Method::GET, "/calls", Some("evil.example"), "").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (400, &"application/json; charset=utf-8".parse().unwrap())
    );
    assert!(String::from_utf8_lossy(&body).contains("COURANT_HEAD"), "{body:?}");
    let (status, headers, body) = ask(Method::GET, "/rpc/long", None, "").await;
    assert_eq!((status, body.len()), (200, 32_000_002));
    assert_eq!(headers["content-length"], "32000002");
    // The older protocol is still there.
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn a_client_that_takes_back_what_it_asks_is_cut() {
    let cluster = cluster("reset", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[CLEARTEXT]);
    for pause in [false, true] {
        let mut frames = Frames::connect(&node, &[]).await;
        let (kind, _, settings) = frames.next().await.unwrap();
        let streams =
            settings.chunks(6).find(|one| one[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes()).unwrap();
        assert_eq!((kind, &streams[2..]), (SETTINGS, &100_u32.to_be_bytes()[..]));
        let cancel = 8_u32.to_be_bytes();
        let mut asked = 0;
        for number in 0..5000 {
            let stream = 2 * number + 1;
            let ask = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("/rpc/nap", "x"));
            let take_back = frame(RST_STREAM, 0, stream, &cancel);
            let sent = if pause {
                // Long enough to be begun: the attack's pace, nothing that is waited for.
                let first = frames.0.write_all(&ask).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                first.and(frames.0.write_all(&take_back).await)
            } else {
                frames.0.write_all(&[ask, take_back].concat()).await
            };
            asked = number;
            if sent.is_err() {
                break;
            }
        }
        // Long before it would be idle.
        tokio::time::timeout(Duration::from_secs(10), frames.rest()).await.expect("never cut");
        assert!(asked < 5000 - 1 || !pause, "{asked}");
    }
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn heads_without_end_and_connections_without_requests_end() {
    let cluster = cluster("h2-ends", SCHEMA).await;
    let quick =
        [CLEARTEXT, ("COURANT_HTTP_IDLE_TIMEOUT_MS", "300"), ("COURANT_HTTP_WRITE_TIMEOUT_MS", "300")];
    let mut node = Node::start_uncached(&cluster, &[&quick[..], &[("COURANT_LOG_LEVEL", "debug")]].concat());
    let mut idle = Frames::connect(&node, &[]).await;
    assert!(idle.rest().await.contains(&GOAWAY));

    let mut endless = Frames::connect(&node, &[]).await;
    let crumb = [&[0x00, 1, b'x', 127][..], &[1], &[b'y'; 128]].concat();
    endless.0.write_all(&frame(HEADERS, END_STREAM, 1, &head("/calls", "x"))).await.unwrap();
    for _ in 0..10_000 {
        if endless.0.write_all(&frame(CONTINUATION, 0, 1, &crumb)).await.is_err() {
            break;
        }
    }
    endless.rest().await;

    // Takes nothing of its answer, and says that it is well.
    let mut deaf = Frames::connect(&node, &[(INITIAL_WINDOW_SIZE, 10)]).await;
    let ask = frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("/rpc/long", "x"));
    deaf.0.write_all(&ask).await.unwrap();
    assert!(deaf.rest().await.contains(&DATA));
    node.until_said("took nothing of an answer");

    let mut elsewhere = Frames::connect(&node, &[]).await;
    let ask = frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("/calls", "x y"));
    elsewhere.0.write_all(&ask).await.unwrap();
    let kinds = elsewhere.rest().await;
    assert!(kinds.contains(&HEADERS) || kinds.contains(&RST_STREAM), "{kinds:?}");
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}
