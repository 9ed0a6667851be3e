//! Canonical forms: the types whose equality is equality of bytes.

use std::borrow::Cow;

/// A type of which two values are equal if and only if their canonical texts are the same bytes.
///
/// Anything else (`numeric`, `citext`, `character(n)`, times, floats, nondeterministic collations) is
/// never hashed: a predicate on it does not narrow the read set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canonical {
    /// `smallint`, `integer`, `bigint`.
    Integer,
    /// `uuid`.
    Uuid,
    /// `boolean`.
    Boolean,
    /// `text`, `character varying`, under a deterministic collation.
    Text,
    /// An enumeration's label.
    Label,
}

impl Canonical {
    /// The canonical text of a literal, or `None` where it cannot be told here what PostgreSQL would
    /// make of it (which is then left to PostgreSQL, and the predicate does not narrow the read set).
    pub fn of<'a>(self, literal: &'a str) -> Option<Cow<'a, str>> {
        match self {
            Canonical::Integer => integer(literal),
            Canonical::Uuid => uuid(literal),
            Canonical::Boolean => boolean(literal),
            Canonical::Text | Canonical::Label => Some(Cow::Borrowed(literal)),
        }
    }
}

fn integer(literal: &str) -> Option<Cow<'_, str>> {
    // PostgreSQL 16 also reads 0x1F and 1_000; those are rejected here and so do not narrow.
    let trimmed = literal.trim_matches(|c: char| c.is_ascii_whitespace());
    let value: i64 = trimmed.parse().ok()?;
    Some(Cow::Owned(value.to_string()))
}

fn uuid(literal: &str) -> Option<Cow<'_, str>> {
    let bytes = literal.as_bytes();
    let hyphen = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    let plain = bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| if hyphen(i) { *b == b'-' } else { b.is_ascii_hexdigit() });
    plain.then(|| Cow::Owned(literal.to_ascii_lowercase()))
}

fn boolean(literal: &str) -> Option<Cow<'_, str>> {
    match literal {
        "t" | "true" => Some(Cow::Borrowed("t")),
        "f" | "false" => Some(Cow::Borrowed("f")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_postgresql_takes_for_equal_have_one_form() {
        let of = |kind: Canonical, literal| kind.of(literal).map(Cow::into_owned);
        assert_eq!(of(Canonical::Integer, " +007 "), Some("7".into()));
        assert_eq!(of(Canonical::Integer, "-0"), Some("0".into()));
        assert_eq!(of(Canonical::Integer, "0x10"), None);
        assert_eq!(
            of(Canonical::Uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
            Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into())
        );
        assert_eq!(of(Canonical::Uuid, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"), None);
        assert_eq!(of(Canonical::Boolean, "true"), Some("t".into()));
        assert_eq!(of(Canonical::Text, " a "), Some(" a ".into()));
    }
}
