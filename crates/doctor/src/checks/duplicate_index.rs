//! Indexes that say what another index says.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "duplicate-index",
    title: "Duplicate indexes",
    explanation: "\
        Two indexes with the same columns, order, operators and condition answer the same queries; every \
        write pays for both. The one that a constraint stands on, or else the older one, stays.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Reversible,
    sql: include_str!("duplicate_index.sql"),
};
