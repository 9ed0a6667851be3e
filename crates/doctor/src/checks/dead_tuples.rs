//! Tables in which autovacuum cannot keep up.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "dead-tuples",
    title: "Dead tuples",
    explanation: "\
        Updated and deleted rows stay until a vacuum removes them; scans read them, and indexes point at \
        them. A fifth of a table dead means that autovacuum is off, held back by an old transaction, or \
        asked too late.",
    wins: &[Kpi::DeadTuples, Kpi::P95],
    remedy: Remedy::Maintenance,
    sql: include_str!("dead_tuples.sql"),
};
