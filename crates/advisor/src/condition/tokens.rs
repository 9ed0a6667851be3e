//! The words of a condition: columns with their aliases, texts, operators.

use std::borrow::Cow;

use super::ColumnRef;

/// A word of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `alias.column`, without quotes.
    Column { alias: Cow<'a, str>, column: Cow<'a, str> },
    /// A name, a keyword or a number.
    Word(&'a str),
    /// What stands in quotes.
    Text(Cow<'a, str>),
    /// An operator, a parenthesis, a comma; a parameter with its `$`.
    Symbol(&'a str),
}

/// Characters that operators are made of.
const OPERATOR: &str = "=<>~!@#%^&|?*/+-";

/// The words of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                let (inside, length) = quoted(rest, '\'');
                found.push(Token::Text(inside));
                length
            }
            c if c == '"' || c.is_alphabetic() || c == '_' => {
                let (token, length) = name(rest);
                found.push(token);
                length
            }
            c if c.is_ascii_digit() => {
                let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '.');
                found.push(Token::Word(&rest[..length]));
                length
            }
            '$' => {
                let length = 1 + run(&rest[1..], |c| c.is_ascii_digit());
                found.push(Token::Symbol(&rest[..length]));
                length
            }
            ':' if rest.starts_with("::") => {
                found.push(Token::Symbol("::"));
                2
            }
            c if OPERATOR.contains(c) => {
                let length = run(rest, |c| OPERATOR.contains(c));
                found.push(Token::Symbol(&rest[..length]));
                length
            }
            c => {
                found.push(Token::Symbol(&rest[..c.len_utf8()]));
                c.len_utf8()
            }
        };
        rest = rest[length..].trim_start();
    }
    found
}

/// The columns that a text names.
pub(crate) fn columns_in(text: &str) -> impl Iterator<Item = ColumnRef> {
    tokens(text).into_iter().filter_map(|token| match token {
        Token::Column { alias, column } => {
            Some(ColumnRef { alias: alias.into_owned(), column: column.into_owned() })
        }
        _ => None,
    })
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// What stands in quotes, and the length with them.
fn quoted(text: &str, quote: char) -> (Cow<'_, str>, usize) {
    let mut at = 1;
    loop {
        match text[at..].find(quote) {
            None => return (Cow::Borrowed(&text[1..]), text.len()),
            Some(end) if text[at + end + 1..].starts_with(quote) => at += end + 2,
            Some(end) => {
                let inside = &text[1..at + end];
                let doubled = [quote, quote].iter().collect::<String>();
                let inside = match inside.contains(&doubled) {
                    true => Cow::Owned(inside.replace(&doubled, &quote.to_string())),
                    false => Cow::Borrowed(inside),
                };
                return (inside, at + end + 1);
            }
        }
    }
}

fn part(text: &str) -> (Cow<'_, str>, usize) {
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    let length = run(text, |c| c.is_alphanumeric() || c == '_' || c == '$');
    (Cow::Borrowed(&text[..length]), length)
}

/// A column where a second name follows a dot, and no call or third name after it.
fn name(text: &str) -> (Token<'_>, usize) {
    let (alias, length) = part(text);
    let after = &text[length..];
    if let Some(second) = after
        .strip_prefix('.')
        .filter(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '"' || c == '_'))
    {
        let (column, more) = part(second);
        let end = length + 1 + more;
        if !text[end..].starts_with(['(', '.']) {
            return (Token::Column { alias, column }, end);
        }
        return (Token::Word(&text[..end]), end);
    }
    (Token::Word(&text[..length]), length)
}
