//! What a cache that follows the log would need.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "logical-replication",
    title: "Readiness for logical replication",
    explanation: "\
        Courant's cache, and every other consumer of changes, reads the log in its logical form: wal_level \
        must be logical, a slot must be free, and tables need an identity for their updates to be told.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("logical_replication.sql"),
};
