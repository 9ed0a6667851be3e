//! Policies whose condition is always true.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "policy-always-true",
    title: "Policies that allow everything",
    explanation: "\
        A write policy that is always true lets each of its roles change every row. One for reading shows \
        every row to them: right for a public directory, wrong for people.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("policy_always_true.sql"),
};
