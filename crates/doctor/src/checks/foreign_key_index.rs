//! Foreign keys whose columns no index begins with.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "foreign-key-index",
    title: "Foreign keys without an index",
    explanation: "\
        A delete or a key update of the row that is referenced looks for the rows that refer to it. Without \
        an index on those columns each such check reads the whole table, and so does every join along the \
        key.",
    wins: &[Kpi::P95, Kpi::P99, Kpi::NonIndex],
    remedy: Remedy::Index,
    sql: include_str!("foreign_key_index.sql"),
};
