//! Signatures by a key: the HMAC of a text that holds the body, in a header.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::event::{self, Event, Malformed, hash};
use super::{Delivery, SecretKey, Unsigned, is_timely};

/// Signatures in one header, of which one must hold; more would be work for nothing.
const SIGNATURES_MAX: usize = 16;

/// By which function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
    /// HMAC-SHA1, which no attack on SHA-1 touches.
    Sha1,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// In hexadecimal digits.
    #[default]
    Hex,
    /// In base64, padded.
    Base64,
}

/// What is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// The body.
    #[default]
    Body,
    /// The time, a dot, and the body.
    TimestampBody,
    /// The event's name, a dot, the time, a dot, and the body, as Standard Webhooks say.
    IdTimestampBody,
}

/// How one provider signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// The signature's header, in lower case; several stand in it with spaces between.
    pub header: String,
    /// By which function.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// What stands before it.
    pub prefix: String,
    /// What is signed.
    pub signed: Signed,
    /// The header of the time, where that is signed.
    pub timestamp_header: String,
    /// The header of the event's name, where that is signed.
    pub id_header: String,
    /// Where the body, as JSON, names the event: a pointer like `/id`. Else the signed header names it, or its hash.
    pub id_pointer: Option<String>,
    /// Where it says of which kind the event is.
    pub what_pointer: Option<String>,
}

impl Keyed {
    /// Whether one of the secrets signed it, in time.
    pub(super) fn verify(
        &self,
        delivery: &Delivery<'_>,
        secrets: &[SecretKey],
        tolerance: Duration,
    ) -> Result<(), Unsigned> {
        let given = delivery.text(&self.header).ok_or(Unsigned::Missing)?;
        let part = |name: &str| delivery.text(name).ok_or(Unsigned::Missing);
        let (id, timestamp) = match self.signed {
            Signed::Body => ("", None),
            Signed::TimestampBody => ("", Some(part(&self.timestamp_header)?)),
            Signed::IdTimestampBody => (part(&self.id_header)?, Some(part(&self.timestamp_header)?)),
        };
        let before = match (self.signed, timestamp) {
            (Signed::IdTimestampBody, Some(timestamp)) => format!("{id}.{timestamp}."),
            (_, Some(timestamp)) => format!("{timestamp}."),
            (_, None) => String::new(),
        };
        let signatures = given.split(' ').filter_map(|text| text.strip_prefix(&self.prefix));
        let signatures = signatures.take(SIGNATURES_MAX).filter_map(|text| self.encoding.decode(text));
        let text = [before.as_bytes(), delivery.body];
        let algorithm = self.algorithm.of();
        let held = signatures.fold(false, |held, signature| {
            held | secrets
                .iter()
                .fold(false, |held, secret| held | secret.signed(algorithm, &text, &signature))
        });
        match timestamp {
            _ if !held => Err(Unsigned::Wrong),
            Some(timestamp) if !is_timely(timestamp, delivery.at, tolerance) => Err(Unsigned::Stale),
            _ => Ok(()),
        }
    }

    /// The one event of a delivery.
    pub(super) fn event(&self, delivery: &Delivery<'_>) -> Result<Event, Malformed> {
        let (value, payload) = event::object(delivery.body)?;
        let what = self.what_pointer.as_deref().and_then(|pointer| event::text(&value, pointer));
        let what = what.unwrap_or_default();
        let id = match (&self.id_pointer, self.signed) {
            (Some(pointer), _) => {
                let found = value.pointer(pointer).filter(|found| found.is_string() || found.is_number());
                let found =
                    found.ok_or_else(|| Malformed(format!("expected text or a number at {pointer}")))?;
                found.as_str().map_or_else(|| found.to_string(), str::to_owned)
            }
            (None, Signed::IdTimestampBody) => delivery.text(&self.id_header).unwrap_or_default().to_owned(),
            (None, _) => hash(delivery.body),
        };
        Ok(Event::new(&id, what, payload))
    }
}

impl Algorithm {
    pub(super) fn of(self) -> hmac::Algorithm {
        match self {
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        }
    }
}

impl Encoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Encoding::Hex => unhex(text),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

/// In hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
