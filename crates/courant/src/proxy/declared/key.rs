//! What an upstream's answer is kept under: the request as the upstream hears it, and whoever it is for.
//!
//! Everything that stands where the route says that users differ is part of it, as often as it stands there: a
//! cookie sent twice is another key than either alone.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use cache::{Key, KeyBuilder};
use gateway::source::Source;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};

use super::Declared;
use super::reads::with_said;
use crate::proxy::passage::Passage;

/// The key of a request of a declared route.
pub(super) fn of(passage: &Passage, declared: &Declared, body: &Bytes) -> Key {
    let head = &passage.head;
    let mut key = KeyBuilder::new().part("upstream").part(&*passage.route.label);
    // A body makes another request than none: a POST is never answered with what was kept of a GET.
    key = key.part(head.method.as_str()).part(passage.key.as_bytes());
    if declared.body_in_key {
        let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        key = key.part(kind).part(digest(&SHA256, body));
    }
    let everybody = [Source::Header(AUTHORIZATION), Source::Header(COOKIE)];
    let identity = declared.identity.as_deref().unwrap_or(&everybody);
    key = with_said(passage, |said| identity.iter().fold(key, |key, source| list(key, &source.all(said))));
    for name in declared.varied.read().iter() {
        let values: Vec<&[u8]> = head.headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        key = list(key.part(name.as_str()), &values);
    }
    key.build_in(declared.home)
}

fn list<T: AsRef<[u8]>>(key: KeyBuilder, values: &[T]) -> KeyBuilder {
    let counted = key.part((values.len() as u32).to_le_bytes());
    values.iter().fold(counted, |key, value| key.part(value))
}
