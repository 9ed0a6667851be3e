//! Columns that look secret, readable without row-level security.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "sensitive-column",
    title: "Sensitive columns",
    explanation: "\
        Columns called like a secret, in a table without row-level security that a role of an API may read. \
        The names are all that is looked at.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("sensitive_column.sql"),
};
