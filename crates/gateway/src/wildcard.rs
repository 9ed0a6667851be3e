//! Patterns of paths in which `*` stands for anything, slashes included.
//!
//! Matches text as it is given: whoever asks has decoded it.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard(Box<str>);

impl Wildcard {
    /// Any text is a pattern.
    pub fn new(pattern: &str) -> Wildcard {
        Wildcard(pattern.into())
    }

    /// Whether all of the text matches.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::Wildcard;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("*", "/calls?id=eq.1", true),
            ("/calls*", "/calls?id=eq.1", true),
            ("*id=eq.1", "/calls?id=eq.1", true),
            ("/c*?id=*.1", "/calls?id=eq.1", true),
            ("/calls", "/calls", true),
            ("/calls", "/calls?id=eq.1", false),
            ("/calls?*2", "/calls?id=eq.1", false),
            ("ab*b", "ab", false),
            ("a*b*c", "acb", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Wildcard::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }
}
