//! Backends that do not do as they should, and clients that ask too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{Method, Response};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

use super::backend::{Backend, Body, whole};
use super::start;

#[tokio::test]
async fn a_backend_that_is_gone_is_told_of_left_out_and_asked_again_when_it_is_back() {
    let lasting = Backend::start(|_| async { whole(200, &[], "lasting") }).await;
    let dying = Backend::start(|_| async { whole(200, &[], "dying") }).await;
    let address = dying.address;
    let configuration = format!(
        "[proxy]\nhealth_interval_ms = 100\n[[route]]\npath = \"/both\"\nupstreams = [\"{}\", \"{}\"]\n\
         [[route]]\npath = \"/one\"\nupstream = \"{}\"\nretries = 0\n",
        lasting.url(),
        dying.url(),
        dying.url()
    );
    let (_cluster, mut node) = start("proxy_gone", &configuration).await;
    assert_eq!(&node.get("/one").await.body[..], b"dying");
    drop(dying);
    let refused = node.get("/one").await;
    assert_eq!(refused.status.as_u16(), 502);
    assert_eq!(refused.json()["code"], "COURANT_UPSTREAM_UNREACHABLE");
    // A request for either is answered by the other, whatever it had to try before.
    for _ in 0..20 {
        assert_eq!(&node.get("/both").await.body[..], b"lasting");
    }
    node.until_said("left out");
    let _back = Backend::start_at(address, |_| async { whole(200, &[], "back") }).await;
    node.until_said("the upstream is back");
    assert_eq!(&node.get("/one").await.body[..], b"back");
}

#[tokio::test]
async fn a_503_is_tried_elsewhere_if_nothing_can_have_changed() {
    let ill = Backend::start(|_| async { whole(503, &[], "ill") }).await;
    let well = Backend::start(|_| async { whole(200, &[], "well") }).await;
    let configuration = format!("[proxy]\nupstream = [\"{}\", \"{}\"]\n", ill.url(), well.url());
    let (_cluster, node) = start("proxy_retry", &configuration).await;
    for _ in 0..10 {
        assert_eq!(&node.get("/").await.body[..], b"well");
    }
    let asked = ill.count() + well.count();
    let answered = node.send(Method::POST, "/", &[], "change").await;
    assert!(matches!(answered.status.as_u16(), 200 | 503));
    assert_eq!(ill.count() + well.count(), asked + 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_breaks_off_is_told_of() {
    let calls = Arc::new(AtomicUsize::new(0));
    let slow = Backend::start(move |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Response<Body>>()
    })
    .await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute_at = mute.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            // Connected, and gone without a word.
            drop(mute.accept().await.unwrap());
        }
    });
    let configuration = format!(
        "[[route]]\npath = \"/slow\"\nupstream = \"{}\"\ntimeout_ms = 50\n[[route]]\npath = \"/mute\"\nupstream = \"http://{mute_at}\"\n",
        slow.url()
    );
    let (_cluster, node) = start("proxy_slow", &configuration).await;
    let answered = node.get("/slow").await;
    assert_eq!(
        (answered.status.as_u16(), answered.json()["code"].as_str()),
        (504, Some("COURANT_UPSTREAM_TIMEOUT"))
    );
    let answered = node.get("/mute").await;
    assert_eq!(
        (answered.status.as_u16(), answered.json()["code"].as_str()),
        (502, Some("COURANT_UPSTREAM_BROKEN"))
    );
}

#[tokio::test]
async fn a_body_over_its_limit_is_refused_and_a_full_backend_is_not_queued_for() {
    let (release, _) = tokio::sync::broadcast::channel::<()>(1);
    let gate = release.clone();
    let backend = Backend::start(move |request| {
        let mut released = gate.subscribe();
        async move {
            if request.uri().path() == "/wait" {
                let _ = released.recv().await;
            }
            let length = request.into_body().collect().await.map(|body| body.to_bytes().len());
            whole(200, &[], length.unwrap_or_default().to_string())
        }
    })
    .await;
    let configuration =
        format!("[proxy]\nupstream = \"{}\"\nbody_bytes_max = 10\nconnections_max = 1\n", backend.url());
    let (_cluster, node) = start("proxy_limits", &configuration).await;
    assert_eq!(&node.send(Method::POST, "/", &[], "0123456789").await.body[..], b"10");
    let announced = node.send(Method::POST, "/", &[], "0123456789a").await;
    assert_eq!(
        (announced.status.as_u16(), announced.json()["code"].as_str()),
        (413, Some("COURANT_TOO_LARGE"))
    );
    let asked = backend.count();
    let (waiting, refused) = tokio::join!(node.get("/wait"), async {
        backend.until_asked(asked + 1).await;
        let refused = node.get("/").await;
        release.send(()).unwrap();
        refused
    });
    assert_eq!(waiting.status.as_u16(), 200);
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.json()["code"], "COURANT_UPSTREAM_BUSY");
}
