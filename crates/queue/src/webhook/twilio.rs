//! Twilio's webhooks: `X-Twilio-Signature`, HMAC-SHA1 over the address it called and its parameters in order.
//!
//! The parameters of a form are part of what is signed, one by one: they are told apart first, and nothing else is. A
//! body that is no form is signed by its hash, which stands in the address. Twilio signs no time.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use aws_lc_rs::{constant_time, digest, hmac};
use serde_json::{Map, Value};

use super::event::{self, Event, Malformed, hash};
use super::form::{self, Parameter};
use super::keyed::{Encoding, hex};
use super::{Delivery, SecretKey, Unsigned};

const BODY_HASH: &str = "bodySHA256";

/// Whether one of the secrets signed it.
pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[SecretKey]) -> Result<(), Unsigned> {
    let given = delivery.text("x-twilio-signature").ok_or(Unsigned::Missing)?;
    let signature = Encoding::Base64.decode(given).ok_or(Unsigned::Wrong)?;
    let parameters = match body_hash(delivery.url) {
        Some(expected) => {
            let found = hex(digest::digest(&digest::SHA256, delivery.body).as_ref());
            let expected = expected.to_ascii_lowercase();
            constant_time::verify_slices_are_equal(found.as_bytes(), expected.as_bytes())
                .map_err(|_| Unsigned::Wrong)?;
            Vec::new()
        }
        None => in_order(&form::parameters(delivery.body).ok_or(Unsigned::Wrong)?),
    };
    // Which port it names depends on who asks; the address itself must be the same.
    let held = addresses(delivery.url).iter().fold(false, |held, url| {
        let text = [url.as_bytes(), &parameters];
        held | secrets.iter().fold(false, |held, secret| {
            held | secret.signed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &text, &signature)
        })
    });
    if held { Ok(()) } else { Err(Unsigned::Wrong) }
}

/// Its one event: a message in each of its states, or whatever has these parameters.
pub(super) fn event(delivery: &Delivery<'_>) -> Result<Event, Malformed> {
    if body_hash(delivery.url).is_some() {
        let (_, payload) = event::object(delivery.body)?;
        return Ok(Event::new(&hash(delivery.body), "", payload));
    }
    let parameters = form::parameters(delivery.body).unwrap_or_default();
    let mut payload = Map::new();
    for (name, value) in &parameters {
        let text = |bytes: &Vec<u8>| {
            String::from_utf8(bytes.clone()).map_err(|_| Malformed("expected UTF-8".to_owned()))
        };
        payload.insert(text(name)?, Value::String(text(value)?));
    }
    let said = |name| form::value(&parameters, name).filter(|value| !value.is_empty());
    let message = said("MessageSid").or_else(|| said("SmsSid"));
    let state = said("MessageStatus").or_else(|| said("SmsStatus"));
    let call = said("RecordingSid").or_else(|| said("CallSid"));
    let (id, what) = match (message, state, call) {
        (Some(message), state, _) => {
            (format!("{message}:{}", state.as_deref().unwrap_or("received")), "message")
        }
        (None, _, Some(call)) => (format!("{call}:{}", hash(&in_order(&parameters))), "call"),
        (None, _, None) => (hash(&in_order(&parameters)), ""),
    };
    Ok(Event::new(&id, what, Value::Object(payload).to_string()))
}

/// Names with their values, both in the order of their bytes, each value once.
fn in_order(parameters: &[Parameter]) -> Vec<u8> {
    let mut sorted: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
    for (name, value) in parameters {
        sorted.entry(name).or_default().insert(value);
    }
    let pairs = sorted.iter().flat_map(|(name, values)| values.iter().flat_map(|value| [*name, *value]));
    pairs.flatten().copied().collect()
}

fn body_hash(url: &str) -> Option<&str> {
    let pairs = url.split_once('?')?.1.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == BODY_HASH).map(|(_, hash)| hash)
}

/// The address as it is, without its port, and with the one that its scheme has.
fn addresses(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    all.push(format!("{scheme}://{host}{target}"));
    all.push(format!("{scheme}://{host}:{port}{target}"));
    all
}
