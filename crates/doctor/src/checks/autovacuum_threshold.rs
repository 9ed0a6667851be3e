//! Large tables that are vacuumed only once a fifth of them is dead.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "autovacuum-threshold",
    title: "Autovacuum asked too late",
    explanation: "\
        By default autovacuum comes when a fifth of a table is dead: in a table of millions, that is late \
        and then a lot of work at once. The threshold proposed is what the table changes in six hours, at \
        least 1,000 rows and at most a twentieth of the table.",
    wins: &[Kpi::DeadTuples],
    remedy: Remedy::Setting,
    sql: include_str!("autovacuum_threshold.sql"),
};
