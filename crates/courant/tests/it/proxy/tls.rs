//! Backends that speak TLS: what passes, and what is not believed.

use std::sync::Arc;

use ::http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use parking_lot::Mutex;

use super::backend::{Backend, pieces, whole};
use super::passing::{connect, echo, hear_an_echo, text};
use super::start;
use crate::tls::Certificates;

/// Its address by the name that its certificate is for.
fn named(backend: &Backend) -> String {
    format!("https://localhost:{}", backend.address.port())
}

#[tokio::test]
async fn requests_streams_and_upgrades_pass_to_a_backend_that_an_authority_of_ours_vouches_for() {
    let certificates = Certificates::new("upstream");
    let (piece, response) = pieces(&[("content-type", "text/event-stream")]);
    let stream = Arc::new(Mutex::new(Some(response)));
    let backend = Backend::start_tls(&certificates, move |request| {
        let stream = Arc::clone(&stream);
        async move {
            match request.uri().path() {
                "/events" => stream.lock().take().expect("it is asked once"),
                "/socket" => echo(request).await,
                _ => {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    whole(200, &[], [b"heard ", &body[..]].concat())
                }
            }
        }
    })
    .await;
    let configuration = format!(
        "[proxy]\nupstream = \"{}\"\nupstream_ca = {:?}\nhealth_path = \"/health\"\nhealth_interval_ms = 100\n",
        named(&backend),
        certificates.path("ca.crt")
    );
    let (_cluster, node) = start("proxy_tls", &configuration).await;
    let answered = node.send(Method::POST, "/", &[("host", "app.example")], "hello").await;
    assert_eq!((answered.status.as_u16(), &answered.body[..]), (200, &b"heard hello"[..]));
    let asked = backend.asked().into_iter().find(|asked| asked.target == "/").unwrap();
    assert_eq!((asked.header("host"), asked.header("x-forwarded-proto")), ("app.example", "http"));
    let request = Request::get("/events").header("host", "app").body(Empty::<Bytes>::new()).unwrap();
    let mut events = connect(&node).await.send_request(request).await.unwrap().into_body();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        piece.send(event).unwrap();
        assert_eq!(text(events.frame().await).as_deref(), Some(event));
    }
    hear_an_echo(&node, &backend).await;
}

#[tokio::test]
async fn a_backend_that_nobody_vouches_for_is_not_spoken_to_and_the_log_says_why_once() {
    let certificates = Certificates::new("stranger");
    let answer = |_| async { whole(200, &[], "secret") };
    let stranger = Backend::start_tls(&certificates, answer).await;
    let plain = Backend::start(|_| async { whole(200, &[], "") }).await;
    let configuration = format!(
        "[proxy]\nupstream_ca = {:?}\n[[route]]\npath = \"/name\"\nupstream = \"https://127.0.0.1:{}\"\n\
         [[route]]\npath = \"/plain\"\nupstream = \"https://localhost:{}\"\n",
        certificates.path("ca.crt"),
        stranger.address.port(),
        plain.address.port(),
    );
    let (_cluster, mut node) = start("proxy_tls_name", &configuration).await;
    for target in ["/name", "/plain"] {
        let refused = node.get(target).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["code"].as_str()),
            (502, Some("COURANT_UPSTREAM_TLS")),
            "{target}"
        );
    }
    let said = node.until_said("no TLS with the upstream");
    assert!(said.contains("\"level\":\"WARN\""), "{said}");
    // Trusted by the system is not whom we made up a minute ago.
    let configuration = format!("[proxy]\nupstream = \"{}\"\n", named(&stranger));
    let (_cluster, mut node) = start("proxy_tls_stranger", &configuration).await;
    let refused = node.get("/").await;
    assert_eq!(refused.json()["code"], "COURANT_UPSTREAM_TLS");
    let said = node.until_said("no TLS with the upstream");
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert_eq!(stranger.count() + plain.count(), 0);
}
