//! Tables that are much larger than their rows.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "table-bloat",
    title: "Table bloat",
    explanation: "\
        Space that vacuum frees inside a table is reused, and not given back. A table twice as large as its \
        rows costs memory and makes every scan longer. VACUUM FULL gives it back and keeps everybody out \
        meanwhile; pg_repack and pg_squeeze do it while the app runs.",
    wins: &[Kpi::CacheMiss, Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("table_bloat.sql"),
};
