//! From an address to a byte stream on which the login can begin: the socket, then TLS where it is wanted.
//!
//! Never logs in, and never chooses between addresses; that is [`super::login`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256, Sha384, Sha512};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::ConnectError;
use super::tls::Tls;

/// A stream to the server, encrypted or not.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// One place to knock at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// The path of a unix socket.
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// What to ask for once connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    /// Encrypted if the server offers it.
    Offered,
    Encrypted,
}

/// How to keep a TCP connection from dying unnoticed.
#[derive(Clone, Debug, Default)]
pub(super) struct Liveness {
    /// Absent: no keepalive probes at all.
    pub(super) keepalive: Option<TcpKeepalive>,
    pub(super) user_timeout: Option<Duration>,
}

/// A stream, and what was agreed on it.
pub(crate) struct Negotiated {
    pub(super) stream: Box<dyn ByteStream>,
    pub(super) encrypted: bool,
    pub(super) channel_binding: Option<Vec<u8>>,
}

/// Connects to one address. `host` is the name by which the server is known, for its certificate.
pub(super) async fn open(
    address: &Address,
    host: Option<&str>,
    security: Security,
    tls: &Tls,
    liveness: &Liveness,
    target: &str,
) -> Result<Negotiated, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { target: target.to_owned(), source };
    let socket = match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            return Ok(Negotiated { stream: Box::new(stream), encrypted: false, channel_binding: None });
        }
        Address::Tcp(address) => tcp(*address, liveness).await.map_err(unreachable)?,
    };
    let (Some(connector), false) = (&tls.connector, security == Security::Plain) else {
        return Ok(Negotiated { stream: Box::new(socket), encrypted: false, channel_binding: None });
    };
    let mut socket = socket;
    if !tls.direct && !offers_tls(&mut socket).await.map_err(unreachable)? {
        return match security {
            Security::Encrypted => Err(ConnectError::TlsNotOffered { target: target.to_owned() }),
            _ => Ok(Negotiated { stream: Box::new(socket), encrypted: false, channel_binding: None }),
        };
    }
    let failed = |source| ConnectError::Tls { target: target.to_owned(), source };
    let name = server_name(host, address).map_err(failed)?;
    let stream = connector.connect(name, socket).await.map_err(failed)?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let channel_binding = certificate.and_then(|certificate| server_end_point(certificate));
    Ok(Negotiated { stream: Box::new(stream), encrypted: true, channel_binding })
}

async fn tcp(address: SocketAddr, liveness: &Liveness) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    if let Some(keepalive) = &liveness.keepalive {
        socket.set_tcp_keepalive(keepalive)?;
    }
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(liveness.user_timeout)?;
    Ok(stream)
}

/// Sends an `SSLRequest` and reads the one byte that answers it. No more is read: what an attacker sent in
/// the clear after it must not be taken for part of the encrypted stream (CVE-2021-23222).
async fn offers_tls(socket: &mut TcpStream) -> io::Result<bool> {
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    socket.write_all(&request).await?;
    match socket.read_u8().await? {
        b'S' => Ok(true),
        // A server older than any that is supported answers an error.
        b'N' | b'E' => Ok(false),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it answered 0x{other:02x} to a request for TLS, which is not PostgreSQL's way"),
        )),
    }
}

fn server_name(host: Option<&str>, address: &Address) -> io::Result<ServerName<'static>> {
    match (host, address) {
        (Some(host), _) => ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
        (None, Address::Tcp(address)) => Ok(IpAddr::into(address.ip())),
        (None, Address::Unix(_)) => Err(io::Error::other("there is no TLS over a unix socket")),
    }
}

/// `tls-server-end-point` (RFC 5929): the certificate, hashed as its own signature hashes.
fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let parsed = Certificate::from_der(certificate).ok()?;
    match parsed.signature_algorithm.oid.to_string().as_str() {
        // MD5 and SHA-1 count as SHA-256 here, by the RFC; then RSA and ECDSA with SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2" => Some(Sha256::digest(certificate).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Sha384::digest(certificate).to_vec()),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Sha512::digest(certificate).to_vec()),
        // Ed25519 and RSA-PSS name no single hash; then there is no channel binding.
        _ => None,
    }
}

/// Hands a stream on which TLS is already settled to tokio-postgres, which otherwise would settle it itself.
#[derive(Clone)]
pub(super) struct Settled {
    pub(super) channel_binding: Option<Vec<u8>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Settled {
    type Stream = SettledStream<S>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<SettledStream<S>, Self::Error>>;

    fn connect(self, stream: S) -> Self::Future {
        std::future::ready(Ok(SettledStream { stream, channel_binding: self.channel_binding }))
    }
}

/// A stream that knows its channel binding.
pub(crate) struct SettledStream<S> {
    stream: S,
    channel_binding: Option<Vec<u8>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for SettledStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.channel_binding {
            Some(binding) => ChannelBinding::tls_server_end_point(binding.clone()),
            None => ChannelBinding::none(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SettledStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SettledStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
