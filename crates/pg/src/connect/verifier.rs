//! How far a server's certificate is trusted: not at all, its chain, or its chain and its name.
//!
//! libpq's levels are not rustls's, so the checks are put together here from rustls's parts. Handshake
//! signatures are checked at every level: channel binding is worth nothing without them.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::{Certificate, Version};

/// How far to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anyone.
    Anyone,
    /// Whoever holds a certificate of a trusted authority.
    Authority,
    /// The one host that the certificate names.
    Host,
}

/// The verifier for one level of trust.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trust: Trust,
    pub(super) roots: RootCertStore,
    /// The roots as they stand in the file: OpenSSL trusts a server that presents one of them itself.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trust == Trust::Anyone {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(end_entity).map_err(|error| {
            let old = is_of_old_version(end_entity);
            if old { Error::General(OLD_VERSION.to_owned()) } else { error }
        })?;
        if self.pinned.contains(end_entity) {
            within_validity(end_entity, now)?;
        } else {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        }
        if self.trust == Trust::Host
            && let Err(error) = verify_server_name(&parsed, name)
            && !common_name_matches(end_entity, name)
        {
            return Err(error);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.trust == Trust::Anyone && is_of_old_version(certificate) {
            return self.verify_with_bare_key(message, certificate, signature);
        }
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.trust == Trust::Anyone && is_of_old_version(certificate) {
            return self.verify_with_bare_key(message, certificate, signature);
        }
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

const OLD_VERSION: &str = "the server's certificate is of X.509 version 1, which cannot be verified; \
                           issue it anew with extensions (subjectAltName), or set sslmode=require";

/// Whether it is a certificate of version 1, which `openssl x509 -req` long made unless told otherwise, and
/// which rustls does not read.
fn is_of_old_version(certificate: &CertificateDer<'_>) -> bool {
    Certificate::from_der(certificate).is_ok_and(|parsed| parsed.tbs_certificate.version != Version::V3)
}

impl Verifier {
    /// Checks that the server has the key of its certificate, of which nothing else is asked.
    fn verify_with_bare_key(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let parsed = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let key = parsed.tbs_certificate.subject_public_key_info.subject_public_key;
        let algorithms = self.algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signature.scheme);
        let valid = algorithms.flat_map(|(_, algorithms)| algorithms.iter()).any(|algorithm| {
            algorithm.verify_signature(key.raw_bytes(), message, signature.signature()).is_ok()
        });
        match valid {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }
}

fn within_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = &parsed.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// Whether the certificate names the host as its common name, which libpq accepts where there is no
/// alternative name that counts (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
fn common_name_matches(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    let Ok(parsed) = Certificate::from_der(certificate) else { return false };
    let subject = &parsed.tbs_certificate;
    match subject.get::<SubjectAltName>() {
        Ok(None) => {}
        Ok(Some((_, names))) => {
            let counts =
                |name: &GeneralName| matches!(name, GeneralName::DnsName(_) | GeneralName::IpAddress(_));
            if names.0.iter().any(counts) {
                return false;
            }
        }
        Err(_) => return false,
    }
    let wanted = name.to_str();
    subject.subject.0.iter().flat_map(|part| part.0.iter()).any(|attribute| {
        let presented = std::str::from_utf8(attribute.value.value()).unwrap_or_default();
        attribute.oid == COMMON_NAME && name_matches(presented, &wanted, name)
    })
}

fn name_matches(presented: &str, wanted: &str, name: &ServerName<'_>) -> bool {
    if presented.eq_ignore_ascii_case(wanted) {
        return true;
    }
    // A wildcard stands for exactly one label, and never for part of an address.
    let (Some(suffix), ServerName::DnsName(_)) = (presented.strip_prefix("*."), name) else { return false };
    wanted.split_once('.').is_some_and(|(label, rest)| {
        !label.is_empty() && suffix.contains('.') && rest.eq_ignore_ascii_case(suffix)
    })
}
