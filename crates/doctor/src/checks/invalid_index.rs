//! Indexes that every write keeps up and no read may use.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "invalid-index",
    title: "Invalid indexes",
    explanation: "\
        A CREATE INDEX CONCURRENTLY that was interrupted leaves its index behind: invalid, so that no query \
        uses it, and still written by every insert and update. Drop it and build it again.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Reversible,
    sql: include_str!("invalid_index.sql"),
};
