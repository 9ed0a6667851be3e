//! Tables whose contents the planner does not know.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "stale-statistics",
    title: "Stale statistics",
    explanation: "\
        The planner chooses by what ANALYZE saw. A table that was never analyzed, or of which most rows have \
        changed since, is planned by guesses.",
    wins: &[Kpi::P95, Kpi::P99],
    remedy: Remedy::Maintenance,
    sql: include_str!("stale_statistics.sql"),
};
