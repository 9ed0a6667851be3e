//! Tables whose rows have no name.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "no-primary-key",
    title: "Tables without a primary key",
    explanation: "\
        Without a key a row cannot be told from another: logical replication refuses its updates, an API \
        cannot address it, and duplicates stay unnoticed.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("no_primary_key.sql"),
};
