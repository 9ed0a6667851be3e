//! TLS to upstreams, by rustls: which authorities are trusted, and what it is called when none of them vouches.
//!
//! An upstream is spoken to by the name in its address, in HTTP/1.1, in TLS 1.2 or 1.3. Trusted are the system's
//! authorities and those of `proxy.upstream_ca`. Never goes on without a certificate that is good, and never touches
//! the process-wide crypto provider.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use gateway::upstream::Address;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How the upstreams are spoken to whose address begins with `https://`.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

/// One upstream's side of it.
pub(super) struct Named {
    tls: Tls,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts the system's authorities, and those in the file.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Tls> {
        let mut roots = RootCertStore::empty();
        // What cannot be read of the system's is missing when it is needed, which is told then.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authorities {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let read = read.with_context(|| format!("proxy.upstream_ca: cannot read {}", path.display()))?;
            let (added, _) = roots.add_parsable_certificates(read);
            ensure!(
                added > 0,
                "proxy.upstream_ca: {} holds no certificate of an authority in PEM form",
                path.display()
            );
        }
        ensure!(
            !roots.is_empty(),
            "proxy.upstream: an https:// upstream cannot be trusted, because the system has no authorities; install \
             ca-certificates, or set proxy.upstream_ca"
        );
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(TlsConnector::from(Arc::new(config))))
    }

    /// For the upstream at that address.
    pub(super) fn of(&self, address: &Address) -> Result<Named> {
        let (host, _) = address.pair();
        let name = ServerName::try_from(host.to_owned());
        let name =
            name.with_context(|| format!("proxy.upstream: no certificate is for the name {host:?}"))?;
        Ok(Named { tls: self.clone(), name })
    }
}

impl Named {
    /// Shakes hands.
    pub(super) async fn shake(&self, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.tls.0.connect(self.name.clone(), socket).await
    }
}

/// Whether a connection did not come about because its other end could not be trusted, or spoke no TLS.
pub(super) fn is_distrust(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
