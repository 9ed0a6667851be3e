//! Tables that everybody, or a role of an API, may write without row-level security.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "exposed-table",
    title: "Tables open to strangers",
    explanation: "\
        What PUBLIC, or a role that an API takes on for its callers, may write without row-level security, \
        anybody who can call may write. Roles of an API are those named by --exposed, and those granted to a \
        login that inherits nothing, which is how such gateways log in.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("exposed_table.sql"),
};
