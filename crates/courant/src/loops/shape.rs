//! A read's shape: its path and query with the values left out, which are nobody's business who reads a report.

use http::Uri;

/// Parameters by which a page is cut from what is asked.
const PAGING: [&str; 3] = ["limit", "offset", "cursor"];
/// What may stand before a filter's value.
const OPERATORS: [&str; 26] = [
    "not",
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

/// The shape of what is asked. Of what a client may write without its being read, nothing is kept.
pub(super) fn of(uri: &Uri) -> String {
    let mut shape = uri.path().to_owned();
    let mut is_chosen = false;
    for (at, (name, value)) in pairs(uri).enumerate() {
        // Only the first counts.
        let is_select = name == "select" && !std::mem::replace(&mut is_chosen, true);
        shape.push(if at == 0 { '?' } else { '&' });
        shape.push_str(name);
        shape.push('=');
        if is_select || name == "order" {
            shape.push_str(value);
        } else {
            shape.push_str(operators(value));
            shape.push('$');
        }
    }
    shape.replace(|c: char| !c.is_ascii_graphic(), "?")
}

/// The parameters of what is asked, but for those that only say which page of it.
pub(super) fn unpaged(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    pairs(uri).filter(|(name, _)| !is_paging(name))
}

/// Whether a parameter, of an embed or not, says which page.
pub(super) fn is_paging(name: &str) -> bool {
    PAGING.contains(&name.rsplit_once('.').map_or(name, |(_, last)| last))
}

fn pairs(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='))
}

/// The operators that a filter begins with, each with its full stop.
fn operators(value: &str) -> &str {
    let mut end = 0;
    while let Some((word, _)) = value[end..].split_once('.') {
        let bare = word.strip_suffix("(any)").or_else(|| word.strip_suffix("(all)")).unwrap_or(word);
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
        assert_eq!(
            shape("/t?secret&id=eq.1&select=id&select=secret&columns=secret"),
            "/t?id=eq.$&select=id&select=$&columns=$"
        );
        assert_eq!(shape("/t?a=eq.not(secret).x&b=fts(secret).y"), "/t?a=eq.$&b=$");
        assert_eq!(shape("/t?caf\u{e9}=eq.1"), "/t?caf?=eq.$");
    }
}
