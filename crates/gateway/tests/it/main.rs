//! What the gateway reads from outside, under random input.

// Under `cfg(test)`, clippy lets the functions that tests share unwrap, as tests may.
#[cfg(test)]
mod random;
#[cfg(test)]
mod readers;
