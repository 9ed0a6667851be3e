//! Functions with their owner's rights that resolve names by their caller's path.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "function-search-path",
    title: "Functions that trust the search path",
    explanation: "\
        A SECURITY DEFINER function without a search path of its own finds tables and operators where its \
        caller says: whoever can create an object can have it run with the owner's rights.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("function_search_path.sql"),
};
