//! Vapi's webhooks: a secret in a header, or a signature as its HMAC credentials make it.

use std::time::Duration;

use super::event::{self, Event, Malformed, hash};
use super::keyed::Keyed;
use super::{Delivery, SecretKey, Unsigned};

/// How its server was told to prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vapi {
    /// The secret itself stands in this header.
    Secret {
        /// In lower case.
        header: String,
    },
    /// It signs.
    Hmac(Keyed),
}

impl Vapi {
    pub(super) fn verify(
        &self,
        delivery: &Delivery<'_>,
        secrets: &[SecretKey],
        tolerance: Duration,
    ) -> Result<(), Unsigned> {
        match self {
            Vapi::Secret { header } => {
                let given = (delivery.header)(header).ok_or(Unsigned::Missing)?;
                // As some senders write it in `Authorization`.
                let given = given.strip_prefix(b"Bearer ").unwrap_or(given);
                match secrets.iter().fold(false, |held, secret| held | secret.is(given)) {
                    true => Ok(()),
                    false => Err(Unsigned::Wrong),
                }
            }
            Vapi::Hmac(keyed) => keyed.verify(delivery, secrets, tolerance),
        }
    }
}

/// Its one event: a call's end and each of its states is told once; of anything else, what is equal is the same.
pub(super) fn event(body: &[u8]) -> Result<Event, Malformed> {
    let (value, payload) = event::object(body)?;
    let what = event::text(&value, "/message/type")
        .ok_or_else(|| Malformed("expected a type in the message".to_owned()))?;
    let call = event::text(&value, "/message/call/id");
    let id = match (call, what, event::text(&value, "/message/status")) {
        (Some(call), "end-of-call-report", _) => format!("{call}:{what}"),
        (Some(call), "status-update", Some(status)) => format!("{call}:{what}:{status}"),
        _ => hash(body),
    };
    Ok(Event::new(&id, what, payload))
}
