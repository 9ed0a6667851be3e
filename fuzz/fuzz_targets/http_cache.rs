//! Any bytes as the fields that decide what is kept; what must hold is in the tests of `gateway`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target asks one of its questions")]
#[path = "../../crates/gateway/tests/it/readers.rs"]
mod readers;

fuzz_target!(|input: &[u8]| readers::http_cache(input));
