//! Sorts and hashes that spill to the disk.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "temporary-files",
    title: "Temporary files",
    explanation: "\
        What does not fit into work_mem is sorted on the disk. Often an index in the right order spares the \
        sort; else work_mem, for the role or the statement that needs it.",
    wins: &[Kpi::P95, Kpi::P99],
    remedy: Remedy::Manual,
    sql: include_str!("temporary_files.sql"),
};
