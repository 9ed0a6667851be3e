//! The doctor against a real PostgreSQL: databases made sick on purpose, and healthy ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, wherever in it that is"
)]

mod asked;
mod fixture;
mod healthy;
mod killed;
mod limits;
mod sick_indexes;
mod sick_plans;
mod sick_rights;
mod sick_server;
mod sick_tables;
mod treated;
