//! What the front door can be told: its keys, and what is left of them once they are read.
//!
//! The keys stand apart from those of `keys.rs` only for their number; they are read in the same way.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use gateway::{AddressHeader, SecurityHeaders, Trust, Wildcard};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::given::{Given, Refusal};
use super::keys::{DAY_MS, Key, MINUTE_MS};
use super::limits::{Limit, limit};

/// Who is let in, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrontDoor {
    pub(crate) trust: Trust,
    pub(crate) limits: Vec<Limit>,
    pub(crate) limit_keys_max: usize,
    pub(crate) failures_per_minute: u32,
    pub(crate) block: Block,
    pub(crate) tls: Tls,
    pub(crate) http2: Http2,
    pub(crate) cors: Cors,
    pub(crate) csrf: Csrf,
    pub(crate) headers: SecurityHeaders,
}

/// Who is kept out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) deny: Vec<IpNet>,
    pub(crate) allow: Vec<IpNet>,
    pub(crate) entries_max: usize,
    /// Offences in a window after which an address is blocked by itself; 0: never.
    pub(crate) after: u32,
    pub(crate) window: Duration,
    pub(crate) duration: Duration,
}

/// Encryption of client connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) handshakes_max: usize,
}

/// HTTP/2.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Http2 {
    pub(crate) enabled: bool,
    pub(crate) cleartext: bool,
    pub(crate) streams_max: u32,
    pub(crate) resets_max: usize,
}

/// Other origins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    /// None: nothing was said, which is everybody for Courant's own API.
    pub(crate) origins: Option<Vec<HeaderValue>>,
    pub(crate) credentials: bool,
    pub(crate) max_age: Duration,
}

/// Requests that other sites make browsers send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Csrf {
    pub(crate) paths: Vec<Wildcard>,
    pub(crate) origins: Vec<HeaderValue>,
    pub(crate) cookie: String,
    pub(crate) header: Option<HeaderName>,
}

/// The keys, in the order of the reference page.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "client.trusted_proxies",
        "none",
        "The networks of the proxies that are believed when they name the client: `[\"10.0.0.0/8\"]`. The client is \
         the first address from the right that is in none of them.",
        |config, given| networks(given).map(|networks| config.door.trust.networks = networks),
    )
    .unset(),
    Key::new(
        "client.trusted_hops",
        "0",
        "How many proxies stand before Courant, where their addresses are not known: the client is that many \
         addresses from the right. Safe only where nobody can reach Courant around them.",
        |config, given| given.count(0..=32).map(|count| config.door.trust.hops = count),
    ),
    Key::new(
        "client.address_header",
        "x-forwarded-for",
        "What those proxies write: `x-forwarded-for` or `forwarded` (RFC 7239). The other is never read.",
        |config, given| {
            let words =
                [("x-forwarded-for", AddressHeader::XForwardedFor), ("forwarded", AddressHeader::Forwarded)];
            given.word(&words).map(|header| config.door.trust.header = header)
        },
    ),
    Key::new(
        "limit",
        "none",
        "How often somebody may ask: tables `[[limit]]` with `name`, `rate` and whom it is counted `by` (see below). \
         Only in the file.",
        |config, given| given.tables("limit", limit).map(|all| config.door.limits = all),
    )
    .unset(),
    Key::new(
        "limits.keys_max",
        "65536",
        "Users, keys and addresses whose limits are kept at once, 16 bytes each; where there is no room, those who \
         owe least are forgotten.",
        |config, given| given.count(8..=1 << 26).map(|count| config.door.limit_keys_max = count),
    ),
    Key::new(
        "limits.failures_per_minute",
        "600",
        "How often requests of one address may fail to authenticate before all of its requests are answered 429. \
         0: as often as they like.",
        |config, given| {
            given.count(0..=1_000_000).map(|count| config.door.failures_per_minute = count as u32)
        },
    ),
    Key::new(
        "block.deny",
        "none",
        "Networks and addresses that are kept out, IPv4 and IPv6.",
        |config, given| networks(given).map(|networks| config.door.block.deny = networks),
    )
    .unset(),
    Key::new(
        "block.allow",
        "none",
        "Networks and addresses that are never kept out, whatever else is said.",
        |config, given| networks(given).map(|networks| config.door.block.allow = networks),
    )
    .unset(),
    Key::new(
        "block.entries_max",
        "10000",
        "The most blocks by `courant block` and by Courant itself at once.",
        |config, given| given.count(1..=1_000_000).map(|count| config.door.block.entries_max = count),
    ),
    Key::new(
        "block.after",
        "0",
        "Offences (refused heads, failed authentications, 429s) in `block.window_ms` after which an address is kept \
         out by itself. 0: never. Say first who is believed to name clients (`client.…`): behind a proxy that is \
         not, all clients have its address.",
        |config, given| given.count(0..=1_000_000).map(|count| config.door.block.after = count as u32),
    ),
    Key::new("block.window_ms", "60000", "In which time.", |config, given| {
        given.milliseconds(1000..=DAY_MS).map(|time| config.door.block.window = time)
    }),
    Key::new("block.duration_ms", "600000", "For how long.", |config, given| {
        given.milliseconds(1000..=365 * DAY_MS).map(|time| config.door.block.duration = time)
    }),
    Key::new(
        "tls.certificate",
        "none: plain HTTP",
        "A PEM file with the certificate and those between it and its authority. Read again when it changes, and on \
         SIGHUP.",
        |config, given| given.text().map(|path| config.door.tls.certificate = Some(path.into())),
    )
    .unset(),
    Key::new("tls.key", "none", "A PEM file with its private key, not encrypted.", |config, given| {
        given.text().map(|path| config.door.tls.key = Some(path.into()))
    })
    .unset(),
    Key::new(
        "tls.handshake_timeout_ms",
        "10000",
        "How long a TLS handshake may take before its connection is cut.",
        |config, given| {
            given.milliseconds(1..=10 * MINUTE_MS).map(|time| config.door.tls.handshake_timeout = time)
        },
    ),
    Key::new(
        "tls.handshakes_max",
        "1024",
        "The most TLS handshakes at once; the one that has gone on longest gives way to the next.",
        |config, given| given.count(1..=100_000).map(|count| config.door.tls.handshakes_max = count),
    ),
    Key::new(
        "http2.enabled",
        "true",
        "Whether HTTP/2 is offered over TLS.",
        |config, given| given.boolean().map(|enabled| config.door.http2.enabled = enabled),
    ),
    Key::new(
        "http2.cleartext",
        "false",
        "Whether HTTP/2 is spoken without TLS too, to clients that begin with it (prior knowledge).",
        |config, given| given.boolean().map(|enabled| config.door.http2.cleartext = enabled),
    ),
    Key::new(
        "http2.streams_max",
        "100",
        "The most requests at once on one HTTP/2 connection; more are refused (`REFUSED_STREAM`).",
        |config, given| given.count(1..=10_000).map(|count| config.door.http2.streams_max = count as u32),
    ),
    Key::new(
        "http2.resets_max",
        "50",
        "Requests of an HTTP/2 connection that its client may take back before they are begun, or that are refused, \
         before the connection ends (`ENHANCE_YOUR_CALM`).",
        |config, given| given.count(1..=10_000).map(|count| config.door.http2.resets_max = count),
    ),
    Key::new(
        "cors.origins",
        "`*` for Courant's own API; routes of an upstream say it themselves",
        "The origins whose pages may read answers: `*`, or exact ones like `https://app.example`.",
        |config, given| cors_origins(given).map(|origins| config.door.cors.origins = Some(origins)),
    )
    .unset()
    .postgrest(&["PGRST_SERVER_CORS_ALLOWED_ORIGINS"]),
    Key::new(
        "cors.credentials",
        "true",
        "Whether listed origins may send cookies along. Never with `*`.",
        |config, given| given.boolean().map(|credentials| config.door.cors.credentials = credentials),
    ),
    Key::new(
        "cors.max_age_ms",
        "86400000",
        "How long a browser may remember that it may ask.",
        |config, given| given.milliseconds(0..=DAY_MS).map(|time| config.door.cors.max_age = time),
    ),
    Key::new(
        "csrf.paths",
        "none",
        "Paths (`*` stands for anything) where requests that change something and bring a cookie must come from the \
         app's own pages.",
        |config, given| paths(given).map(|paths| config.door.csrf.paths = paths),
    )
    .unset(),
    Key::new(
        "csrf.origins",
        "none",
        "Other origins whose pages may send them.",
        |config, given| exact_origins(given).map(|origins| config.door.csrf.origins = origins),
    )
    .unset(),
    Key::new(
        "csrf.cookie",
        "csrf_token",
        "The cookie with the app's token, asked for where neither `Sec-Fetch-Site` nor `Origin` is sent.",
        |config, given| given.text().map(|cookie| config.door.csrf.cookie = cookie),
    ),
    Key::new("csrf.header", "x-csrf-token", "The header that must say the token again.", |config, given| {
        let name = given.text()?;
        let name = HeaderName::try_from(name).map_err(|_| "expected a header's name".to_owned())?;
        config.door.csrf.header = Some(name);
        Ok(())
    }),
    Key::new(
        "headers.content_type_options",
        "nosniff",
        "`X-Content-Type-Options`: `nosniff` or `none`. These headers are added where an answer lacks them, and never \
         replace the app's; JSON gets this one alone.",
        |config, given| {
            one_of(given, &["nosniff"]).map(|value| config.door.headers.content_type_options = value)
        },
    ),
    Key::new(
        "headers.frame_options",
        "SAMEORIGIN",
        "`X-Frame-Options`: `SAMEORIGIN`, `DENY` or `none`.",
        |config, given| {
            one_of(given, &["SAMEORIGIN", "DENY"]).map(|value| config.door.headers.frame_options = value)
        },
    ),
    Key::new(
        "headers.referrer_policy",
        "strict-origin-when-cross-origin",
        "`Referrer-Policy`, or `none`.",
        |config, given| one_of(given, &POLICIES).map(|value| config.door.headers.referrer_policy = value),
    ),
    Key::new(
        "headers.content_security_policy",
        "none",
        "`Content-Security-Policy`, or `none`.",
        |config, given| {
            header_value(&given.text()?).map(|value| config.door.headers.content_security_policy = value)
        },
    ),
    Key::new(
        "headers.strict_transport_security",
        "max-age=31536000",
        "`Strict-Transport-Security`, sent over TLS alone, or `none`.",
        |config, given| {
            let text = given.text()?;
            if text != NONE && !text.starts_with("max-age=") {
                return Err("expected max-age=…, or none".to_owned());
            }
            header_value(&text).map(|value| config.door.headers.strict_transport_security = value)
        },
    ),
];

/// Says that a header is not to be sent.
const NONE: &str = "none";

const POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

impl FrontDoor {
    /// What is wrong with it as a whole, under which key.
    pub(super) fn contradiction(&self) -> Option<(&'static str, Refusal)> {
        if !self.trust.networks.is_empty() && self.trust.hops > 0 {
            let why = "expected 0 where client.trusted_proxies names the proxies";
            return Some(("client.trusted_hops", why.to_owned()));
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            let (lacks, has) = match self.tls.key {
                Some(_) => ("tls.certificate", "tls.key"),
                None => ("tls.key", "tls.certificate"),
            };
            return Some((lacks, format!("expected a file, because {has} names one")));
        }
        let twice = self.limits.iter().enumerate().find(|(number, limit)| {
            self.limits[..*number].iter().any(|other| other.quota.name == limit.quota.name)
        });
        let (_, twice) = twice?;
        Some(("limit", format!("expected names that differ, found {} twice", twice.quota.name)))
    }
}

/// A network, or an address, which is a network of one.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let of_one = |address: IpAddr| IpNet::from(address.to_canonical());
    text.parse::<IpNet>().ok().or_else(|| text.parse().ok().map(of_one))
}

fn networks(given: &Given) -> Result<Vec<IpNet>, Refusal> {
    let one = |name: &String| {
        network(name).ok_or_else(|| {
            format!("expected networks or addresses, like 10.0.0.0/8 or 2001:db8::1, found {name}")
        })
    };
    given.names()?.iter().map(one).collect()
}

fn paths(given: &Given) -> Result<Vec<Wildcard>, Refusal> {
    let one = |path: &String| match path.starts_with(['/', '*']) {
        true => Ok(Wildcard::new(path)),
        false => Err(format!("expected paths, like /app/*, found {path}")),
    };
    given.names()?.iter().map(one).collect()
}

/// Empty for `*`.
fn cors_origins(given: &Given) -> Result<Vec<HeaderValue>, Refusal> {
    match given.names()?.as_slice() {
        [all] if all == "*" => Ok(Vec::new()),
        _ => exact_origins(given),
    }
}

fn exact_origins(given: &Given) -> Result<Vec<HeaderValue>, Refusal> {
    let one = |origin: &String| {
        let host = origin.split_once("://").map(|(_, host)| host).filter(|host| !host.is_empty());
        let exact = host.is_some_and(|host| !host.contains(['/', '*', '?', '#', '@', ' ']));
        let value = HeaderValue::try_from(origin).ok().filter(|_| exact);
        value.ok_or_else(|| format!("expected exact origins, like https://app.example, found {origin}"))
    };
    given.names()?.iter().map(one).collect()
}

fn one_of(given: &Given, words: &[&'static str]) -> Result<Option<HeaderValue>, Refusal> {
    let words: Vec<_> = words.iter().chain(&[NONE]).map(|word| (*word, *word)).collect();
    header_value(given.word(&words)?)
}

fn header_value(text: &str) -> Result<Option<HeaderValue>, Refusal> {
    if text == NONE {
        return Ok(None);
    }
    HeaderValue::try_from(text).map(Some).map_err(|_| "expected a header's value".to_owned())
}

#[cfg(test)]
mod tests;
