//! Large tables that are read from end to end again and again.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "sequential-scans",
    title: "Sequential scans of large tables",
    explanation: "\
        A sequential scan of a large table is right for a report, and wrong for a page. Where a table of \
        10,000 rows or more is read whole a hundred times and more, an index is missing, or a query defeats \
        the one that is there.",
    wins: &[Kpi::P50, Kpi::P95, Kpi::P99, Kpi::NonIndex, Kpi::CacheMiss],
    remedy: Remedy::Manual,
    sql: include_str!("sequential_scans.sql"),
};
