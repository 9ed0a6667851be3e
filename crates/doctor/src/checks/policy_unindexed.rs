//! Columns that a policy compares and no index begins with.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "policy-unindexed",
    title: "Policies without an index",
    explanation: "\
        A policy is a condition of every query. Where no index begins with the column it compares, each \
        query of its roles reads the whole table, however few rows it may see.",
    wins: &[Kpi::P50, Kpi::P95, Kpi::NonIndex],
    remedy: Remedy::Index,
    sql: include_str!("policy_unindexed.sql"),
};
