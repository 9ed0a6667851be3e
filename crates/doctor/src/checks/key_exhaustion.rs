//! Sequences, and the integer columns they fill, that run out.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "key-exhaustion",
    title: "Keys near their end",
    explanation: "\
        A sequence that has reached its end, or the end of the integer column it fills, fails every insert. \
        Widening a large column rewrites the table, so it has to be planned while there is time.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("key_exhaustion.sql"),
};
