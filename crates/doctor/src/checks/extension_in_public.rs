//! Extensions whose objects stand among the app's.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "extension-in-public",
    title: "Extensions in the schema public",
    explanation: "\
        An extension in the schema public puts its functions into the API of whoever publishes that schema, \
        and an upgrade may meet names of the app.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("extension_in_public.sql"),
};
