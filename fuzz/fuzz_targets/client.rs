//! Any bytes as what proxies say of their clients; what must hold is in the tests of `gateway`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target asks one of its questions")]
#[path = "../../crates/gateway/tests/it/readers.rs"]
mod readers;

fuzz_target!(|input: (bool, u8, Vec<Vec<u8>>)| readers::client(input.0, input.1, &input.2));
