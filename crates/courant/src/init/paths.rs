//! From paths to the patterns behind them: `/conversations/17/messages` is one of
//! `/conversations/{conversation_id}/messages`.
//!
//! A segment that looks like an identifier is one. A word is one when many others stand in its place. Whatever comes
//! out is a pattern that the configuration accepts. Pure.

use std::collections::{BTreeMap, HashMap};

use gateway::route::Pattern;

/// Patterns told; those that took the most time.
pub(super) const PATTERNS_MAX: usize = 200;
/// So many words in one place are values.
const WORDS_MAX: usize = 24;
/// So many words of one unusual kind are.
const KIND_MAX: usize = 8;
/// A deeper path is cut there: `{*rest}`.
const DEPTH_MAX: usize = 12;

/// What a segment looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// A number, UUID, hash or other identifier.
    Identifier,
    Date,
    Address,
    /// With a dot and a letter after it.
    File,
    /// Words joined by dashes.
    Slug,
    Word,
}

/// The pattern of each path, as far as there is one.
pub(super) fn patterns<'a>(paths: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, String> {
    let mut all: Vec<&str> = paths.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    let split: Vec<Path<'_>> = all
        .iter()
        .filter_map(|path| Some((*path, path.strip_prefix('/')?.split('/').collect())))
        .map(|(whole, segments)| Path { whole, segments })
        .collect();
    let mut found = HashMap::new();
    let every: Vec<&Path<'_>> = split.iter().collect();
    walk(&every, 0, &Prefix::default(), &mut found);
    found.retain(|_, pattern| Pattern::parse(pattern).is_ok());
    found
}

struct Path<'a> {
    whole: &'a str,
    segments: Vec<&'a str>,
}

/// What stands before a place.
#[derive(Clone, Default)]
struct Prefix {
    text: String,
    /// The last segment that is spelt out.
    word: String,
    names: Vec<String>,
}

impl Prefix {
    fn literal(&self, segment: &str) -> Prefix {
        let mut next = self.clone();
        next.text.push('/');
        next.text.push_str(segment);
        segment.clone_into(&mut next.word);
        next
    }

    fn named(&self, kind: Kind) -> Prefix {
        let of = word(&singular(&self.word));
        let name = match (kind, of.as_str()) {
            (Kind::Date, _) => "date".to_owned(),
            (Kind::Identifier, "") => "id".to_owned(),
            (Kind::Identifier, of) => format!("{of}_id"),
            (_, "") => "name".to_owned(),
            (_, of) => of.to_owned(),
        };
        let is_taken = |name: &String| self.names.contains(name);
        let name = if is_taken(&name) {
            (2..).map(|n| format!("{name}_{n}")).find(|name| !is_taken(name)).unwrap_or(name)
        } else {
            name
        };
        let mut next = self.clone();
        next.text.push_str(&format!("/{{{name}}}"));
        next.names.push(name);
        next
    }
}

fn walk<'a>(paths: &[&Path<'a>], depth: usize, before: &Prefix, found: &mut HashMap<&'a str, String>) {
    let (ended, going): (Vec<&Path<'a>>, Vec<&Path<'a>>) =
        paths.iter().partition(|path| path.segments.len() == depth);
    for path in ended {
        found.insert(path.whole, before.text.clone());
    }
    if depth == DEPTH_MAX {
        found.extend(going.iter().map(|path| (path.whole, format!("{}/{{*rest}}", before.text))));
        return;
    }
    let mut kinds: BTreeMap<Kind, BTreeMap<&str, Vec<&Path<'a>>>> = BTreeMap::new();
    for path in going {
        let segment = path.segments[depth];
        kinds.entry(kind(segment)).or_default().entry(segment).or_default().push(path);
    }
    let mut values: Vec<(Kind, Vec<&Path<'a>>)> = Vec::new();
    for (kind, words) in kinds {
        if is_value(kind, words.len(), depth) {
            values.push((kind, words.into_values().flatten().collect()));
        } else {
            for (segment, paths) in words {
                walk(&paths, depth + 1, &before.literal(segment), found);
            }
        }
    }
    // In one place there is one name, whatever the values look like.
    let (Some(first), all) = (values.first().map(|(kind, _)| *kind), values) else { return };
    let paths: Vec<&Path<'a>> = all.into_iter().flat_map(|(_, paths)| paths).collect();
    walk(&paths, depth + 1, &before.named(first), found);
}

fn is_value(kind: Kind, count: usize, depth: usize) -> bool {
    match kind {
        Kind::Identifier | Kind::Date | Kind::Address => true,
        Kind::File | Kind::Slug => count >= KIND_MAX,
        // The first words of an API are its resources, however many there are.
        Kind::Word => count >= WORDS_MAX && depth > 0,
    }
}

fn kind(segment: &str) -> Kind {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_all = |of: fn(&u8) -> bool| !bytes.is_empty() && bytes.iter().all(of);
    if is_all(u8::is_ascii_digit) || segment.strip_prefix('-').is_some_and(number) {
        return Kind::Identifier;
    }
    if is_date(bytes) {
        return Kind::Date;
    }
    // Braces and stars have a meaning in patterns: such a segment can only be a value.
    if segment.contains(['{', '}', '*']) || segment.contains('@') || segment.contains("%40") {
        return Kind::Address;
    }
    let has = |of: fn(&u8) -> bool| bytes.iter().any(of);
    let is_hex = is_all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let is_opaque = is_all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'=' | b'~'));
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_identifier = is_hex && digits > 0 && bytes.len() >= 12
        // ULID, cuid, nanoid, Stripe's: letters with digits among them, longer than words that have any.
        || is_opaque && bytes.len() >= 16 && digits >= 3
        || is_opaque && bytes.len() >= 16 && digits >= 1 && is_mixed && !segment.contains('-')
        || is_opaque && bytes.len() >= 4 && digits * 2 >= bytes.len();
    if is_identifier {
        Kind::Identifier
    } else if segment.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && !number(end)) {
        Kind::File
    } else if segment.contains('-') {
        Kind::Slug
    } else {
        Kind::Word
    }
}

fn number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-02-01`
fn is_date(bytes: &[u8]) -> bool {
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// One of several: `conversations` → `conversation`, `companies` → `company`.
pub(super) fn singular(word: &str) -> String {
    let cut = |end: &str, put: &str| word.strip_suffix(end).map(|stem| format!("{stem}{put}"));
    if word.len() < 4 || ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        return word.to_owned();
    }
    cut("ies", "y")
        .or_else(|| {
            ["sses", "xes", "ches", "shes", "zes"].iter().find_map(|end| cut(end, &end[..end.len() - 2]))
        })
        .or_else(|| cut("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// What of it can be a name in a pattern.
fn word(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let name = name.trim_matches('_');
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
