//! `Vary` and the second half of the key (RFC 9111, section 4.1): which headers of a request choose a response.

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, VARY};
use http::{HeaderMap, HeaderName};

/// More would be a key longer than most answers.
const NAMES_MAX: usize = 32;

/// What a response varies by, with what its request said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vary {
    chosen_by: Vec<(HeaderName, Option<Vec<u8>>)>,
}

impl Vary {
    /// What the response to a request varies by. None where it matches no other request: `*`, what is no list of
    /// names, or too many of them.
    pub fn of(response: &HeaderMap, request: &HeaderMap) -> Option<Vary> {
        let mut names: Vec<HeaderName> = Vec::new();
        for line in response.get_all(VARY) {
            for name in line.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                // `*` is a name as far as its characters go.
                let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name != "*")?;
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        if names.len() > NAMES_MAX {
            return None;
        }
        let said = |name: HeaderName| {
            let said = said(request, &name);
            (name, said)
        };
        Some(Vary { chosen_by: names.into_iter().map(said).collect() })
    }

    /// Whether another request says the same.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        self.chosen_by.iter().all(|(name, said_then)| said(request, name) == *said_then)
    }

    /// The memory it takes.
    pub fn weight_bytes(&self) -> usize {
        let weight = |(_, said): &(_, Option<Vec<u8>>)| 64 + said.as_ref().map_or(0, Vec::len);
        self.chosen_by.iter().map(weight).sum()
    }
}

/// What a request says in a field, in the form in which what means the same is the same. Lines are one list; what
/// else means the same is known only of fields whose syntax is known.
fn said(request: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = request.get_all(name).iter();
    let mut said = lines.next()?.as_bytes().to_vec();
    for line in lines {
        said.extend_from_slice(b", ");
        said.extend_from_slice(line.as_bytes());
    }
    if [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE].contains(name) {
        said.retain(|byte| !matches!(byte, b' ' | b'\t'));
        said.make_ascii_lowercase();
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::{Lines, headers};

    #[test]
    fn a_response_is_for_requests_that_say_the_same() {
        let cases: &[(Lines, Lines, Lines, Option<bool>)] = &[
            (&[], &[("foo", "1")], &[("foo", "2")], Some(true)),
            (&[("vary", "Foo")], &[("foo", "1")], &[("foo", "1"), ("bar", "2")], Some(true)),
            (&[("vary", "foo")], &[("foo", "1")], &[("foo", "2")], Some(false)),
            (&[("vary", "foo")], &[("foo", "1")], &[], Some(false)),
            (&[("vary", "foo")], &[], &[("foo", "")], Some(false)),
            (&[("vary", "foo")], &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")], Some(true)),
            (&[("vary", "foo, bar")], &[("foo", "1")], &[("foo", "1"), ("bar", "2")], Some(false)),
            (&[("vary", "foo"), ("vary", "bar")], &[("bar", "1")], &[("bar", "2")], Some(false)),
            (
                &[("vary", "accept-language")],
                &[("accept-language", "en, de")],
                &[("accept-language", "eN,De")],
                Some(true),
            ),
            (&[("vary", "foo")], &[("foo", "en, de")], &[("foo", "en,de")], Some(false)),
            (&[("vary", "*")], &[], &[], None),
            (&[("vary", "foo, *")], &[], &[], None),
            (&[("vary", ""), ("vary", "*")], &[], &[], None),
            (&[("vary", "foo bar")], &[], &[], None),
            (&[("vary", ", ,")], &[], &[], Some(true)),
        ];
        for (response, first, second, expected) in cases {
            let vary = Vary::of(&headers(response), &headers(first));
            assert_eq!(
                vary.map(|vary| vary.matches(&headers(second))),
                *expected,
                "{response:?} {first:?} {second:?}"
            );
        }
    }
}
