//! Stripe's webhooks: `Stripe-Signature: t=…,v1=…`, over the time, a dot, and the body.

use std::time::Duration;

use super::event::{self, Event, Malformed};
use super::keyed::{Algorithm, Encoding};
use super::{Delivery, SecretKey, Unsigned, is_timely};

/// Signatures in one header: one for each secret that holds there.
const SIGNATURES_MAX: usize = 16;

/// Whether one of the secrets signed it, in time.
pub(super) fn verify(
    delivery: &Delivery<'_>,
    secrets: &[SecretKey],
    tolerance: Duration,
) -> Result<(), Unsigned> {
    let header = delivery.text("stripe-signature").ok_or(Unsigned::Missing)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let timestamp = parts().find(|(name, _)| *name == "t").ok_or(Unsigned::Missing)?.1;
    let signatures = parts().filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX);
    let signatures = signatures.filter_map(|(_, text)| Encoding::Hex.decode(text));
    let text = [timestamp.as_bytes(), b".", delivery.body];
    let algorithm = Algorithm::Sha256.of();
    let held = signatures.fold(false, |held, signature| {
        held | secrets.iter().fold(false, |held, secret| held | secret.signed(algorithm, &text, &signature))
    });
    match held {
        false => Err(Unsigned::Wrong),
        true if !is_timely(timestamp, delivery.at, tolerance) => Err(Unsigned::Stale),
        true => Ok(()),
    }
}

/// Its one event.
pub(super) fn event(body: &[u8]) -> Result<Event, Malformed> {
    let (value, payload) = event::object(body)?;
    let id = event::text(&value, "/id").ok_or_else(|| Malformed("expected an id".to_owned()))?;
    let what = event::text(&value, "/type").unwrap_or_default();
    Ok(Event::new(id, what, payload))
}
