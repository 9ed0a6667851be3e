//! Dictionaries of structured fields (RFC 8941, section 3.2), which targeted fields are: strictly, or not at all.
//!
//! Values are kept as far as a cache directive can use them; parameters are checked and let go.

/// A value without its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    Boolean(bool),
    Integer(i64),
    /// A string or a token.
    Text(String),
    /// A decimal, bytes, or a list.
    Other,
}

/// The members; of a name that is said twice, the last. None where the field is no dictionary.
pub(super) fn parse(field: &[u8]) -> Option<Vec<(String, Bare)>> {
    let mut input = Input(field);
    let mut members: Vec<(String, Bare)> = Vec::new();
    input.spaces(b" ");
    while !input.0.is_empty() {
        let name = input.key()?;
        let value = if input.take(b'=') { input.member()? } else { Bare::Boolean(true) };
        input.parameters()?;
        members.retain(|(known, _)| *known != name);
        members.push((name, value));
        input.spaces(b" \t");
        if input.0.is_empty() {
            return Some(members);
        }
        if !input.take(b',') {
            return None;
        }
        input.spaces(b" \t");
        if input.0.is_empty() {
            return None;
        }
    }
    Some(members)
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn spaces(&mut self, which: &[u8]) {
        while self.0.first().is_some_and(|byte| which.contains(byte)) {
            self.0 = &self.0[1..];
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    fn run_of(&mut self, holds: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !holds(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn key(&mut self) -> Option<String> {
        let first = *self.0.first()?;
        if !first.is_ascii_lowercase() && first != b'*' {
            return None;
        }
        let is_part = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'*')
        };
        Some(text(self.run_of(is_part)))
    }

    fn member(&mut self) -> Option<Bare> {
        if !self.take(b'(') {
            return self.bare();
        }
        loop {
            self.spaces(b" ");
            if self.take(b')') {
                return Some(Bare::Other);
            }
            self.bare()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.spaces(b" ");
            self.key()?;
            if self.take(b'=') {
                self.bare()?;
            }
        }
        Some(())
    }

    fn bare(&mut self) -> Option<Bare> {
        match *self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'?' => match self.0.get(1)? {
                digit @ (b'0' | b'1') => {
                    let value = *digit == b'1';
                    self.0 = &self.0[2..];
                    Some(Bare::Boolean(value))
                }
                _ => None,
            },
            b':' => {
                self.take(b':');
                self.run_of(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
                self.take(b':').then_some(Bare::Other)
            }
            first if first.is_ascii_alphabetic() || first == b'*' => {
                let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                Some(Bare::Text(text(self.run_of(is_part))))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Bare> {
        let is_negative = self.take(b'-');
        let digits = self.run_of(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        if self.take(b'.') {
            let fraction = self.run_of(|byte| byte.is_ascii_digit()).len();
            return (digits.len() <= 12 && (1..=3).contains(&fraction)).then_some(Bare::Other);
        }
        let number: i64 = text(digits).parse().ok()?;
        Some(Bare::Integer(if is_negative { -number } else { number }))
    }

    fn string(&mut self) -> Option<Bare> {
        self.take(b'"');
        let mut inner = String::new();
        loop {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            match first {
                b'"' => return Some(Bare::Text(inner)),
                b'\\' => {
                    let escaped = self.0.first().copied().filter(|byte| matches!(byte, b'"' | b'\\'))?;
                    self.0 = &self.0[1..];
                    inner.push(char::from(escaped));
                }
                b' '..=b'~' => inner.push(char::from(*first)),
                _ => return None,
            }
        }
    }
}

fn text(ascii: &[u8]) -> String {
    ascii.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_read_strictly_or_not_at_all() {
        type Members<'a> = &'a [(&'a str, Bare)];
        let cases: &[(&str, Option<Members<'_>>)] = &[
            ("", Some(&[])),
            ("max-age=60", Some(&[("max-age", Bare::Integer(60))])),
            ("  a , b=?0;x;y=1 ", Some(&[("a", Bare::Boolean(true)), ("b", Bare::Boolean(false))])),
            ("a=1, a=2", Some(&[("a", Bare::Integer(2))])),
            (
                "a=\"x\\\"y\", b=tok/en",
                Some(&[("a", Bare::Text("x\"y".into())), ("b", Bare::Text("tok/en".into()))]),
            ),
            (
                "a=1.5, b=:YQ==:, c=(1 \"x\";p 2)",
                Some(&[("a", Bare::Other), ("b", Bare::Other), ("c", Bare::Other)]),
            ),
            ("a=-7", Some(&[("a", Bare::Integer(-7))])),
            ("Max-Age=60", None),
            ("a=1,", None),
            ("a=1 b", None),
            ("a = 1", None),
            ("a=1.", None),
            ("a=1234567890123456", None),
            ("a=\"x", None),
            ("a=?2", None),
            ("a=(1", None),
            ("a=(1,2)", None),
            ("a=:YQ", None),
            ("a=\u{e9}", None),
        ];
        for (field, expected) in cases {
            let expected = expected
                .map(|all| all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
            assert_eq!(parse(field.as_bytes()), expected, "{field:?}");
        }
    }
}
