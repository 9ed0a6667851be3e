//! A body in other codings, each made once and kept beside it.
//!
//! Never decides when one is made, or on which thread: whoever keeps the body does.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::HeaderValue;

use super::tag::tag_of;
use super::{Accepted, Coding};

/// Smaller bodies stay as they are: with its head such a response fits into one packet anyway (1,460 bytes on
/// Ethernet), so that a coding would save the reader nothing.
const BODY_BYTES_MIN: usize = 1024;
/// What a variant takes besides its bytes, if it is the first of its answer.
const OVERHEAD_BYTES: usize = 128 + size_of::<Variants>();

/// A body in a coding.
#[derive(Debug)]
pub struct Variant {
    /// The coding.
    pub coding: Coding,
    /// The body in it.
    pub body: Bytes,
    /// Its tag, if the body as it is has one.
    pub etag: Option<HeaderValue>,
}

impl Variant {
    fn weight_bytes(&self) -> usize {
        self.body.len() + OVERHEAD_BYTES
    }
}

/// A body in other codings.
#[derive(Debug, Default)]
pub struct Variants {
    /// By [`Coding::place`]; none where it was tried and is not worth its memory.
    made: [OnceLock<Option<Variant>>; Coding::ALL.len()],
    /// A bit for each that somebody makes or has made.
    claimed: AtomicU8,
}

/// What to send of an answer, and what to make of it.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The best there is; none for the body as it is.
    pub variant: Option<&'a Variant>,
    /// A better one that nobody has tried to make.
    pub wanted: Option<Coding>,
}

impl Variants {
    /// Whether a body is large enough to have any.
    pub fn are_worth_it(body: &[u8]) -> bool {
        body.len() >= BODY_BYTES_MIN
    }

    /// For a client that accepts these codings.
    pub fn choose(&self, accepted: &Accepted) -> Choice<'_> {
        let mut wanted = None;
        for coding in accepted.preferred() {
            match self.made[coding.place()].get() {
                Some(Some(variant)) => return Choice { variant: Some(variant), wanted },
                Some(None) => {}
                None => wanted = wanted.or(Some(coding)),
            }
        }
        Choice { variant: None, wanted }
    }

    /// Makes the body in a coding, and keeps it if that saves a tenth and `charge` grants its bytes.
    pub fn make(
        &self,
        coding: Coding,
        body: &[u8],
        etag: Option<&HeaderValue>,
        charge: impl FnOnce(u64) -> bool,
    ) {
        // What cannot be coded is sent as it is, as is what hardly shrinks.
        let coded = coding.encode(body).ok().filter(|coded| coded.len() <= body.len() / 10 * 9);
        let variant = coded.map(|mut coded| {
            // What is charged is what is held.
            coded.shrink_to_fit();
            Variant { coding, body: coded.into(), etag: etag.map(|etag| tag_of(etag, Some(coding))) }
        });
        let granted = variant.filter(|variant| charge(variant.weight_bytes() as u64));
        // Claimed by this caller alone.
        let _ = self.made[coding.place()].set(granted);
    }

    /// Whether the caller is the first to make it.
    pub fn claim(&self, coding: Coding) -> bool {
        let bit = 1 << coding.place();
        self.claimed.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// The memory that all of them take.
    pub fn weight_bytes(&self) -> usize {
        let made = self.made.iter().filter_map(|made| made.get()?.as_ref());
        made.map(Variant::weight_bytes).sum()
    }
}
