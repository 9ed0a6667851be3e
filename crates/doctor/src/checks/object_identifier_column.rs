//! Columns of types that pg_upgrade refuses.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "object-identifier-column",
    title: "Columns that stand in the way of an upgrade",
    explanation: "\
        Columns of type regclass, regproc and their kin hold numbers of this very cluster; pg_upgrade \
        refuses a database that has them.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("object_identifier_column.sql"),
};
