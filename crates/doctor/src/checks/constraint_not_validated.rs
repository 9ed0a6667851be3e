//! Constraints that the rows of yesterday may break.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "constraint-not-validated",
    title: "Constraints not validated",
    explanation: "\
        A constraint added NOT VALID holds for new rows only, and the planner does not rely on it. VALIDATE \
        CONSTRAINT checks the rest without keeping writers out.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Maintenance,
    sql: include_str!("constraint_not_validated.sql"),
};
