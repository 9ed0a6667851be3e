//! Literals that mean another moment each time they are read: `created_at=gt.yesterday`.

use crate::plan::TypeName;

/// Words that PostgreSQL's date and time input takes for the clock.
const WORDS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// Types whose input never reads the clock: `bool`, `bytea`, `char`, `name`, the integers, `text`, `oid`,
/// `json`, `xml`, `point` and its kin, the floats, `inet` and its kin, `bpchar`, `varchar`, `interval`,
/// `bit`, `varbit`, `numeric`, `uuid`, `tsvector`, `tsquery`, `jsonb`.
const BLIND: [u32; 31] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 142, 600, 601, 602, 603, 604, 628, 700, 701, 718, 790, 829, 869,
    650, 1042, 1043, 1186, 1560, 1700, 2950, 3802,
];

/// `time with time zone`, whose input reads the date where the zone is one with summer time.
const TIMETZ: u32 = 1266;

/// Whether PostgreSQL may look at the clock to read `literal` as that type. Types that are not known to be
/// blind to it (ranges, arrays, domains, composites) are taken for ones that see it.
pub(super) fn reads_clock(type_id: u32, literal: &str) -> bool {
    if BLIND.contains(&type_id) {
        return false;
    }
    says_clock(literal) || type_id == TIMETZ && literal.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// As [`reads_clock`], for a type that is known by its name.
pub(super) fn named_reads_clock(type_name: &str, literal: &str) -> bool {
    const NAMES: [&str; 14] = [
        "bigint",
        "boolean",
        "bytea",
        "character varying",
        "character",
        "double precision",
        "integer",
        "interval",
        "json",
        "jsonb",
        "numeric",
        "real",
        "text",
        "uuid",
    ];
    let plain = type_name.split('(').next().unwrap_or_default().trim_end_matches("[]");
    if NAMES.contains(&plain) {
        return false;
    }
    says_clock(literal)
        || plain.contains("time with time zone") && literal.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether a cast to that type of a value of another may look at the clock: a text in a row may say `now`.
/// What a type of the user's own is made of is not known here, so it is taken for one that does.
pub(super) fn cast_reads_clock(from: u32, to: &TypeName) -> bool {
    const TIMES: [u32; 4] = [1082, 1083, 1114, 1184];
    let time = to.as_str().starts_with("date") || to.as_str().starts_with("time");
    !to.is_built_in() || time && !TIMES.contains(&from)
}

fn says_clock(literal: &str) -> bool {
    let lower = literal.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}
