//! The most similar of some names, for hints.
//!
//! As PostgREST finds it: names are compared by the pieces of three letters that they have in common, or of two
//! where none has any; among those that do, by how many letters must be changed.

use std::collections::HashMap;

/// Less similar ones are not worth a hint.
const SIMILARITY_MIN: f64 = 0.33;
/// Nor are those that have fewer pieces in common.
const COMMON_MIN: f64 = 0.2;

/// What is longer is no name that was misspelt, and would take long to compare.
const BYTES_MAX: usize = 500;

/// The most similar name, if any is similar enough; `exact` says whether an equal one counts.
pub(crate) fn most_similar<'a>(
    asked: &str,
    names: impl Iterator<Item = &'a str>,
    exact: bool,
) -> Option<&'a str> {
    most_similar_by(SIMILARITY_MIN, asked, names, exact)
}

/// The most similar name, if any is at least that similar.
pub(crate) fn most_similar_by<'a>(
    similarity_min: f64,
    asked: &str,
    names: impl Iterator<Item = &'a str>,
    exact: bool,
) -> Option<&'a str> {
    if asked.len() > BYTES_MAX {
        return None;
    }
    let names: Vec<(&str, String)> = names.map(|name| (name, name.to_lowercase())).collect();
    let asked = asked.to_lowercase();
    for length in [3, 2] {
        let wanted = grams(&asked, length);
        let near = names.iter().filter(|(_, name)| cosine(&wanted, &grams(name, length)) > COMMON_MIN);
        let scored = near.map(|(name, lower)| (*name, closeness(&asked, lower)));
        let fit: Vec<(&str, f64)> = scored.filter(|(_, score)| *score >= similarity_min).collect();
        if fit.is_empty() {
            continue;
        }
        let wanted = fit.into_iter().filter(|(_, score)| exact || *score < 1.0);
        // Of equally similar ones the first by name, so that the hint is always the same.
        let best = wanted.max_by(|(one, a), (other, b)| a.total_cmp(b).then_with(|| other.cmp(one)));
        return best.map(|(name, _)| name);
    }
    None
}

/// How often each piece of that length occurs, of letters and digits between two dashes.
fn grams(name: &str, length: usize) -> HashMap<String, f64> {
    let kept = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | ',' | '_'));
    let mut letters: Vec<char> = std::iter::once('-').chain(kept).chain(['-']).collect();
    while letters.len() < length {
        letters.push('-');
    }
    let mut counts = HashMap::new();
    for piece in letters.windows(length) {
        *counts.entry(piece.iter().collect()).or_insert(0.0) += 1.0;
    }
    counts
}

fn cosine(one: &HashMap<String, f64>, other: &HashMap<String, f64>) -> f64 {
    let common: f64 = one.iter().filter_map(|(gram, count)| Some(count * other.get(gram)?)).sum();
    let length = |grams: &HashMap<String, f64>| grams.values().map(|count| count * count).sum::<f64>().sqrt();
    common / (length(one) * length(other))
}

/// One less the share of letters that must be changed, added or removed.
fn closeness(one: &str, other: &str) -> f64 {
    let longest = one.chars().count().max(other.chars().count()).max(1);
    1.0 - distance(one, other) as f64 / longest as f64
}

/// How many letters must be changed, added or removed. Takes as many steps as both have letters, multiplied.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::most_similar;

    #[test]
    fn a_name_is_found_by_what_it_has_in_common() {
        let of = |asked, names: &[&'static str], exact| most_similar(asked, names.iter().copied(), exact);
        assert_eq!(of("testt", &["test", "another"], true), Some("test"));
        assert_eq!(of("other", &["test", "another"], true), Some("another"));
        assert_eq!(of("noclosealternative", &["test", "another"], true), None);
        assert_eq!(
            of("(val, param)", &["(name, param, val)", "(attr, id)"], true),
            Some("(name, param, val)")
        );
        assert_eq!(of("(id)", &["(name, param, val)", "(attr, id)"], true), Some("(attr, id)"));
        assert_eq!(of("role", &["roles", "actors"], false), Some("roles"));
        assert_eq!(of("roles", &["roles"], false), None);
        assert_eq!(of("", &["", "a"], false), None);
    }
}
