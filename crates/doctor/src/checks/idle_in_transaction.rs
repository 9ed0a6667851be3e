//! Sessions that hold a transaction open and do nothing.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "idle-in-transaction",
    title: "Idle in transaction",
    explanation: "\
        A transaction that waits for its client keeps its locks, and keeps vacuum from removing any row that \
        died since. idle_in_transaction_session_timeout ends such sessions.",
    wins: &[Kpi::DeadTuples],
    remedy: Remedy::Manual,
    sql: include_str!("idle_in_transaction.sql"),
};
