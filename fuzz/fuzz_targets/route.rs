//! Any text as a route's pattern and any path; what must hold is in the tests of `gateway`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target asks one of its questions")]
#[path = "../../crates/gateway/tests/it/readers.rs"]
mod readers;

fuzz_target!(|input: (&str, &str, &str)| readers::route(input.0, input.1, input.2));
