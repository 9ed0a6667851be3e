//! Indexes that are the beginning of a longer one.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "redundant-index",
    title: "Redundant indexes",
    explanation: "\
        A b-tree on (a) answers nothing that a b-tree on (a, b) of the same order does not, unless the \
        longer one is much larger. Reads lose next to nothing without it, and every write gains.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Reversible,
    sql: include_str!("redundant_index.sql"),
};
