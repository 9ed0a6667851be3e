//! TLS as libpq's `ssl…` parameters describe it, by rustls.
//!
//! Reads certificate and key files once, when the options are read. Never touches the process-wide crypto
//! provider. Meaning of the parameters: <https://www.postgresql.org/docs/current/libpq-ssl.html>.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_rustls::TlsConnector;

use super::ConnectError;
use super::keywords::Keywords;
use super::verifier::{Trust, Verifier};

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

/// Whether and how connections are encrypted.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) mode: SslMode,
    /// `sslnegotiation=direct`: the handshake comes first, without asking.
    pub(super) direct: bool,
    /// Absent where no connection can need it.
    pub(super) connector: Option<TlsConnector>,
}

impl Tls {
    /// Reads the `ssl…` parameters, and the files they name where a TCP connection may need them.
    pub(super) fn new(keywords: &Keywords, home: Option<&Path>, over_tcp: bool) -> Result<Tls, ConnectError> {
        let system = keywords.get("sslrootcert") == Some("system");
        let default = if system { SslMode::VerifyFull } else { SslMode::Prefer };
        let mode = keywords.choice("sslmode", MODES)?.unwrap_or(default);
        if system && mode != SslMode::VerifyFull {
            return Err(ConnectError::Invalid(
                "sslrootcert=system accepts any certificate of a public authority; it needs sslmode=verify-full"
                    .to_owned(),
            ));
        }
        let direct = keywords.choice("sslnegotiation", &[("postgres", false), ("direct", true)])?;
        let direct = direct.unwrap_or(false);
        if direct && mode < SslMode::Require {
            return Err(ConnectError::Invalid(
                "sslnegotiation=direct needs sslmode=require or stronger".to_owned(),
            ));
        }
        let connector = match over_tcp && mode != SslMode::Disable {
            true => Some(connector(keywords, home, mode, direct)?),
            false => None,
        };
        Ok(Tls { mode, direct, connector })
    }
}

fn connector(
    keywords: &Keywords,
    home: Option<&Path>,
    mode: SslMode,
    direct: bool,
) -> Result<TlsConnector, ConnectError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(keywords, home, mode, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(keywords)?)
        .map_err(|error| ConnectError::Invalid(format!("ssl_min_protocol_version: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity(keywords, home)? {
        None => builder.with_no_client_auth(),
        Some((path, certificates, key)) => {
            builder.with_client_auth_cert(certificates, key).map_err(|error| ConnectError::File {
                path,
                reason: format!("cannot be used with its key: {error}; check that they belong together"),
            })?
        }
    };
    config.enable_sni = keywords.choice("sslsni", &[("1", true), ("0", false)])?.unwrap_or(true);
    if direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(TlsConnector::from(Arc::new(config)))
}

fn versions(keywords: &Keywords) -> Result<Vec<&'static SupportedProtocolVersion>, ConnectError> {
    const NAMES: &[(&str, u8)] = &[("TLSv1", 2), ("TLSv1.1", 2), ("TLSv1.2", 2), ("TLSv1.3", 3)];
    let least = keywords.choice("ssl_min_protocol_version", NAMES)?.unwrap_or(2);
    match (least, keywords.choice("ssl_max_protocol_version", NAMES)?.unwrap_or(3)) {
        (2, 3) => Ok(vec![&TLS13, &TLS12]),
        (2, 2) => Ok(vec![&TLS12]),
        (3, 3) => Ok(vec![&TLS13]),
        _ => Err(ConnectError::Invalid("ssl_min_protocol_version is above ssl_max_protocol_version".into())),
    }
}

fn verifier(
    keywords: &Keywords,
    home: Option<&Path>,
    mode: SslMode,
    provider: &CryptoProvider,
) -> Result<Verifier, ConnectError> {
    let algorithms = provider.signature_verification_algorithms;
    let mut verifier =
        Verifier { trust: Trust::Anyone, roots: RootCertStore::empty(), pinned: Vec::new(), algorithms };
    if keywords.get("sslrootcert") == Some("system") {
        verifier.trust = Trust::Host;
        verifier.roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match verifier.roots.is_empty() {
            true => Err(ConnectError::Invalid(
                "sslrootcert=system, but the system has no trusted certificates; install ca-certificates"
                    .into(),
            )),
            false => Ok(verifier),
        };
    }
    let Some(path) = file(keywords, "sslrootcert", home, "root.crt") else {
        return match mode < SslMode::VerifyCa {
            true => Ok(verifier),
            false => Err(ConnectError::Invalid(
                "HOME is not set, so there is no root.crt to trust; set sslrootcert".to_owned(),
            )),
        };
    };
    if !path.exists() && keywords.get("sslrootcert").is_none() && mode < SslMode::VerifyCa {
        return Ok(verifier);
    }
    verifier.pinned = certificates(&path)?;
    verifier.roots.add_parsable_certificates(verifier.pinned.iter().cloned());
    verifier.trust = if mode == SslMode::VerifyFull { Trust::Host } else { Trust::Authority };
    refuse_revocation_list(home)?;
    Ok(verifier)
}

/// A revocation list in its default place would be honoured by libpq; to pass over it would trust the revoked.
fn refuse_revocation_list(home: Option<&Path>) -> Result<(), ConnectError> {
    match home.map(|home| home.join(".postgresql/root.crl")).filter(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(ConnectError::File {
            path,
            reason: "certificate revocation lists are not supported; move it away".to_owned(),
        }),
    }
}

/// The file that a parameter names, or else its default in `~/.postgresql`.
fn file(keywords: &Keywords, keyword: &str, home: Option<&Path>, default: &str) -> Option<PathBuf> {
    match keywords.get(keyword) {
        Some(path) => Some(PathBuf::from(path)),
        None => home.map(|home| home.join(".postgresql").join(default)),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let bad = |reason: String| ConnectError::File { path: path.to_owned(), reason };
    let pem = fs::read(path).map_err(|error| {
        bad(format!(
            "cannot be read: {error}; provide the certificates there, or set another path or sslmode"
        ))
    })?;
    let list: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(format!("is not a PEM file of certificates: {error}")))?;
    if list.is_empty() { Err(bad("holds no certificate in PEM form".to_owned())) } else { Ok(list) }
}

type Identity = (PathBuf, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's certificate and key, where there is one.
fn identity(keywords: &Keywords, home: Option<&Path>) -> Result<Option<Identity>, ConnectError> {
    if keywords.get("sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let Some(path) = file(keywords, "sslcert", home, "postgresql.crt") else { return Ok(None) };
    if !path.exists() && keywords.get("sslcert").is_none() {
        return Ok(None);
    }
    let certificates = certificates(&path)?;
    let Some(key_path) = file(keywords, "sslkey", home, "postgresql.key") else {
        return Err(ConnectError::Invalid("sslcert is set without a key; set sslkey too".to_owned()));
    };
    let bad = |reason: String| ConnectError::File { path: key_path.clone(), reason };
    let metadata = fs::metadata(&key_path)
        .map_err(|error| bad(format!("the key of {} cannot be read: {error}; set sslkey", path.display())))?;
    // libpq's rule: 0600, or 0640 where root owns it.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.permissions().mode() & forbidden != 0 {
        return Err(bad("this private key can be read by others; make it u=rw (0600)".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| {
        bad(format!("is not an unencrypted private key in PEM form: {error}; decrypt it or set sslkey"))
    })?;
    Ok(Some((path, certificates, key)))
}
