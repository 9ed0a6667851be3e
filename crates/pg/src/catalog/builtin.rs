//! What an answer depends on when it calls a function that came with the server.
//!
//! `provolatile` decides, except for stable functions: "stable" covers formatting as well as clocks and
//! server state. Those pass only if they are named here, so that a function of a later version counts as
//! opaque until somebody has looked at it. Settings that are fixed for the session (`TimeZone`,
//! `DateStyle`, `search_path`) are not state; neither are privileges and names of enumeration labels,
//! whose change the catalog's fingerprint tells.

use super::Obstacle;

/// Stable functions that depend on their arguments and on fixed settings alone.
const SAFE: [&str; 61] = [
    "aclexplode",
    "anytextcat",
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "convert",
    "convert_from",
    "convert_to",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "date",
    "enum_first",
    "enum_last",
    "enum_range",
    "extract",
    "format",
    "format_type",
    "generate_series",
    "get_current_ts_config",
    "getdatabaseencoding",
    "getpgusername",
    "interval_pl_timestamptz",
    "length",
    "make_timestamptz",
    "money",
    "numeric",
    "overlaps",
    "pg_char_to_encoding",
    "pg_client_encoding",
    "pg_collation_for",
    "pg_encoding_to_char",
    "pg_has_role",
    "pg_typeof",
    "phraseto_tsquery",
    "plainto_tsquery",
    "quote_literal",
    "quote_nullable",
    "row_security_active",
    "row_to_json",
    "session_user",
    "system_user",
    "textanycat",
    "time",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "ts_headline",
    "version",
    "websearch_to_tsquery",
    "xml",
    "xml_is_well_formed",
];

/// Families of stable functions of the same nature, by how their names begin.
const SAFE_FAMILIES: [&str; 7] = ["date_", "has_", "in_range", "json_", "jsonb_", "timestamp", "ts_match_"];

/// Extensions whose stable functions read nothing but their own settings and dictionaries.
const SAFE_EXTENSIONS: [&str; 5] = ["btree_gist", "hstore", "pg_trgm", "unaccent", "vector"];

/// Why an answer that calls this built-in function must not be kept, if so.
pub(super) fn obstacle(name: &str, volatility: u8, arguments: i16) -> Option<Obstacle> {
    match name {
        "now" | "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" | "timeofday" => {
            return Some(Obstacle::Clock);
        }
        // One argument: the distance from today.
        "age" if arguments == 1 => return Some(Obstacle::Clock),
        // The offset of a time zone is the one in force today.
        "timetz" if arguments == 1 && volatility != b'i' => return Some(Obstacle::Clock),
        "currval" | "lastval" | "nextval" | "setval" => return Some(Obstacle::Sequence),
        _ => {}
    }
    match volatility {
        b'i' => None,
        b's' if SAFE.contains(&name) => None,
        b's' if SAFE_FAMILIES.iter().any(|family| name.starts_with(family)) => None,
        b's' => Some(Obstacle::Opaque),
        _ => Some(Obstacle::Volatile),
    }
}

/// Whether a stable function of this extension depends on its arguments and fixed settings alone.
pub(super) fn safe_extension(name: &str) -> bool {
    SAFE_EXTENSIONS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_functions_pass_by_name_only() {
        assert_eq!(obstacle("to_char", b's', 2), None);
        assert_eq!(obstacle("has_table_privilege", b's', 2), None);
        assert_eq!(obstacle("to_regclass", b's', 1), Some(Obstacle::Opaque));
        assert_eq!(obstacle("pg_backend_pid", b's', 0), Some(Obstacle::Opaque));
        assert_eq!(obstacle("a_function_of_a_later_version", b's', 0), Some(Obstacle::Opaque));
    }

    #[test]
    fn clocks_sequences_and_volatile_functions_are_told_apart() {
        assert_eq!(obstacle("now", b's', 0), Some(Obstacle::Clock));
        assert_eq!(obstacle("age", b's', 1), Some(Obstacle::Clock));
        assert_eq!(obstacle("age", b'i', 2), None);
        assert_eq!(obstacle("clock_timestamp", b'v', 0), Some(Obstacle::Clock));
        assert_eq!(obstacle("lastval", b'v', 0), Some(Obstacle::Sequence));
        assert_eq!(obstacle("random", b'v', 0), Some(Obstacle::Volatile));
        assert_eq!(obstacle("lower", b'i', 1), None);
    }
}
