//! Schemas in which PUBLIC may create objects.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "public-schema-create",
    title: "Schemas that everybody may create in",
    explanation: "\
        Whoever may create in a schema of the search path can put a function or an operator there that \
        others then call. Before PostgreSQL 15 the schema public was made so.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Named,
    sql: include_str!("public_schema_create.sql"),
};
