//! Materialized views and foreign tables that a role of an API may read.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "unprotected-relation",
    title: "What row-level security cannot protect",
    explanation: "\
        Materialized views and foreign tables have no row-level security: whoever may select from them sees \
        every row.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("unprotected_relation.sql"),
};
