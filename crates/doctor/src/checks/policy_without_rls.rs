//! Tables that have policies and row-level security switched off.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "policy-without-rls",
    title: "Policies that do nothing",
    explanation: "\
        Policies decide nothing until row-level security is enabled on their table: whoever wrote them \
        believes that they hold.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("policy_without_rls.sql"),
};
