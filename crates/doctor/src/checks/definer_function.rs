//! Functions that run as their owner and that everybody may call.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "definer-function",
    title: "Functions with their owner's rights",
    explanation: "\
        A SECURITY DEFINER function is a door: it should check who comes in, and be open to those alone who \
        need it. PostgreSQL lets PUBLIC call every new function.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("definer_function.sql"),
};
