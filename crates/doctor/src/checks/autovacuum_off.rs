//! Tables, or a server, that nothing vacuums.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "autovacuum-off",
    title: "Autovacuum is off",
    explanation: "\
        Without autovacuum dead rows stay for ever, statistics grow old, and transaction numbers run out \
        until the server stops to protect itself.",
    wins: &[Kpi::DeadTuples],
    remedy: Remedy::Setting,
    sql: include_str!("autovacuum_off.sql"),
};
