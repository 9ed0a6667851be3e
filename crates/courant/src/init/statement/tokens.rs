//! A statement's text in pieces: words, values and signs. Whatever stands there is read to its end.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword; whether it was quoted.
    Word(String, bool),
    /// A value, or what stands for one.
    Value,
    Sign(char),
}

/// The pieces of a text; casts and comments are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let next = characters.get(at + 1).copied();
        match (c, next) {
            ('-', Some('-')) => at = until(&characters, at, |_, c| c == '\n'),
            ('/', Some('*')) => at = until(&characters, at + 2, |before, c| before == '*' && c == '/'),
            ('\'', _) => {
                // Two quotes are one within: read as two values, which changes nothing.
                at = until(&characters, at + 1, |_, c| c == '\'');
                tokens.push(Token::Value);
            }
            ('"', _) => {
                let end = until(&characters, at + 1, |_, c| c == '"');
                let word: String = characters[at + 1..end.saturating_sub(1).max(at + 1)].iter().collect();
                tokens.push(Token::Word(word, true));
                at = end;
            }
            ('$', Some(digit)) if digit.is_ascii_digit() => {
                at = until(&characters, at + 1, |_, c| !c.is_ascii_digit()).min(characters.len());
                if characters.get(at - 1).is_some_and(|c| !c.is_ascii_digit()) {
                    at -= 1;
                }
                tokens.push(Token::Value);
            }
            (':', Some(':')) => {
                // A cast says nothing of where a value comes from.
                at += 2;
                while characters.get(at).is_some_and(|c| is_of_word(*c) || matches!(c, '[' | ']' | '"')) {
                    at += 1;
                }
            }
            _ if c.is_ascii_digit() => {
                while characters.get(at).is_some_and(|c| is_of_word(*c) || *c == '.') {
                    at += 1;
                }
                tokens.push(Token::Value);
            }
            _ if is_of_word(c) => {
                let start = at;
                while characters.get(at).is_some_and(|c| is_of_word(*c)) {
                    at += 1;
                }
                let word: String = characters[start..at].iter().collect();
                tokens.push(Token::Word(word.to_lowercase(), false));
            }
            _ if c.is_whitespace() => at += 1,
            _ => {
                tokens.push(Token::Sign(if is_comparison(&characters, at) { '~' } else { c }));
                at += 1;
            }
        }
    }
    tokens
}

/// Whether an `=` is part of another sign: `<=`, `!=`, `=>`.
fn is_comparison(characters: &[char], at: usize) -> bool {
    let is_part = |c: Option<&char>| c.is_some_and(|c| "<>!=~".contains(*c));
    characters[at] == '=' && (is_part(characters.get(at + 1)) || at > 0 && is_part(characters.get(at - 1)))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The place after the first character that ends it.
fn until(characters: &[char], from: usize, ends: impl Fn(char, char) -> bool) -> usize {
    let mut before = ' ';
    for (at, c) in characters.iter().enumerate().skip(from) {
        if ends(before, *c) {
            return at + 1;
        }
        before = *c;
    }
    characters.len()
}
