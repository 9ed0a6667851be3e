//! What is kept of a backend's answers, for whom, and how often the backend is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::Method;
use tokio::sync::broadcast;

use super::backend::{Backend, pieces, whole};
use super::start;
use crate::encoding::until_coded;
use crate::http::Answered;
use crate::node::Node;

/// A backend that numbers its answers, with the headers that the request asks for in `x-want`, one per `|`.
async fn numbering() -> Backend {
    let number = Arc::new(AtomicUsize::new(0));
    Backend::start(move |request| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        async move {
            let want = request.headers().get("x-want").map_or("", |want| want.to_str().unwrap()).to_owned();
            let headers: Vec<(&str, &str)> =
                want.split('|').filter_map(|line| line.split_once(": ")).collect();
            whole(200, &headers, number.to_string())
        }
    })
    .await
}

async fn ask(node: &Node, target: &str, headers: &[(&str, &str)]) -> Answered {
    node.send(Method::GET, target, headers, "").await
}

#[tokio::test]
async fn two_users_never_share_what_was_made_for_one() {
    let backend = numbering().await;
    let configuration = format!(
        "[proxy]\nupstream = \"{}\"\n[[route]]\npath = \"/timed/{{*rest}}\"\nttl_ms = 60000\n",
        backend.url()
    );
    let (_cluster, node) = start("proxy_users", &configuration).await;
    let is_shared = async |target: &str, one: &[(&str, &str)], two: &[(&str, &str)]| {
        ask(&node, target, one).await.body == ask(&node, target, two).await.body
    };
    let want = ("x-want", "cache-control: max-age=60");
    assert!(is_shared("/plain", &[want], &[want]).await);
    let (one, two) = (("authorization", "Bearer one"), ("authorization", "Bearer two"));
    assert!(!is_shared("/me", &[want, one], &[want, two]).await);
    assert!(!is_shared("/me", &[want, one], &[want, one]).await);
    // What was made for nobody in particular is not for somebody who said who they are, either.
    assert!(!is_shared("/plain", &[want], &[want, one]).await);
    let public = ("x-want", "cache-control: max-age=60, public");
    assert!(is_shared("/public", &[public, one], &[public, two]).await);
    let cookie = ("x-want", "cache-control: max-age=60|set-cookie: session=1");
    assert!(!is_shared("/login", &[cookie], &[cookie]).await);
    let varying = ("x-want", "cache-control: max-age=60|vary: cookie");
    assert!(!is_shared("/vary", &[varying, ("cookie", "a=1")], &[varying, ("cookie", "a=2")]).await);
    assert!(is_shared("/vary", &[varying, ("cookie", "a=1")], &[varying, ("cookie", "a=1")]).await);
    // What a client takes back on the way is nothing that the backend chose by.
    let taken_back = [varying, ("cookie", "a=3"), ("connection", "cookie")];
    assert!(!is_shared("/vary", &taken_back, &[varying, ("cookie", "a=3")]).await);
    // A route's own time to live is for those without a cookie alone.
    assert!(is_shared("/timed/a", &[], &[]).await);
    assert!(!is_shared("/timed/b", &[("cookie", "a=1")], &[("cookie", "a=2")]).await);
    assert!(!is_shared("/timed/a", &[], &[("cookie", "a=1")]).await);
}

#[tokio::test]
async fn a_hit_says_so_and_a_write_ends_it() {
    let backend = numbering().await;
    let (_cluster, node) = start("proxy_hit", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let want = [("x-want", "cache-control: max-age=60|etag: \"a\"")];
    let miss = ask(&node, "/a?b", &want).await;
    assert_eq!(miss.cache(), "courant; fwd=uri-miss; stored");
    let hit = ask(&node, "/a?b", &want).await;
    assert_eq!((&hit.body, hit.header("age"), hit.header("via")), (&miss.body, "0", "1.1 courant"));
    assert!(hit.cache().starts_with("courant; hit; ttl="), "{}", hit.cache());
    let unchanged = ask(&node, "/a?b", &[("if-none-match", "\"a\"")]).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.header("etag")), (304, "\"a\""));
    let part = ask(&node, "/a?b", &[("range", "bytes=0-0")]).await;
    assert_eq!((part.status.as_u16(), part.header("content-range")), (206, "bytes 0-0/1"));
    assert_eq!(ask(&node, "/a?b", &[("cache-control", "only-if-cached")]).await.status.as_u16(), 200);
    assert_eq!(backend.count(), 1);
    node.send(Method::POST, "/a?b", &[], "").await;
    let absent = ask(&node, "/a?b", &[("cache-control", "only-if-cached")]).await;
    assert_eq!((absent.status.as_u16(), absent.json()["code"].as_str()), (504, Some("COURANT_NOT_CACHED")));
    assert_ne!(ask(&node, "/a?b", &want).await.body, miss.body);
    // Of another host nothing is shared.
    let other = ask(&node, "/a?b", &[("host", "other.example")]).await;
    assert_eq!(other.cache(), "courant; fwd=uri-miss; detail=no-lifetime");
    assert_eq!(backend.asked().pop().unwrap().header("host"), "other.example");
}

/// A backend that waits before it answers, and numbers its answers.
async fn waiting(headers: &'static [(&'static str, &'static str)]) -> (Backend, broadcast::Sender<()>) {
    let (release, _) = broadcast::channel::<()>(1);
    let (gate, number) = (release.clone(), Arc::new(AtomicUsize::new(0)));
    let backend = Backend::start(move |_| {
        let (mut released, number) = (gate.subscribe(), number.fetch_add(1, Ordering::SeqCst));
        async move {
            let _ = released.recv().await;
            whole(200, headers, number.to_string())
        }
    })
    .await;
    (backend, release)
}

/// Asks the same several times at once; the backend is let go for good as soon as it was asked.
async fn equal(
    node: &Node,
    backend: &Backend,
    release: &broadcast::Sender<()>,
    target: &str,
) -> Vec<Answered> {
    let asking = futures_util::future::join_all((0..8).map(|_| ask(node, target, &[])));
    let letting_go = async {
        backend.until_asked(1).await;
        loop {
            // Whoever is asked later than the first is let go as well.
            let _ = release.send(());
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answers = asking => answers,
        () = letting_go => unreachable!("it goes on for ever"),
    }
}

#[tokio::test]
async fn equal_requests_in_flight_cost_one_and_what_may_not_be_kept_is_not_shared() {
    let (backend, release) = waiting(&[("cache-control", "max-age=60")]).await;
    let (_cluster, node) =
        start("proxy_collapse", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let answers = equal(&node, &backend, &release, "/same").await;
    assert!(answers.iter().all(|answer| answer.body == "0"), "{answers:?}");
    assert_eq!(backend.count(), 1);
    let (backend, release) = waiting(&[("cache-control", "private")]).await;
    let (_cluster, node) =
        start("proxy_private", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let answers = equal(&node, &backend, &release, "/mine").await;
    let mut bodies: Vec<_> = answers.iter().map(|answer| answer.body.clone()).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), backend.count()), (8, 8));
}

#[tokio::test]
async fn what_is_kept_is_passed_on_while_it_comes_and_a_client_that_goes_does_not_end_it() {
    let (answer, response) = pieces(&[("cache-control", "max-age=60")]);
    let response = Arc::new(parking_lot::Mutex::new(Some(response)));
    let backend = Backend::start(move |_| {
        let response = Arc::clone(&response);
        async move { response.lock().take().expect("it is asked once") }
    })
    .await;
    let (_cluster, node) = start("proxy_fill", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let mut client = tokio::net::TcpStream::connect(node.clients).await.unwrap();
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let request = format!("GET /long HTTP/1.1\r\nhost: {}\r\n\r\n", node.clients);
    client.write_all(request.as_bytes()).await.unwrap();
    answer.send("first,").unwrap();
    let mut read = Vec::new();
    while !read.windows(6).any(|window| window == b"first,") {
        assert!(client.read_buf(&mut read).await.unwrap() > 0, "{read:?}");
    }
    drop(client);
    answer.send("second").unwrap();
    drop(answer);
    let same = [("cache-control", "only-if-cached")];
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let answered = ask(&node, "/long", &same).await;
        if answered.status.is_success() {
            assert_eq!(&answered.body[..], b"first,second");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{answered:?}");
    }
}

#[tokio::test]
async fn what_is_stale_is_confirmed_used_meanwhile_or_stands_in_as_its_backend_says() {
    let number = Arc::new(AtomicUsize::new(0));
    let backend = Backend::start(move |request| {
        let number = number.fetch_add(1, Ordering::SeqCst).to_string();
        async move {
            let known = request.headers().contains_key("if-none-match");
            match request.uri().path() {
                "/asked" if known => whole(304, &[("etag", "\"a\""), ("x-n", &number)], ""),
                "/asked" => whole(200, &[("etag", "\"a\""), ("x-n", &number)], "kept"),
                "/meanwhile" => {
                    whole(200, &[("cache-control", "max-age=0, stale-while-revalidate=60")], number)
                }
                _ => whole(200, &[("cache-control", "max-age=0, stale-if-error=60")], number),
            }
        }
    })
    .await;
    let (_cluster, node) =
        start("proxy_stale", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let kept = ask(&node, "/asked", &[]).await;
    let confirmed = ask(&node, "/asked", &[]).await;
    assert_eq!((confirmed.status.as_u16(), &confirmed.body), (200, &kept.body));
    assert_ne!(confirmed.header("x-n"), kept.header("x-n"));
    assert_eq!(confirmed.cache(), "courant; fwd=stale; fwd-status=304; stored");
    let first = ask(&node, "/meanwhile", &[]).await;
    let meanwhile = ask(&node, "/meanwhile", &[]).await;
    assert_eq!((meanwhile.cache(), &meanwhile.body), ("courant; hit; ttl=0", &first.body));
    node.eventually("/meanwhile", |answered| answered.body != first.body).await;
    let before = ask(&node, "/standing-in", &[]).await;
    drop(backend);
    let after = ask(&node, "/standing-in", &[]).await;
    assert_eq!((after.status.as_u16(), &after.body), (200, &before.body));
    assert_eq!(ask(&node, "/asked", &[]).await.status.as_u16(), 502);
}

#[tokio::test]
async fn an_answer_that_turns_out_too_long_to_be_kept_arrives_whole() {
    let backend = Backend::start(|_| async {
        let (sender, response) = pieces(&[("cache-control", "max-age=60")]);
        tokio::spawn(async move {
            for _ in 0..1000 {
                sender.send("0123456789").unwrap();
                tokio::task::yield_now().await;
            }
        });
        response
    })
    .await;
    let configuration = format!("[proxy]\nupstream = \"{}\"\ncache_entry_bytes_max = 2048\n", backend.url());
    let (_cluster, node) = start("proxy_long", &configuration).await;
    for _ in 0..2 {
        let answered = ask(&node, "/", &[]).await;
        assert_eq!(answered.body, "0123456789".repeat(1000));
    }
    assert_eq!(backend.count(), 2);
}

#[tokio::test]
async fn a_hit_of_a_declared_route_names_us_once() {
    let backend = numbering().await;
    let route = "[[route]]\npath = \"/things\"\ndepends_on = [\"things\"]\n";
    let configuration = format!("{route}[proxy]\nupstream = \"{}\"\n", backend.url());
    let (_cluster, mut node) = start("proxy_declared_via", &configuration).await;
    node.until_open().await;
    let hit = node.warm("/things").await;
    assert_eq!(hit.header("via"), "1.1 courant");
}

#[tokio::test]
async fn what_http_lets_us_keep_comes_in_the_codings_that_clients_accept() {
    let body = r#"{"name":"courant"},"#.repeat(200);
    let sent = body.clone();
    let backend = Backend::start(move |request| {
        let sent = sent.clone();
        async move {
            let headers =
                [("cache-control", "max-age=60"), ("content-type", "application/json"), ("etag", "\"a\"")];
            let known = request.headers().get("if-none-match").is_some_and(|tag| tag == "\"a\"");
            if known { whole(304, &headers, "") } else { whole(200, &headers, sent) }
        }
    })
    .await;
    let (_cluster, node) =
        start("proxy_codings", &format!("[proxy]\nupstream = \"{}\"\n", backend.url())).await;
    let miss = ask(&node, "/list", &[("accept-encoding", "br")]).await;
    assert_eq!((miss.header("content-encoding"), &miss.body[..]), ("", body.as_bytes()));
    for coding in ["gzip", "br", "zstd"] {
        let coded = until_coded(&node, "/list", coding, body.as_bytes()).await;
        assert!(coded.cache().starts_with("courant; hit; ttl="), "{}", coded.cache());
        let tag = format!("\"a-courant-{coding}\"");
        assert_eq!(coded.header("etag"), tag);
        let unchanged = ask(&node, "/list", &[("accept-encoding", coding), ("if-none-match", &tag)]).await;
        assert_eq!((unchanged.status.as_u16(), unchanged.header("etag")), (304, &*tag));
    }
    assert_eq!(backend.count(), 1);
    // What is not here any more the backend knows by its own tag, and the client by the one it has.
    let gone = [("accept-encoding", "br"), ("if-none-match", "\"a-courant-br\"")];
    let unchanged = ask(&node, "/elsewhere", &gone).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.header("etag")), (304, "\"a-courant-br\""));
    assert_eq!(backend.asked().pop().unwrap().header("if-none-match"), "\"a\"");
}
