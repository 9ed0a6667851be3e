//! Views that read as their owner, whom policies do not bind.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "definer-view",
    title: "Views that pass row-level security by",
    explanation: "\
        A view reads its tables as its owner does. Where the owner is not bound by their policies, whoever \
        may read the view sees every row. From PostgreSQL 15 on, security_invoker makes it read as whoever \
        asks.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("definer_view.sql"),
};
