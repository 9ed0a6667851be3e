//! Transactions that hold back vacuum.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "long-transaction",
    title: "Long transactions",
    explanation: "\
        No row that died after the oldest transaction began can be removed, in any table. Reports of hours \
        belong on a replica.",
    wins: &[Kpi::DeadTuples],
    remedy: Remedy::Manual,
    sql: include_str!("long_transaction.sql"),
};
