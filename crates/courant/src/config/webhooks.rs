//! `[[webhook]]`: which addresses take webhooks, who sends them, and which jobs they become.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Uri};
use queue::webhook::{Algorithm, Destination, Encoding, Keyed, Provider, SecretKey, Signed, Vapi, Verifier};

use super::given::{Given, Refusal};
use super::keys::{DAY_MS, Key, MIB};
use super::tables::{Table, only, text, within, word};

/// Paths are labels of metrics.
const TABLES_MAX: usize = 200;
/// Shorter ones can be guessed; every provider's own are longer.
const SECRET_BYTES_MIN: usize = 16;
/// What precedes the secrets of Standard Webhooks, which are written in base64.
const STANDARD_PREFIX: &str = "whsec_";

/// What is done about webhooks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) addresses: Vec<Webhook>,
    pub(crate) inbox_kept: Duration,
}

/// An address of `[[webhook]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) verifier: Verifier,
    pub(crate) destination: Destination,
    /// The address as its sender calls it, without a query; none: as the request says.
    pub(crate) public_url: Option<String>,
    pub(crate) body_bytes_max: usize,
}

/// The keys, in the order of the reference page.
pub(super) const KEYS: [Key; 2] = [
    Key::new(
        "webhook",
        "none",
        "The addresses that take webhooks and make jobs of them: tables `[[webhook]]` with `path`, `provider` and \
         `secret` (see below, and [webhooks.md](webhooks.md)). Only in the file.",
        |config, given| given.tables("webhook", webhook).map(|all| config.webhooks.addresses = all),
    )
    .unset(),
    Key::new(
        "webhooks.inbox_kept_ms",
        "2592000000",
        "For how long an event that came is known as the same if it comes again (30 days); Meta sends for 7.",
        |config, given| {
            given.milliseconds(DAY_MS..=3650 * DAY_MS).map(|time| config.webhooks.inbox_kept = time)
        },
    ),
];

/// The keys of a `[[webhook]]`.
const KNOWN: [&str; 18] = [
    "path",
    "provider",
    "secret",
    "verify_token",
    "kind",
    "queue",
    "public_url",
    "body_bytes_max",
    "tolerance_ms",
    "header",
    "algorithm",
    "encoding",
    "prefix",
    "signs",
    "timestamp_header",
    "id_header",
    "event_id",
    "event_type",
];
/// Those that say how a body is signed: from `header` on.
const KEYED: &[&str] = KNOWN.split_at(9).1;

impl Webhooks {
    /// What is wrong with the tables together, and where.
    pub(super) fn contradiction(&self, has_queue: bool) -> Option<(&'static str, String)> {
        if self.addresses.len() > TABLES_MAX {
            return Some(("webhook", format!("expected at most {TABLES_MAX} of [[webhook]]")));
        }
        if !self.addresses.is_empty() && !has_queue {
            let why = "expected a [[queue]] too: a webhook becomes a job";
            return Some(("webhook", why.to_owned()));
        }
        let mut seen = BTreeSet::new();
        let mut paths = self.addresses.iter().map(|webhook| &webhook.destination.path);
        let twice = paths.find(|path| !seen.insert(*path))?;
        Some(("webhook", format!("found {twice} twice")))
    }
}

fn webhook(table: &Table) -> Result<Webhook, Refusal> {
    only(table, "a webhook", &KNOWN)?;
    let path = text(table, "path")?.ok_or("each webhook has a path, like \"/hooks/whatsapp\"")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.~".contains(c);
    if !path.starts_with('/') || path.len() > 200 || !path.chars().all(plain) || path.contains("/.") {
        return Err(format!("path: expected one like \"/hooks/whatsapp\", found {path:?}"));
    }
    let named = |refusal: Refusal| format!("{path}: {refusal}");
    let verifier = verifier(table).map_err(named)?;
    let name = verifier.name();
    let kind = text(table, "kind")?.unwrap_or_else(|| name.to_owned());
    if kind.chars().count() > 100 {
        return Err(named("kind: expected at most 100 characters".to_owned()));
    }
    let queue = text(table, "queue")?.unwrap_or_else(|| "default".to_owned());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if queue.len() > 63 || !queue.chars().all(plain) {
        return Err(named(format!("queue: expected at most 63 of a-z, 0-9, _ and -, found {queue:?}")));
    }
    let body_bytes_max = table.get("body_bytes_max").map(|given| given.count(1..=16 * MIB)).transpose();
    let body_bytes_max = body_bytes_max.map_err(within("body_bytes_max")).map_err(named)?;
    Ok(Webhook {
        public_url: text(table, "public_url")?.map(public_url).transpose().map_err(named)?,
        body_bytes_max: body_bytes_max.unwrap_or(MIB as usize),
        destination: Destination { provider: name, kind, queue, path },
        verifier,
    })
}

fn verifier(table: &Table) -> Result<Verifier, Refusal> {
    let provider = text(table, "provider")?.ok_or("each webhook has a provider")?;
    let keyed = KEYED.iter().copied().find(|key| table.contains_key(*key));
    let made = match (provider.as_str(), keyed) {
        ("whatsapp" | "twilio" | "stripe", Some(key)) => {
            return Err(format!("{key}: {provider} says itself how it signs"));
        }
        ("whatsapp", None) => {
            let token = table.get("verify_token").ok_or("whatsapp has a verify_token too, of your choice")?;
            Provider::WhatsApp {
                verify_token: SecretKey::new(secret(token).map_err(within("verify_token"))?),
            }
        }
        ("twilio", None) => Provider::Twilio,
        ("stripe", None) => Provider::Stripe,
        ("vapi", _) if table.contains_key("algorithm") => Provider::Vapi(Vapi::Hmac(signature(table, true)?)),
        ("vapi", Some(key)) if key != "header" => {
            return Err(format!(
                "{key}: expected with algorithm: else the secret itself stands in the header"
            ));
        }
        ("vapi", _) => {
            let header = header(table, "header")?.unwrap_or_else(|| "x-vapi-secret".to_owned());
            Provider::Vapi(Vapi::Secret { header })
        }
        ("hmac", _) => Provider::Hmac(signature(table, false)?),
        _ => {
            return Err(format!(
                "provider: expected one of whatsapp, twilio, vapi, stripe, hmac, found {provider:?}"
            ));
        }
    };
    if table.contains_key("verify_token") && !matches!(made, Provider::WhatsApp { .. }) {
        return Err("verify_token: is for whatsapp".to_owned());
    }
    if table.contains_key("public_url") && made != Provider::Twilio {
        return Err("public_url: is for twilio, which signs it".to_owned());
    }
    let tolerance = table.get("tolerance_ms").map(|given| given.milliseconds(1000..=DAY_MS)).transpose();
    let tolerance = tolerance.map_err(within("tolerance_ms"))?.unwrap_or(Duration::from_secs(300));
    let is_standard = matches!(made, Provider::Hmac(_));
    Ok(Verifier { provider: made, secrets: secrets(table, is_standard)?, tolerance })
}

/// How a body is signed: as Vapi's credentials do where nothing is said, or else plainly.
fn signature(table: &Table, is_vapi: bool) -> Result<Keyed, Refusal> {
    let algorithms =
        [("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512), ("sha1", Algorithm::Sha1)];
    let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let signs = [
        ("body", Signed::Body),
        ("timestamp.body", Signed::TimestampBody),
        ("id.timestamp.body", Signed::IdTimestampBody),
    ];
    let usual = if is_vapi { Signed::TimestampBody } else { Signed::Body };
    let signed = word(table, "signs", &signs)?.unwrap_or(usual);
    let or = |key, usual: Option<&str>| {
        let given = header(table, key)?.or_else(|| usual.map(str::to_owned));
        given.ok_or_else(|| format!("{key}: expected the name of a header"))
    };
    let (timestamp_header, id_header) = match signed {
        Signed::Body => (String::new(), String::new()),
        Signed::TimestampBody => (or("timestamp_header", is_vapi.then_some("x-timestamp"))?, String::new()),
        Signed::IdTimestampBody => (or("timestamp_header", None)?, or("id_header", None)?),
    };
    for (key, used) in [("timestamp_header", &timestamp_header), ("id_header", &id_header)] {
        if used.is_empty() && table.contains_key(key) {
            return Err(format!("{key}: counts for nothing unless it is signed: see signs"));
        }
    }
    let pointer = |key| match text(table, key)? {
        Some(pointer) if !pointer.starts_with('/') => {
            Err(format!("{key}: expected a JSON pointer like /data/id, found {pointer:?}"))
        }
        pointer => Ok(pointer),
    };
    Ok(Keyed {
        header: or("header", is_vapi.then_some("x-signature"))?,
        algorithm: word(table, "algorithm", &algorithms)?.unwrap_or_default(),
        encoding: word(table, "encoding", &encodings)?.unwrap_or_default(),
        prefix: text(table, "prefix")?.unwrap_or_default(),
        signed,
        timestamp_header,
        id_header,
        id_pointer: pointer("event_id")?,
        what_pointer: pointer("event_type")?,
    })
}

fn header(table: &Table, key: &'static str) -> Result<Option<String>, Refusal> {
    let Some(name) = text(table, key)? else { return Ok(None) };
    let parsed = HeaderName::try_from(&name);
    parsed
        .map(|name| Some(name.as_str().to_owned()))
        .map_err(|_| format!("{key}: {name:?} is no header's name"))
}

fn secrets(table: &Table, is_standard: bool) -> Result<Vec<SecretKey>, Refusal> {
    let given = match table.get("secret") {
        Some(Given::List(texts)) => texts.iter().map(|text| Given::Text(text.clone())).collect(),
        Some(given) => vec![given.clone()],
        None => Vec::new(),
    };
    if given.is_empty() {
        return Err("each webhook has a secret, or several while one is replaced".to_owned());
    }
    let read = |given: &Given| {
        let text = secret(given)?;
        let bytes = match text.strip_prefix(STANDARD_PREFIX).filter(|_| is_standard) {
            Some(written) => {
                STANDARD.decode(written).map_err(|_| "expected base64 after whsec_".to_owned())?
            }
            None => text.into_bytes(),
        };
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(format!("expected {SECRET_BYTES_MIN} bytes or more, found {}", bytes.len()));
        }
        Ok(SecretKey::new(bytes))
    };
    given.iter().map(read).collect::<Result<_, _>>().map_err(within("secret"))
}

/// Itself, what is in the file that it names as `@path`, or in the variable that it names as `$NAME`.
fn secret(given: &Given) -> Result<String, Refusal> {
    match given {
        Given::Text(text) if text.starts_with('$') => {
            let name = &text[1..];
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("the environment has no {name}"))
        }
        given => given.secret(),
    }
}

fn public_url(text: String) -> Result<String, Refusal> {
    let uri: Option<Uri> = text.parse().ok();
    let is_address = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    let wrong =
        || format!("public_url: expected an address like https://example.com/hooks/twilio, found {text:?}");
    if is_address { Ok(text) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests;
