//! Settings under which a crash loses data.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "durability",
    title: "Durability",
    explanation: "\
        Without fsync or full_page_writes a power cut leaves a database that cannot be read. They are for \
        databases that can be made anew.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("durability.sql"),
};
