//! The binary's one integration test binary: what it does when run.

// Under `cfg(test)`, clippy lets the functions that tests share unwrap, as tests may.
#[cfg(test)]
mod command;
