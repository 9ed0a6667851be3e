//! Tables that nobody but their owner can read.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "rls-without-policy",
    title: "Row-level security without a policy",
    explanation: "\
        With row-level security and no policy, everybody but the owner sees an empty table and may write \
        nothing. If that is meant, revoking the rights says it more plainly.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("rls_without_policy.sql"),
};
