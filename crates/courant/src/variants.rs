//! Bodies in other codings: made once for an answer that is kept, beside the requests, and never for one of
//! them.
//!
//! A hit that would like a coding that is not there yet is sent what there is, and the coding is made
//! afterwards, on a thread that answers nobody. While such a thread is busy nothing waits for it: the next hit
//! asks again. What is made belongs to the answer, weighs on its entry in the cache, and goes with it.

use std::sync::Arc;

use cache::Key;
use gateway::coding::{Accepted, Coding, Variants};
use gateway::http_cache::{self, Stored};
use http::HeaderMap;

use crate::answer::Answer;
use crate::node::Node;

/// Bodies that are coded at once: more would take the processor from those who are waiting for an answer.
pub(crate) const AT_ONCE: usize = 1;

/// Has made, after a hit, what its client would rather have been sent. Never waits.
pub(crate) fn order(node: &Node, key: &Key, answer: &Answer, request: &HeaderMap) {
    if !answer.has_variants() {
        return;
    }
    let Some(coding) = answer.wanted(&Accepted::of(request)) else { return };
    let Some(variants) = answer.variants() else { return };
    press(node, coding, variants, || {
        let (cache, key, answer) = (Arc::clone(&node.cache), *key, answer.clone());
        move || answer.make(coding, |bytes| cache.charge(&key, |kept| kept.is_one_with(&answer), bytes))
    });
}

/// The same of what HTTP let us keep.
pub(crate) fn order_kept(node: &Arc<Node>, key: &http_cache::Key, stored: &Arc<Stored>, request: &HeaderMap) {
    let Some(variants) = stored.variants() else { return };
    let Some(coding) = variants.choose(&Accepted::of(request)).wanted else { return };
    press(node, coding, variants, || {
        let (node, key, stored) = (Arc::clone(node), key.clone(), Arc::clone(stored));
        let variants = Arc::clone(variants);
        move || stored.make(coding, |bytes| node.proxy.charge(&key, &variants, bytes))
    });
}

/// Has a coding made by whoever is the first to want it, if a thread is free for it.
fn press<M: FnOnce() + Send + 'static>(
    node: &Node,
    coding: Coding,
    variants: &Variants,
    making: impl FnOnce() -> M,
) {
    let Ok(place) = Arc::clone(&node.press).try_acquire_owned() else { return };
    if !variants.claim(coding) {
        return;
    }
    let make = making();
    node.tasks.spawn_blocking(move || {
        make();
        drop(place);
    });
}
