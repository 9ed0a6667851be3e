//! B-trees that are much larger than their entries.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "index-bloat",
    title: "Index bloat",
    explanation: "\
        Deletes and updates leave b-tree pages half empty, and they are only given back when whole pages run \
        empty. REINDEX CONCURRENTLY writes the index anew without keeping writers out. The size expected \
        here is an upper one, reckoned from the statistics without deduplication, so what is reported is \
        there.",
    wins: &[Kpi::Findings, Kpi::CacheMiss],
    remedy: Remedy::Maintenance,
    sql: include_str!("index_bloat.sql"),
};
