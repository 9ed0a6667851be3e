//! Meta's webhooks, as WhatsApp's Cloud API sends them.
//!
//! A `GET` asks whether somebody is there, by a token. A `POST` is signed over its body in `X-Hub-Signature-256`, and
//! holds entries with changes with messages and statuses: each of these is an event of its own. Meta signs no time; what
//! is sent again is known by its event for as long as the inbox keeps it.

use serde_json::{Value, json};

use super::event::{self, Event, Malformed, hash};
use super::keyed::{Algorithm, Encoding, Keyed, Signed};
use super::{EVENTS_MAX, SecretKey, Unsigned, form};

/// Of the challenge, which goes back as it came.
const CHALLENGE_BYTES_MAX: usize = 200;

/// Of all events of a delivery together: what is said once of many stands in each.
const EVENTS_BYTES_MAX: usize = 16 << 20;

/// How it signs.
pub(super) fn signed() -> Keyed {
    Keyed {
        header: "x-hub-signature-256".to_owned(),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".to_owned(),
        signed: Signed::Body,
        timestamp_header: String::new(),
        id_header: String::new(),
        id_pointer: None,
        what_pointer: None,
    }
}

/// The answer to its question, if it knows the token.
pub(super) fn challenge(query: &str, verify_token: &SecretKey) -> Result<String, Unsigned> {
    let parameters = form::parameters(query.as_bytes()).ok_or(Unsigned::Missing)?;
    let value = |name| form::value(&parameters, name).ok_or(Unsigned::Missing);
    if !verify_token.is(value("hub.verify_token")?.as_bytes()) {
        return Err(Unsigned::Wrong);
    }
    let challenge = value("hub.challenge")?;
    let is_sound = value("hub.mode")? == "subscribe"
        && challenge.len() <= CHALLENGE_BYTES_MAX
        && challenge.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound { Ok(challenge.into_owned()) } else { Err(Unsigned::Missing) }
}

/// Each message and each status by itself, and each other change.
pub(super) fn events(body: &[u8]) -> Result<Vec<Event>, Malformed> {
    let (value, _) = event::object(body)?;
    let mut events = Gathered::default();
    for entry in array(&value, "entry")? {
        for change in array(entry, "changes")? {
            take_apart(entry, change, &mut events)?;
        }
    }
    Ok(events.all)
}

/// Events so far, and their size.
#[derive(Default)]
struct Gathered {
    all: Vec<Event>,
    bytes: usize,
}

impl Gathered {
    fn push(&mut self, id: &str, what: &str, payload: &Value) -> Result<(), Malformed> {
        let payload = payload.to_string();
        self.bytes += payload.len();
        if self.all.len() == EVENTS_MAX || self.bytes > EVENTS_BYTES_MAX {
            return Err(Malformed(format!(
                "expected at most {EVENTS_MAX} events, and {EVENTS_BYTES_MAX} bytes of them"
            )));
        }
        self.all.push(Event::new(id, what, payload));
        Ok(())
    }
}

fn take_apart(entry: &Value, change: &Value, events: &mut Gathered) -> Result<(), Malformed> {
    let before = events.all.len();
    let told = change.get("value").ok_or_else(|| Malformed("expected a value in each change".to_owned()))?;
    let around = |what: &str, inner: &Value| json!({ "account": entry.get("id"), "metadata": told.get("metadata"), what: inner });
    for message in optional_array(told, "messages")? {
        let id = event::text(message, "/id")
            .ok_or_else(|| Malformed("expected an id in each message".to_owned()))?;
        let from = message.get("from");
        let contacts = optional_array(told, "contacts")?;
        let mut payload = around("message", message);
        payload["contact"] = contacts.iter().find(|contact| contact.get("wa_id") == from).cloned().into();
        events.push(id, "message", &payload)?;
    }
    for status in optional_array(told, "statuses")? {
        let (id, state) = (event::text(status, "/id"), event::text(status, "/status"));
        let (Some(id), Some(state)) = (id, state) else {
            return Err(Malformed("expected an id and a status in each of the statuses".to_owned()));
        };
        events.push(&format!("{id}:{state}"), "status", &around("status", status))?;
    }
    if events.all.len() == before {
        let payload = json!({ "account": entry.get("id"), "time": entry.get("time"), "change": change });
        let what = event::text(change, "/field").unwrap_or_default();
        events.push(&hash(payload.to_string().as_bytes()), what, &payload)?;
    }
    Ok(())
}

fn array<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Malformed> {
    let found = value.get(name).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| Malformed(format!("expected an array called {name}")))
}

fn optional_array<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Malformed> {
    if value.get(name).is_none_or(Value::is_null) { Ok(&[]) } else { array(value, name) }
}
