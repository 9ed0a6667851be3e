//! Slots nobody reads, for which the log is kept.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "replication-slot",
    title: "Replication slots that hold the log",
    explanation: "\
        A slot keeps every byte of the log that its reader has not seen. Where the reader is gone, the log \
        grows until the disk is full.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("replication_slot.sql"),
};
