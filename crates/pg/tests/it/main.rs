//! The crate's one integration test binary: every module against a real PostgreSQL.

// Under `cfg(test)`, clippy lets the functions that tests share unwrap, as tests may.
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod catalog_fixture;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod schema;
