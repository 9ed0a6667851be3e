//! A backend under test: answers as it is told, and remembers what it was asked.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tokio_util::task::AbortOnDropHandle;

use crate::tls::Certificates;

/// A port that is free, on this machine.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A backend, and what it was asked; gone when it is dropped.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    scheme: &'static str,
    _serving: AbortOnDropHandle<()>,
}

/// A request as the backend saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Backend {
    pub(crate) async fn start<A>(
        answer: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    ) -> Backend
    where
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Backend::start_at(ANYWHERE, answer).await
    }

    /// The same in TLS, with a certificate for localhost.
    pub(crate) async fn start_tls<A>(
        certificates: &Certificates,
        answer: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    ) -> Backend
    where
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let chain = vec![CertificateDer::from_pem_file(certificates.path("server.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(certificates.path("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        Backend::serve(ANYWHERE, Some(TlsAcceptor::from(Arc::new(config))), answer).await
    }

    pub(crate) async fn start_at<A>(
        address: SocketAddr,
        answer: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    ) -> Backend
    where
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Backend::serve(address, None, answer).await
    }

    async fn serve<A>(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        answer: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    ) -> Backend
    where
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            // Ends with the task: what is open to a backend that is gone is gone.
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (answer, seen) = (answer.clone(), Arc::clone(&seen));
                let service = service_fn(move |request: Request<Incoming>| {
                    seen.lock().push(Asked {
                        method: request.method().clone(),
                        target: request.uri().to_string(),
                        headers: request.headers().clone(),
                    });
                    let answering = answer(request);
                    async move { Ok::<_, Infallible>(answering.await) }
                });
                let tls = tls.clone();
                open.spawn(async move {
                    let socket = match tls {
                        None => Either::Left(socket),
                        // Whoever does not trust it says so by going away.
                        Some(tls) => match tls.accept(socket).await {
                            Ok(socket) => Either::Right(socket),
                            Err(_) => return,
                        },
                    };
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(socket), service).with_upgrades().await;
                });
            }
        });
        Backend { address, asked, scheme, _serving: AbortOnDropHandle::new(serving) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// What it was asked so far, health checks apart (they ask nothing).
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().len()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn until_asked(&self, times: usize) {
        tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while self.count() < times {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        })
        .await
        .unwrap();
    }
}

/// A whole answer.
pub(crate) fn whole(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into()).boxed_unsync()).unwrap()
}

/// An answer that comes piece by piece, as the test sends them.
pub(crate) fn pieces(headers: &[(&str, &str)]) -> (mpsc::UnboundedSender<&'static str>, Response<Body>) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<&'static str>();
    let stream = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|piece| Some(Ok(Frame::data(Bytes::from(piece?)))))
    });
    (sender, whole(200, headers, "").map(|_| StreamBody::new(stream).boxed_unsync()))
}
