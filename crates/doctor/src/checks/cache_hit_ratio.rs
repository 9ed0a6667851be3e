//! Reads that PostgreSQL's own buffers could not answer.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "cache-hit-ratio",
    title: "Cache hit ratio",
    explanation: "\
        Blocks that are not in shared_buffers come from the operating system or from the disk. Below 95 in \
        100 the working set does not fit, or queries read far more than they need: mend those first.",
    wins: &[Kpi::CacheMiss],
    remedy: Remedy::Manual,
    sql: include_str!("cache_hit_ratio.sql"),
};
