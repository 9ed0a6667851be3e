//! `queue` against a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod chains;
mod claims;
mod crowd;
mod ends;
mod fixture;
mod handlers;
mod pinned;
mod rights;
mod unique;
mod webhooks;
