//! Indexes that nothing has read since the statistics began.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "unused-index",
    title: "Unused indexes",
    explanation: "\
        An index that is never read still costs every write, keeps updates from being HOT, and takes memory. \
        Statistics count this server only: where a replica streams from it the index may be read there, so \
        then it is told and not proposed. Nothing is said while the statistics are younger than --unused- \
        after.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Reversible,
    sql: include_str!("unused_index.sql"),
};
