//! What changes in a head on its way through: what belongs to one connection is taken out, and each side is told
//! of the other.
//!
//! RFC 9110, section 7.6: `Connection` and what it names, `Via`. RFC 7239: `Forwarded`, with the older
//! `X-Forwarded-*` beside it, because that is what frameworks read. `Host` stays what the client asked for.
//! Never decides whether a peer may be believed: whoever knows says so.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");
const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers of one connection, whether or not `Connection` names them.
const HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE];
/// Headers between a client and the next proxy, which a shared cache must not keep (RFC 9111, section 3.1).
const OF_PROXIES: [HeaderName; 3] = [PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO, PROXY_AUTHORIZATION];

/// How many headers more a request mostly has when it goes on.
const ADDED: usize = 8;
/// Bytes of an element of `Forwarded` beside what it names.
const FORWARDED_SYNTAX: usize = 32;

/// The hop by which a request came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Who connected.
    pub peer: IpAddr,
    /// `http` or `https`: what the client speaks, as far as is known.
    pub scheme: &'static str,
    /// Whether what the peer says of hops before it is to be believed.
    pub is_trusted: bool,
}

/// By what an upstream is told that it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Of the address, in small letters.
    pub scheme: String,
    /// With its port if it was said, in small letters.
    pub host: String,
}

/// Takes out what belongs to one connection (RFC 9110, section 7.6.1).
pub fn strip_hop(headers: &mut HeaderMap) {
    strip_named(headers);
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Takes out what `Connection` names besides what it is about itself. To be done before anything is decided by these
/// headers: the upstream will not see them.
pub fn strip_named(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // Without these no body could be framed and no request routed: naming them is an attack, or a mistake.
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH && !HOP_BY_HOP.contains(name))
        .collect();
    for name in &named {
        headers.remove(name);
    }
}

/// Takes out what a shared cache must not keep.
pub fn strip_proxies(headers: &mut HeaderMap) {
    for name in &OF_PROXIES {
        headers.remove(name);
    }
}

/// The protocol that a request or a response would switch to, if it says so as it should. Never `h2c`: whoever
/// speaks it could ask an upstream for what no route lets through.
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let says_so =
        lines.flat_map(|line| line.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    let names_h2c = |protocol: &HeaderValue| protocol.as_bytes().to_ascii_lowercase().starts_with(b"h2c");
    if says_so { headers.get(UPGRADE).filter(|protocol| !names_h2c(protocol)).cloned() } else { None }
}

/// Makes a client's headers those of the request to an upstream; `origin` is what [`origin`] says of them.
pub fn request(headers: &mut HeaderMap, version: Version, hop: &Hop, origin: &Origin) {
    headers.reserve(ADDED);
    let trailers = headers.get_all(TE).iter().any(|line| line.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip_hop(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    // The body is passed on as it comes: whoever waits for leave to send it is given leave here.
    headers.remove(EXPECT);
    via(headers, version);
    // Edge Architecture, section 2.2: who sees it may address us in `Surrogate-Control`.
    append(headers, SURROGATE_CAPABILITY, HeaderValue::from_static("courant=\"Surrogate/1.0\""));
    forwarded(headers, hop, origin);
}

/// Makes an upstream's headers those of the response to a client.
pub fn response(headers: &mut HeaderMap, version: Version) {
    strip_hop(headers);
    via(headers, version);
}

/// By what an upstream is told that it was asked: as a trusted peer says, or else as the request does.
pub fn origin(headers: &HeaderMap, hop: &Hop) -> Origin {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let said = |name| text(name).filter(|_| hop.is_trusted);
    let host = said(X_FORWARDED_HOST).or_else(|| text(HOST)).unwrap_or_default();
    let is_scheme =
        |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    let scheme = said(X_FORWARDED_PROTO).filter(is_scheme).unwrap_or(hop.scheme);
    Origin { scheme: scheme.to_ascii_lowercase(), host: host.to_ascii_lowercase() }
}

/// Adds ourselves to those through whom a message came.
pub fn via(headers: &mut HeaderMap, version: Version) {
    let hop = if version == Version::HTTP_10 {
        "1.0 courant"
    } else if version == Version::HTTP_2 {
        "2 courant"
    } else {
        "1.1 courant"
    };
    append(headers, VIA, HeaderValue::from_static(hop));
}

/// Tells the upstream who asked. The addresses of hops before are kept, ours comes last: whoever counts from the
/// right is not deceived. What else an untrusted peer says of itself is not passed on.
fn forwarded(headers: &mut HeaderMap, hop: &Hop, Origin { scheme, host }: &Origin) {
    let peer = hop.peer.to_string();
    if !hop.is_trusted {
        headers.remove(FORWARDED);
    }
    let mut element = String::with_capacity(peer.len() + scheme.len() + host.len() + FORWARDED_SYNTAX);
    // Writing to a string cannot fail.
    let _ = match hop.peer {
        IpAddr::V4(_) => write!(element, "for={peer};proto={scheme}"),
        IpAddr::V6(_) => write!(element, "for=\"[{peer}]\";proto={scheme}"),
    };
    if host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') && !host.is_empty() {
        let _ = write!(element, ";host=\"{host}\"");
    }
    for (name, element) in [(X_FORWARDED_FOR, &peer), (FORWARDED, &element)] {
        if let Ok(element) = HeaderValue::from_str(element) {
            append(headers, name, element);
        }
    }
    // Mostly they are here already, to be shared.
    let asked = headers.get(HOST).filter(|asked| asked.as_bytes() == host.as_bytes()).cloned();
    let host = asked.or_else(|| HeaderValue::from_str(host).ok());
    let spoken = (scheme == hop.scheme).then(|| HeaderValue::from_static(hop.scheme));
    let scheme = spoken.or_else(|| HeaderValue::from_str(scheme).ok());
    for (name, value) in [(X_FORWARDED_PROTO, scheme), (X_FORWARDED_HOST, host)] {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => drop(headers.insert(name, value)),
            None => drop(headers.remove(name)),
        }
    }
}

/// Adds to a list, on one line: many backends read only the first, which a client could have written.
fn append(headers: &mut HeaderMap, name: HeaderName, element: HeaderValue) {
    let mut list = Vec::new();
    for line in headers.get_all(&name).iter().filter(|line| !line.is_empty()) {
        list.extend_from_slice(line.as_bytes());
        list.extend_from_slice(b", ");
    }
    if list.is_empty() {
        headers.insert(name, element);
        return;
    }
    list.extend_from_slice(element.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
