//! Settings that leave memory unused, or promise more than there is.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "settings-memory",
    title: "Memory settings",
    explanation: "\
        The defaults suit a machine of twenty years ago. shared_buffers is commonly a quarter of the memory \
        and effective_cache_size three quarters; random_page_cost of 4 is a disk's, and 1.1 an SSD's, which \
        most servers have.",
    wins: &[Kpi::CacheMiss, Kpi::P95],
    remedy: Remedy::Manual,
    sql: include_str!("settings_memory.sql"),
};
