//! Very large tables that grow along a time.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "partitioning",
    title: "Partitioning candidates",
    explanation: "\
        Beyond a hundred million rows, maintenance takes hours and old rows can only be deleted one by one. \
        Partitioned by the time they grow along, they are dropped by the month. The statements proposed are \
        a beginning: the rows are moved by the app's owner, in a quiet hour.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("partitioning.sql"),
};
