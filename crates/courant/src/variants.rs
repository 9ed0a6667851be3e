//! Bodies in other codings: made once for an answer that is kept, beside the requests, and never for one of
//! them.
//!
//! A hit that would like a coding that is not there yet is sent what there is, and the coding is made
//! afterwards, on a thread that answers nobody. While such a thread is busy nothing waits for it: the next hit
//! asks again. What is made belongs to the answer, weighs on its entry in the cache, and goes with it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cache::Key;
use http::{HeaderMap, HeaderValue};

use crate::answer::Answer;
use crate::encoding::{Accepted, Coding};
use crate::node::Node;
use crate::validator::tag_of;

/// Bodies that are coded at once: more would take the processor from those who are waiting for an answer.
pub(crate) const AT_ONCE: usize = 1;
/// Smaller bodies stay as they are: with its head such a response fits into one packet anyway (1,460 bytes on
/// Ethernet), so that a coding would save the reader nothing.
const BODY_BYTES_MIN: usize = 1024;
/// What a variant takes besides its bytes, if it is the first of its answer.
const OVERHEAD_BYTES: usize = 128 + size_of::<Variants>();

/// A body in a coding.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) coding: Coding,
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

/// An answer's body in other codings.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    /// By [`Coding::place`]; none where it was tried and is not worth its memory.
    made: [OnceLock<Option<Variant>>; Coding::ALL.len()],
    /// A bit for each that somebody makes or has made.
    claimed: AtomicU8,
}

/// What to send of an answer, and what to make of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    /// The best there is; none for the body as it is.
    pub(crate) variant: Option<&'a Variant>,
    /// A better one that nobody has tried to make.
    pub(crate) wanted: Option<Coding>,
}

impl Variants {
    /// Whether a body is large enough to have any.
    pub(crate) fn are_worth_it(body: &[u8]) -> bool {
        body.len() >= BODY_BYTES_MIN
    }

    /// For a client that accepts these codings.
    pub(crate) fn choose(&self, accepted: &Accepted) -> Choice<'_> {
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
    pub(crate) fn make(
        &self,
        coding: Coding,
        body: &[u8],
        etag: &HeaderValue,
        charge: impl FnOnce(u64) -> bool,
    ) {
        // What cannot be coded is sent as it is, as is what hardly shrinks.
        let coded = coding.encode(body).ok().filter(|coded| coded.len() <= body.len() / 10 * 9);
        let granted = coded.filter(|coded| charge((coded.len() + OVERHEAD_BYTES) as u64));
        let variant = granted.map(|mut coded| {
            // What is charged is what is held.
            coded.shrink_to_fit();
            Variant { coding, body: coded.into(), etag: tag_of(etag, Some(coding)) }
        });
        // Claimed by this caller alone.
        let _ = self.made[coding.place()].set(variant);
    }

    /// Whether the caller is the first to make it.
    fn claim(&self, coding: Coding) -> bool {
        let bit = 1 << coding.place();
        self.claimed.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }
}

/// Has made, after a hit, what its client would rather have been sent. Never waits.
pub(crate) fn order(node: &Node, key: &Key, answer: &Answer, request: &HeaderMap) {
    if !answer.has_variants() {
        return;
    }
    let Some(coding) = answer.wanted(&Accepted::of(request)) else { return };
    let Ok(place) = Arc::clone(&node.press).try_acquire_owned() else { return };
    if !answer.variants().is_some_and(|variants| variants.claim(coding)) {
        return;
    }
    let (cache, key, answer) = (Arc::clone(&node.cache), *key, answer.clone());
    node.tasks.spawn_blocking(move || {
        answer.make(coding, |bytes| cache.charge(&key, |kept| kept.is_one_with(&answer), bytes));
        drop(place);
    });
}
