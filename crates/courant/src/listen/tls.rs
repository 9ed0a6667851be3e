//! TLS for clients, by rustls: handshakes within bounds, and a certificate that can be renewed while it is in use.
//!
//! The files are read again when they change or when somebody asks; what cannot be used is told, and what was in use
//! stays. TLS 1.2 and 1.3; never touches the process-wide crypto provider.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ProducesTickets;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Http2};
use crate::telemetry::guard::GuardMetrics;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A certificate, and what handshakes with it may take.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    protocols: Vec<Vec<u8>>,
    /// Outlives the certificates: sessions go on when one is renewed.
    tickets: Arc<dyn ProducesTickets>,
    config: RwLock<Arc<ServerConfig>>,
    /// Of the files, when they were last read.
    seen: Mutex<Stamp>,
    handshakes: Mutex<Handshakes>,
    handshakes_max: usize,
    handshake_timeout: Duration,
    metrics: GuardMetrics,
}

/// The handshakes that go on, by their number; the oldest first.
#[derive(Default)]
struct Handshakes {
    begun: u64,
    going_on: BTreeMap<u64, Arc<Notify>>,
}

/// A handshake among those that go on.
struct Place<'a> {
    tls: &'a Tls,
    number: u64,
    displaced: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.tls.handshakes.lock().going_on.remove(&self.number);
    }
}

/// When the files were changed, as far as the file system knows.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads the files; none where none are configured.
    pub(crate) fn new(config: &config::Tls, http2: Http2, metrics: GuardMetrics) -> Result<Option<Arc<Tls>>> {
        let (Some(certificate), Some(key)) = (config.certificate.clone(), config.key.clone()) else {
            return Ok(None);
        };
        let protocols: &[&[u8]] = if http2.enabled { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let tickets = Ticketer::new().context("cannot make keys for session tickets")?;
        let seen = Mutex::new(stamp(&certificate, &key));
        let read = read(&certificate, &key, &protocols, &tickets)?;
        metrics.certificate(true);
        Ok(Some(Arc::new(Tls {
            config: RwLock::new(read),
            handshakes: Mutex::default(),
            handshakes_max: config.handshakes_max,
            handshake_timeout: config.handshake_timeout,
            certificate,
            key,
            protocols,
            tickets,
            seen,
            metrics,
        })))
    }

    /// Shakes hands, in time. Where too many do, the one that has gone on longest gives way: clients that stop in the
    /// middle keep nobody out who does not.
    pub(super) async fn accept(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>> {
        let place = self.begin();
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.read()));
        let shaking = timeout(self.handshake_timeout, acceptor.accept(socket));
        tokio::select! {
            shaken = shaking => Ok(shaken.context("the TLS handshake took too long")??),
            () = place.displaced.notified() => bail!("the TLS handshake gave way to newer ones (tls.handshakes_max)"),
        }
    }

    fn begin(&self) -> Place<'_> {
        let mut handshakes = self.handshakes.lock();
        handshakes.begun += 1;
        let (number, displaced) = (handshakes.begun, Arc::new(Notify::new()));
        handshakes.going_on.insert(number, Arc::clone(&displaced));
        if handshakes.going_on.len() > self.handshakes_max
            && let Some((_, oldest)) = handshakes.going_on.pop_first()
        {
            oldest.notify_one();
        }
        Place { tls: self, number, displaced }
    }

    /// Reads the files again when they change, and on SIGHUP, until shutdown.
    pub(crate) async fn renew(&self, shutdown: &CancellationToken) {
        let mut looks = interval(LOOK_INTERVAL);
        let Ok(mut asked) = signal(SignalKind::hangup()) else {
            tracing::warn!("SIGHUP will not be heard");
            return;
        };
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    if *self.seen.lock() == stamp(&self.certificate, &self.key) {
                        continue;
                    }
                }
                _ = asked.recv() => {}
                () = shutdown.cancelled() => return,
            }
            self.read_again();
        }
    }

    fn read_again(&self) {
        *self.seen.lock() = stamp(&self.certificate, &self.key);
        let read = read(&self.certificate, &self.key, &self.protocols, &self.tickets);
        self.metrics.certificate(read.is_ok());
        match read {
            Ok(config) => {
                *self.config.write() = config;
                tracing::info!(certificate = %self.certificate.display(), "a new certificate is in use");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "the new certificate cannot be used; the old one stays in use");
            }
        }
    }
}

fn read(
    certificate: &Path,
    key: &Path,
    protocols: &[Vec<u8>],
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("tls.certificate: cannot read {}", certificate.display()))?;
    ensure!(!chain.is_empty(), "tls.certificate: {} holds no certificate in PEM form", certificate.display());
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("tls.key: {} is no unencrypted key in PEM form", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("tls.key: {} does not belong to the certificate", key.display()))?;
    config.alpn_protocols = protocols.to_vec();
    config.ticketer = Arc::clone(tickets);
    Ok(Arc::new(config))
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}
