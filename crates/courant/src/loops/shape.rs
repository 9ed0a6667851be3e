//! A read's shape: its path and query with the values left out, which are nobody's business who reads a report.

use http::Uri;

/// Characters of a shape; what is longer differs in nothing that a person would read.
const CHARACTERS_MAX: usize = 300;
/// Parameters whose values are the shape.
const KEPT: [&str; 3] = ["select", "order", "columns"];
/// What may stand before a filter's value.
const OPERATORS: [&str; 28] = [
    "not",
    "any",
    "all",
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "like",
    "ilike",
    "match",
    "imatch",
    "in",
    "is",
    "isdistinct",
    "fts",
    "plfts",
    "phfts",
    "wfts",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
];

/// The shape of what is asked.
pub(super) fn of(uri: &Uri) -> String {
    let mut shape = uri.path().to_owned();
    for (at, pair) in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        shape.push(if at == 0 { '?' } else { '&' });
        shape.push_str(name);
        shape.push('=');
        if KEPT.contains(&name) {
            shape.push_str(value);
        } else {
            shape.push_str(operators(value));
            shape.push('$');
        }
    }
    if let Some((end, _)) = shape.char_indices().nth(CHARACTERS_MAX) {
        shape.truncate(end);
    }
    shape
}

/// The operators that a filter begins with, each with its full stop.
fn operators(value: &str) -> &str {
    let mut end = 0;
    while let Some((word, _)) = value[end..].split_once('.') {
        let bare = word.split_once('(').map_or(word, |(bare, _)| bare);
        if !OPERATORS.contains(&bare) {
            break;
        }
        end += word.len() + 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out_and_what_is_chosen_stays() {
        let shape = |target: &str| of(&target.parse().expect("it is a target"));
        assert_eq!(shape("/t?select=id,u(*)&id=eq.7&limit=3"), "/t?select=id,u(*)&id=eq.$&limit=$");
        assert_eq!(shape("/t?a=not.in.(1,2)&b=like(any).{x}"), "/t?a=not.in.$&b=like(any).$");
        assert_eq!(shape("/t?a=secret.value&or=(a.eq.1,b.eq.2)"), "/t?a=$&or=$");
        assert_eq!(shape("/rpc/f?x=1.5"), "/rpc/f?x=$");
        assert_eq!(shape("/t"), "/t");
    }
}
