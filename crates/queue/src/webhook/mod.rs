//! Webhooks: who sent one, which events it carries, and keeping each of them once together with its job.
//!
//! [`Verifier`] is pure: it checks a signature on the raw body before anything of it is read, and then takes the events
//! apart. [`Inbox`] writes them. What decides which event one is was signed by its sender, so that nobody who captured a
//! request can send it again as another. Knows nothing of sockets; what came is handed in as a [`Delivery`].

mod event;
mod form;
mod inbox;
mod keyed;
mod meta;
mod secret;
mod stripe;
mod twilio;
mod vapi;

use std::time::{Duration, SystemTime};

pub use event::{Event, Malformed};
pub use inbox::{Accepted, Destination, Inbox, NotKept};
pub use keyed::{Algorithm, Encoding, Keyed, Signed};
pub use secret::SecretKey;
pub use vapi::Vapi;

/// Events in one delivery; Meta's batches hold up to a thousand.
const EVENTS_MAX: usize = 1000;

/// A webhook as it came.
pub struct Delivery<'a> {
    /// The address that its sender called, with its query.
    pub url: &'a str,
    /// A header's first value, by its name in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// Its body, not a byte changed.
    pub body: &'a [u8],
    /// When it came.
    pub at: SystemTime,
}

impl<'a> Delivery<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        (self.header)(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// Who sends, and what that means for signatures and events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Meta: WhatsApp, with the token of its subscription.
    WhatsApp {
        /// What its `GET` must bring.
        verify_token: SecretKey,
    },
    /// Twilio: calls and text messages.
    Twilio,
    /// Vapi: calls of a voice assistant.
    Vapi(Vapi),
    /// Stripe, and whoever signs as it does.
    Stripe,
    /// Whoever signs the body, or a text with it, by a key that both sides know.
    Hmac(Keyed),
}

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header that it needs is missing, or cannot be read.
    #[error("it has no signature")]
    Missing,
    /// It was signed by another key, or changed.
    #[error("its signature is wrong")]
    Wrong,
    /// It was signed too long ago, or in the future.
    #[error("it was signed outside the time that is tolerated")]
    Stale,
}

/// Checks deliveries of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// Who sends.
    pub provider: Provider,
    /// Any of these signs: while a key is replaced, both hold.
    pub secrets: Vec<SecretKey>,
    /// How far a signed time may be from now, either way.
    pub tolerance: Duration,
}

impl Verifier {
    /// Whether one of the secrets signed it, in time.
    pub fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Unsigned> {
        let secrets = &self.secrets;
        match &self.provider {
            Provider::WhatsApp { .. } => meta::signed().verify(delivery, secrets, self.tolerance),
            Provider::Twilio => twilio::verify(delivery, secrets),
            Provider::Vapi(vapi) => vapi.verify(delivery, secrets, self.tolerance),
            Provider::Stripe => stripe::verify(delivery, secrets, self.tolerance),
            Provider::Hmac(keyed) => keyed.verify(delivery, secrets, self.tolerance),
        }
    }

    /// What it tells of. To be asked of what was verified only.
    pub fn events(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>, Malformed> {
        Ok(match &self.provider {
            Provider::WhatsApp { .. } => meta::events(delivery.body)?,
            Provider::Twilio => vec![twilio::event(delivery)?],
            Provider::Vapi(_) => vec![vapi::event(delivery.body)?],
            Provider::Stripe => vec![stripe::event(delivery.body)?],
            Provider::Hmac(keyed) => vec![keyed.event(delivery)?],
        })
    }

    /// The answer to a `GET` by which a provider asks whether somebody is there; none where it does not ask so.
    pub fn challenge(&self, query: &str) -> Option<Result<String, Unsigned>> {
        match &self.provider {
            Provider::WhatsApp { verify_token } => Some(meta::challenge(query, verify_token)),
            _ => None,
        }
    }

    /// The provider's name, as it is configured.
    pub fn name(&self) -> &'static str {
        match &self.provider {
            Provider::WhatsApp { .. } => "whatsapp",
            Provider::Twilio => "twilio",
            Provider::Vapi(_) => "vapi",
            Provider::Stripe => "stripe",
            Provider::Hmac(_) => "hmac",
        }
    }
}

/// Whether a time in seconds or milliseconds since 1970 is near enough to now.
fn is_timely(text: &str, at: SystemTime, tolerance: Duration) -> bool {
    // Beyond this, seconds would be of the year 5138: so they are milliseconds.
    const SECONDS_MAX: u64 = 100_000_000_000;
    let Ok(number) = text.trim().parse::<u64>() else { return false };
    let signed =
        if number > SECONDS_MAX { Duration::from_millis(number) } else { Duration::from_secs(number) };
    let now = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.abs_diff(signed) <= tolerance
}

#[cfg(test)]
mod tests;
