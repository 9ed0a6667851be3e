//! Names of types that a request may cast to.
//!
//! Only those that PostgreSQL always has, and those of the catalog's columns: the request's text chooses
//! among them and is never written itself.

use pg::catalog::Catalog;

use super::tree::TypeName;
use crate::Error;

const BUILT_IN: [&str; 46] = [
    "bigint",
    "bit",
    "bool",
    "boolean",
    "box",
    "bpchar",
    "bytea",
    "char",
    "character varying",
    "cidr",
    "circle",
    "date",
    "decimal",
    "double precision",
    "float4",
    "float8",
    "inet",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "json",
    "jsonb",
    "line",
    "lseg",
    "macaddr",
    "money",
    "name",
    "numeric",
    "oid",
    "path",
    "point",
    "polygon",
    "real",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsquery",
    "tsvector",
    "uuid",
    "varchar",
];

/// The type of that name, or of arrays of it.
pub(crate) fn resolve(catalog: &Catalog, asked: &str) -> Result<TypeName, Error> {
    let (element, array) = match asked.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (asked, ""),
    };
    let lower = element.to_ascii_lowercase();
    if let Some(built_in) = BUILT_IN.iter().find(|built_in| **built_in == lower) {
        return Ok(TypeName { sql: format!("{built_in}{array}"), built_in: true });
    }
    // `format_type` qualifies what is not on the search path; a request names the type alone.
    let plain = |name: &str| name.rsplit('.').next().is_some_and(|last| last.trim_matches('"') == element);
    let columns = catalog.relations.values().flat_map(|relation| &relation.columns);
    let found = columns.map(|column| column.type_name.as_str()).filter(|name| plain(name)).min();
    let found = found.ok_or_else(|| Error::type_name(asked))?;
    Ok(TypeName { sql: format!("{found}{array}"), built_in: false })
}

/// The type of a column or an argument of the catalog.
pub(crate) fn of_catalog(name: &str) -> TypeName {
    TypeName { sql: name.to_owned(), built_in: false }
}
