//! What passes through: heads as they should be, bodies piece by piece both ways, upgrades.

use std::sync::Arc;

use ::http::header::{CONNECTION, UPGRADE};
use ::http::{Method, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::backend::{Backend, Body, pieces, whole};
use super::start;
use crate::http;
use crate::node::Node;

/// A client's end of a connection, and the task behind it.
pub(super) async fn connect<B>(node: &Node) -> hyper::client::conn::http1::SendRequest<B>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let socket = TcpStream::connect(node.clients).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender
}

pub(super) fn text(frame: Option<Result<Frame<Bytes>, hyper::Error>>) -> Option<String> {
    Some(String::from_utf8(frame?.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_request_reaches_the_backend_and_the_api_stays_where_it_was() {
    let backend = Backend::start(|request| async move {
        whole(
            201,
            &[("x-app", "yes"), ("connection", "x-hop"), ("x-hop", "1")],
            format!("at {}", request.uri()),
        )
    })
    .await;
    let (_cluster, node) = start("proxy_pass", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let headers = [("connection", "x-secret"), ("x-secret", "1"), ("x-app", "1")];
    let answered = node.send(Method::POST, "/a%20b/c?d=e", &headers, "hello").await;
    assert_eq!((answered.status.as_u16(), &answered.body[..]), (201, &b"at /a%20b/c?d=e"[..]));
    assert_eq!((answered.header("x-app"), answered.header("x-hop")), ("yes", ""));
    assert_eq!(
        (answered.header("via"), answered.cache()),
        ("1.1 courant", "courant; fwd=method; detail=method")
    );
    let asked = backend.asked().pop().unwrap();
    assert_eq!((asked.method, asked.target.as_str()), (Method::POST, "/a%20b/c?d=e"));
    assert_eq!(asked.headers["x-app"], "1");
    assert!(!asked.headers.contains_key("x-secret"));
    assert!(asked.headers["x-forwarded-for"].to_str().unwrap().ends_with("127.0.0.1"));
    assert_eq!(asked.headers["x-forwarded-proto"], "http");
    // Courant's own API, and nothing of it is asked of the backend.
    let own = node.get("/rest/v1/things").await;
    assert_eq!((own.status.as_u16(), &own.body[..]), (200, &b"[]"[..]));
    assert_eq!(backend.count(), 1);
    let metrics = http::send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = "courant_requests_total{route=\"/{*rest}\",method=\"POST\",status=\"201\",cache=\"bypass\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("courant_upstream_duration_seconds_count{route=\"/{*rest}\"} 1"), "{metrics}");
}

#[tokio::test]
async fn the_most_specific_route_takes_a_request_and_without_upstream_the_rest_is_the_apis() {
    let one = Backend::start(|_| async { whole(200, &[], "one") }).await;
    let two = Backend::start(|_| async { whole(200, &[], "two") }).await;
    let configuration = format!(
        "[[route]]\npath = \"/a/{{*rest}}\"\nupstream = \"{}\"\n[[route]]\npath = \"/a/{{id}}\"\nmethods = [\"GET\"]\nupstream = \"{}\"\n\
         [[route]]\npath = \"/rest/v1/mine\"\nupstream = \"{}\"\n",
        one.url(),
        two.url(),
        two.url()
    );
    let (_cluster, node) = start("proxy_routes", &configuration).await;
    let body = async |method, target| {
        String::from_utf8(node.send(method, target, &[], "").await.body.to_vec()).unwrap()
    };
    assert_eq!(body(Method::GET, "/a/1").await, "two");
    assert_eq!(body(Method::PUT, "/a/1").await, "one");
    assert_eq!(body(Method::GET, "/a/1/b").await, "one");
    assert_eq!(body(Method::GET, "/rest/v1/mine").await, "two");
    assert_eq!(body(Method::GET, "/things").await, "[]");
}

#[tokio::test]
async fn bodies_pass_piece_by_piece_both_ways() {
    let (received, mut arrivals) = mpsc::unbounded_channel();
    let (answer, response) = pieces(&[("content-type", "text/event-stream")]);
    let response = Arc::new(Mutex::new(Some(response)));
    let backend = Backend::start(move |request: Request<Incoming>| {
        let (received, response) = (received.clone(), Arc::clone(&response));
        async move {
            tokio::spawn(async move {
                let mut body = request.into_body();
                while let Some(piece) = text(body.frame().await) {
                    received.send(piece).unwrap();
                }
                received.send("the end".to_owned()).unwrap();
            });
            response.lock().take().unwrap()
        }
    })
    .await;
    let (_cluster, node) =
        start("proxy_stream", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let (question, mut asked) = mpsc::unbounded_channel::<&'static str>();
    let upload = StreamBody::new(futures_util::stream::poll_fn(move |context| {
        asked
            .poll_recv(context)
            .map(|piece| Some(Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(piece?)))))
    }));
    let mut sender = connect(&node).await;
    let request = Request::post("/chat").header("host", "app").body(upload).unwrap();
    let mut response = sender.send_request(request).await.unwrap().into_body();
    // Each piece arrives before the next is sent.
    for (asked, answered) in [("one", "data: 1\n\n"), ("two", "data: 2\n\n")] {
        question.send(asked).unwrap();
        assert_eq!(arrivals.recv().await.as_deref(), Some(asked));
        answer.send(answered).unwrap();
        assert_eq!(text(response.frame().await).as_deref(), Some(answered));
    }
    drop((question, answer));
    assert_eq!(arrivals.recv().await.as_deref(), Some("the end"));
    assert_eq!(text(response.frame().await), None);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_request_at_the_backend() {
    let (gone, mut dropped) = mpsc::unbounded_channel();
    let backend = Backend::start(move |_| {
        let gone = gone.clone();
        async move {
            struct Tells(mpsc::UnboundedSender<()>);
            impl Drop for Tells {
                fn drop(&mut self) {
                    let _ = self.0.send(());
                }
            }
            let _tells = Tells(gone);
            std::future::pending::<Response<Body>>().await
        }
    })
    .await;
    let (_cluster, node) =
        start("proxy_disconnect", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let mut client = TcpStream::connect(node.clients).await.unwrap();
    client.write_all(b"GET /never HTTP/1.1\r\nhost: app\r\n\r\n").await.unwrap();
    backend.until_asked(1).await;
    drop(client);
    tokio::time::timeout(std::time::Duration::from_secs(10), dropped.recv()).await.unwrap().unwrap();
}

/// Switches to a protocol of its own, in which it says what it hears.
pub(super) async fn echo(mut request: Request<Incoming>) -> Response<Body> {
    if request.headers().get(UPGRADE).is_none_or(|protocol| protocol != "websocket") {
        return whole(400, &[], "no upgrade");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut socket = TokioIo::new(upgrade.await.unwrap());
        let mut bytes = [0; 64];
        loop {
            match socket.read(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(count) => socket.write_all(&bytes[..count]).await.unwrap(),
            }
        }
    });
    whole(101, &[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "x")], "")
}

/// Has a backend switch, and hears from it what it says.
pub(super) async fn hear_an_echo(node: &Node, backend: &Backend) {
    let mut sender = connect(node).await;
    let request = Request::get("/socket")
        .header("host", "app")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-key", "y")
        .body(http_body_util::Empty::<Bytes>::new())
        .unwrap();
    let mut response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "x");
    assert_eq!(response.headers()[UPGRADE], "websocket");
    let asked = backend.asked().into_iter().rfind(|asked| asked.target == "/socket").unwrap();
    assert_eq!(asked.header("sec-websocket-key"), "y");
    let mut socket = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    // What no door for HTTP would let through.
    for message in [&b"\x81\x85\x00\x00"[..], b"GET / HTTP/9\r\n\r\n", b"\n\n\n", &[0; 64]] {
        socket.write_all(message).await.unwrap();
        let mut echoed = vec![0; message.len()];
        socket.read_exact(&mut echoed).await.unwrap();
        assert_eq!(echoed, message);
    }
}

#[tokio::test]
async fn after_an_upgrade_bytes_pass_unseen() {
    let backend = Backend::start(echo).await;
    let (_cluster, node) =
        start("proxy_upgrade", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    hear_an_echo(&node, &backend).await;
    let plain = node.get("/socket").await;
    assert_eq!(plain.status.as_u16(), 400);
}
