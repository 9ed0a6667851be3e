//! The proof: the real [`crate::Cache`] against a model of PostgreSQL, through random schedules.
//!
//! Writers, the change stream, polls, fills and readers each take their steps in any order, any time apart.
//! Every hit is compared with what the database must have answered: it misses nothing acknowledged more
//! than the reader's bound before its start, and nothing that this node acknowledged. At the end of each
//! schedule everything is delivered, and then every entry must equal the database. Switching off any one
//! of the [`Rule`]s must make this fail. Single-threaded: what threads may interleave is split in steps.

mod database;
mod explore;
mod query;
mod random;
mod reading;
mod settle;
mod streaming;
mod world;
mod writing;

pub use crate::rules::{Rule, Rules};
pub use explore::{Coverage, Exploration, Violation, explore};

#[cfg(test)]
mod tests;
