//! Who is really asking: the client's address behind the proxies that are trusted to name it.
//!
//! Read from the right of `X-Forwarded-For` or `Forwarded`, because only what our own proxies appended is true; all that
//! stands left of the first stranger may be invented. Without trust the peer of the connection is the client, whatever
//! the headers say.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Addresses looked at, from the right; no chain of proxies is longer.
const HOPS_MAX: usize = 32;

/// The header in which the trusted proxies name whom they were asked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressHeader {
    /// `X-Forwarded-For`, which nearly all of them write.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// Which proxies are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Where they are.
    pub networks: Vec<IpNet>,
    /// How many there are, where their addresses are not known; counts only without networks.
    pub hops: usize,
    /// What they write.
    pub header: AddressHeader,
}

impl Trust {
    /// Whether it is a trusted proxy.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether the connection's other end is the client, whatever headers say.
    pub fn is_direct(&self, peer: IpAddr) -> bool {
        if self.networks.is_empty() { self.hops == 0 } else { !self.is_proxy(peer.to_canonical()) }
    }

    /// Whether headers name somebody whom nobody vouches for.
    pub fn is_unheard(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.is_direct(peer) && (headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED))
    }

    /// The client's address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.is_direct(peer) {
            return peer;
        }
        let mut named = self.named(headers);
        if self.networks.is_empty() {
            // The last proxy is the peer; each of the others is named by the one after it.
            return named.nth(self.hops - 1).flatten().unwrap_or(peer);
        }
        let mut nearest = peer;
        for address in named {
            // Garbage is not a client, and what is left of it is nobody's word.
            let Some(address) = address else { return nearest };
            nearest = address;
            if !self.is_proxy(address) {
                break;
            }
        }
        nearest
    }

    /// The addresses that the header names, from the right; none where one cannot be read.
    fn named(&self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            AddressHeader::XForwardedFor => (X_FORWARDED_FOR, address),
            AddressHeader::Forwarded => (FORWARDED, forwarded),
        };
        let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        let items = values.into_iter().rev().flat_map(|value| value.to_str().unwrap_or("\0").rsplit(','));
        items.take(HOPS_MAX).map(move |item| read(item.trim()))
    }
}

/// The `for` of an element of `Forwarded`. Commas in quoted strings part elements too: what has them is garbage.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let quoted = value.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
            if found.replace(address(quoted.unwrap_or(Some(value))?)?).is_some() {
                return None;
            }
        }
    }
    found
}

/// An address as proxies write it: bare, with a port, in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
