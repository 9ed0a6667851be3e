//! Two requests as the keys of what is kept, and two lists of parts as keys of the cache: equal only where nothing differs.
#![no_main]

use cache::KeyBuilder;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target asks one of its questions")]
#[path = "../../crates/gateway/tests/it/readers.rs"]
mod readers;

fuzz_target!(|input: ([&str; 4], [&str; 4], Vec<&[u8]>, Vec<&[u8]>)| {
    let (one, other, parts, others) = input;
    readers::key(one, other);
    let key = |parts: &[&[u8]]| parts.iter().fold(KeyBuilder::new(), |key, part| key.part(part)).build();
    assert_eq!(key(&parts) == key(&others), parts == others);
    assert_eq!(key(&parts).parts().collect::<Vec<_>>(), parts);
});
