//! How far transaction numbers are from running out.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "wraparound",
    title: "Transaction wraparound",
    explanation: "\
        Transaction numbers are 32 bits and come round. Vacuum freezes old rows in time; where something \
        holds it back (an old transaction, a slot, a prepared transaction), the server refuses writes at \
        last. Find what holds it back, and freeze.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Maintenance,
    sql: include_str!("wraparound.sql"),
};
