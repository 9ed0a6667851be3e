//! Several permissive policies for one command and role.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "multiple-policies",
    title: "Several permissive policies",
    explanation: "\
        Permissive policies are joined by OR and all of them are evaluated for each row. One policy with \
        both conditions is easier to read, and often lets an index be used.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("multiple_policies.sql"),
};
