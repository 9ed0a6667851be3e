//! TLS: who is spoken to, in which protocol, and with which certificate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::Request;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::hostile::SCHEMA;
use crate::node::{Node, cluster, command};

const PATIENCE: Duration = Duration::from_secs(30);
const GET: &[u8] = b"GET /calls?select=id HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A directory with an authority and what it has certified.
pub(crate) struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    pub(crate) fn new(name: &str) -> Certificates {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}"));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let made = Certificates { directory };
        let key = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        made.openssl(&format!("req -x509 {key} -days 2 -keyout ca.key -out ca.crt -subj /CN=Authority"));
        made.issue();
        made
    }

    /// Makes `server.crt` and `server.key` anew.
    fn issue(&self) {
        let key = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        self.openssl(&format!("req -new {key} -keyout new.key -out new.csr -subj /CN=localhost"));
        let extensions = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\n";
        std::fs::write(self.path("extensions"), extensions).unwrap();
        let by = "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile extensions";
        self.openssl(&format!("x509 -req -in new.csr -days 2 {by} -out new.crt"));
        for file in ["key", "crt"] {
            std::fs::rename(self.path(&format!("new.{file}")), self.path(&format!("server.{file}"))).unwrap();
        }
    }

    fn openssl(&self, arguments: &str) {
        let mut openssl = Command::new("openssl");
        let output = openssl.args(arguments.split(' ')).current_dir(&self.directory).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    fn settings(&self) -> [(String, String); 2] {
        let shown = |path: &Path| path.to_str().unwrap().to_owned();
        let key = ("COURANT_TLS_KEY".to_owned(), shown(&self.path("server.key")));
        [("COURANT_TLS_CERTIFICATE".to_owned(), shown(&self.path("server.crt"))), key]
    }

    fn node(&self, cluster: &pg::cluster::Cluster, more: &[(&str, &str)]) -> Node {
        let settings = self.settings();
        let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Node::start_uncached(cluster, &settings.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    async fn connect(&self, node: &Node, protocol: &str) -> TlsStream<TcpStream> {
        self.over(TcpStream::connect(node.clients).await.unwrap(), protocol).await
    }

    async fn over(&self, socket: TcpStream, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.crt")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self, node: &Node) -> Vec<u8> {
        let socket = self.connect(node, "http/1.1").await;
        socket.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

async fn until_closed(socket: &mut TlsStream<TcpStream>) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls_behind_the_same_door() {
    let (cluster, certificates) = (cluster("tls", SCHEMA).await, Certificates::new("both"));
    let node = certificates.node(&cluster, &[]);
    let mut socket = certificates.connect(&node, "http/1.1").await;
    let smuggled = b"GET /calls HTTP/1.1\nHost: localhost\n\n";
    socket.write_all(&[GET, smuggled].concat()).await.unwrap();
    let answer = until_closed(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("[{\"id\":1}]"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");

    let socket = certificates.connect(&node, "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    for (uri, status) in [("https://localhost/calls?select=id", 200), ("https://localhost/nothing", 404)] {
        let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status != 200 || body == "[{\"id\":1}]", "{body:?}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let (cluster, certificates) = (cluster("renewed", SCHEMA).await, Certificates::new("renewed"));
    let mut node = certificates.node(&cluster, &[]);
    let first = certificates.shown(&node).await;
    let mut old = certificates.connect(&node, "http/1.1").await;
    certificates.issue();
    let deadline = Instant::now() + PATIENCE;
    let second = loop {
        let shown = certificates.shown(&node).await;
        if shown != first {
            break shown;
        }
        assert!(Instant::now() < deadline, "never renewed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // Whoever is connected stays so.
    old.write_all(GET).await.unwrap();
    let mut begin = [0; 12];
    old.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");

    std::fs::write(certificates.path("server.crt"), "no certificate").unwrap();
    node.until_said("the old one stays in use");
    assert_eq!(certificates.shown(&node).await, second);
    certificates.issue();
    node.signal("-HUP");
    let deadline = Instant::now() + PATIENCE;
    while certificates.shown(&node).await == second {
        assert!(Instant::now() < deadline, "never renewed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn times_hold_for_those_who_come_by_tls_too() {
    let (cluster, certificates) = (cluster("tls-times", SCHEMA).await, Certificates::new("times"));
    let quick = [
        ("COURANT_TLS_HANDSHAKE_TIMEOUT_MS", "300"),
        ("COURANT_HTTP_WRITE_TIMEOUT_MS", "300"),
        ("COURANT_HTTP_IDLE_TIMEOUT_MS", "500"),
        ("COURANT_HTTP_HEADER_TIMEOUT_MS", "300"),
        ("COURANT_LOG_LEVEL", "debug"),
    ];
    let mut node = certificates.node(&cluster, &quick);
    let mut silent = TcpStream::connect(node.clients).await.unwrap();
    let mut nothing = Vec::new();
    tokio::time::timeout(PATIENCE, silent.read_to_end(&mut nothing)).await.unwrap().unwrap();
    assert!(nothing.is_empty());
    node.until_said("the TLS handshake took too long");

    let mut idle = certificates.connect(&node, "http/1.1").await;
    assert_eq!(until_closed(&mut idle).await, "");
    let mut slow = certificates.connect(&node, "http/1.1").await;
    slow.write_all(b"GET /calls HT").await.unwrap();
    assert!(until_closed(&mut slow).await.contains("COURANT_HEAD_TIMEOUT"));

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = certificates.over(socket.connect(node.clients).await.unwrap(), "http/1.1").await;
    deaf.write_all(b"GET /rpc/long HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    node.until_said("http.write_timeout_ms");
}

#[tokio::test]
async fn handshakes_that_stop_in_the_middle_keep_nobody_out() {
    let (cluster, certificates) = (cluster("tls-many", SCHEMA).await, Certificates::new("many"));
    let node = certificates.node(&cluster, &[("COURANT_TLS_HANDSHAKES_MAX", "3")]);
    let mut stopped = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(node.clients).await.unwrap();
        socket.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
        stopped.push(socket);
    }
    // All but the last to begin give way; which of those that come at once begins last is the runtime's choice.
    let mut ends: FuturesUnordered<_> = stopped.iter_mut().map(|socket| socket.read_u8()).collect();
    for _ in 0..17 {
        let end = tokio::time::timeout(PATIENCE, ends.next()).await.unwrap();
        assert!(end.is_some_and(|end| end.is_err()));
    }
    let mut socket = certificates.connect(&node, "http/1.1").await;
    socket.write_all(&[&GET[..GET.len() - 2], b"Connection: close\r\n\r\n"].concat()).await.unwrap();
    assert!(until_closed(&mut socket).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn files_that_do_not_belong_together_are_told_at_the_start() {
    let certificates = Certificates::new("mixed");
    certificates.openssl("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:prime256v1 -out server.key");
    let cluster = cluster("mixed", SCHEMA).await;
    let mut courant = command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    courant.args(["--database-url", &cluster.uri("postgres")]).envs(certificates.settings());
    let output = courant.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.lines().last().unwrap().contains("does not belong to the certificate"), "{said}");
}
