//! What an upstream's answer is kept under: the request as the upstream hears it, and whoever it is for.
//!
//! Everything that stands where the route says that users differ is part of it, as often as it stands there: a
//! cookie sent twice is another key than either alone.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use cache::{Key, KeyBuilder};
use gateway::source::{Said, Source};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};

use super::Declared;
use super::reads::with_said;
use crate::proxy::passage::Passage;

/// The key of a request of a declared route.
pub(super) fn of(passage: &Passage, declared: &Declared, body: &Bytes) -> Key {
    let head = &passage.head;
    let mut key = passage.node.key_secret.key().part("upstream").part(passage.route.pattern.text());
    // A body makes another request than none: a POST is never answered with what was kept of a GET.
    key = key.part(head.method.as_str()).part(passage.key.as_bytes());
    if declared.body_in_key {
        let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        key = key.part(kind).part(digest(&SHA256, body));
    }
    key = with_said(passage, |said| who(key, declared.identity.as_deref(), said));
    for name in declared.varied.read().iter() {
        let values: Vec<&[u8]> = head.headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        key = list(key.part(name.as_str()), &values);
    }
    key.build_in(declared.home)
}

/// Who asks. Where nothing stands that the route tells users apart by, or a claim is of a token that nobody could
/// read, the app may know them by something else, and so whatever they can be known by counts.
fn who(mut key: KeyBuilder, identity: Option<&[Source]>, said: &Said<'_>) -> KeyBuilder {
    if identity.is_some_and(<[Source]>::is_empty) {
        // The same for all, its owner says.
        return key;
    }
    let identity = identity.unwrap_or_default();
    let found: Vec<_> = identity.iter().map(|source| (source, source.all(said))).collect();
    let is_unread =
        |(source, values): &(&Source, Vec<_>)| matches!(source, Source::Claim(_)) && values.is_empty();
    let is_known = found.iter().any(|(_, values)| !values.is_empty()) && !found.iter().any(is_unread);
    for (_, values) in &found {
        key = list(key, values);
    }
    if is_known {
        return key;
    }
    let everything = [Source::Header(AUTHORIZATION), Source::Header(COOKIE)];
    everything.iter().fold(key, |key, source| list(key, &source.all(said)))
}

fn list<T: AsRef<[u8]>>(key: KeyBuilder, values: &[T]) -> KeyBuilder {
    let counted = key.part((values.len() as u32).to_le_bytes());
    values.iter().fold(counted, |key, value| key.part(value))
}
