//! Reads the body of an SQL function that PostgreSQL keeps as text, where it is one simple expression.
//!
//! PostgreSQL itself reads such a body anew at each call, so its text is all there is. Accepted is
//! `select expression` without `from`: what every helper around `current_setting('request.jwt.claims')` looks
//! like. Whatever could name a table, or a function in a way that cannot be followed, is refused: the
//! function is then opaque. Names are followed into every schema, because the search path is the caller's.

use std::collections::HashMap;

use super::Obstacle;
use super::nodes::Mentions;

/// Functions and operators by name, as far as bodies may use them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Every function, by its name without the schema.
    pub(super) functions: HashMap<String, Vec<Named>>,
    /// Operators made by users that take built-in types, by name.
    pub(super) operators: HashMap<String, Vec<u32>>,
}

/// A function that has a certain name.
#[derive(Debug)]
pub(super) struct Named {
    /// Its oid.
    pub(super) id: u32,
    /// Its schema.
    pub(super) schema: String,
    /// Whether it takes and returns built-in types only, so that no operator or cast of a user's own can
    /// come into play around a call of it.
    pub(super) plain: bool,
}

/// Words that may stand before a parenthesis or alone, and mean no function.
const PLAIN_WORDS: [&str; 47] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "both",
    "by",
    "case",
    "coalesce",
    "current_catalog",
    "current_role",
    "current_schema",
    "current_user",
    "desc",
    "distinct",
    "else",
    "end",
    "escape",
    "exists",
    "false",
    "filter",
    "greatest",
    "ilike",
    "in",
    "is",
    "isnull",
    "least",
    "like",
    "not",
    "notnull",
    "null",
    "nullif",
    "or",
    "order",
    "row",
    "select",
    "session_user",
    "similar",
    "some",
    "then",
    "to",
    "true",
    "unknown",
    "user",
    "when",
];

/// Words that read a table, begin another statement, or change what the words after them mean.
const REFUSED_WORDS: [&str; 39] = [
    "cast",
    "collate",
    "cross",
    "delete",
    "do",
    "execute",
    "except",
    "extract",
    "for",
    "from",
    "group",
    "having",
    "insert",
    "intersect",
    "into",
    "join",
    "json_exists",
    "json_query",
    "json_table",
    "json_value",
    "lateral",
    "limit",
    "merge",
    "natural",
    "offset",
    "only",
    "operator",
    "over",
    "overlay",
    "perform",
    "position",
    "returning",
    "substring",
    "table",
    "trim",
    "union",
    "update",
    "values",
    "with",
];

/// Types to which a cast calls nothing but PostgreSQL's own code.
const TYPES: [&str; 31] = [
    "bigint",
    "bool",
    "boolean",
    "bytea",
    "char",
    "date",
    "decimal",
    "double",
    "float4",
    "float8",
    "inet",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "json",
    "jsonb",
    "name",
    "numeric",
    "real",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "varchar",
    "precision",
    "varying",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// An unquoted word, or a quoted name.
    Word {
        text: &'a str,
        quoted: bool,
    },
    Literal(&'a str),
    Number,
    Parameter,
    Operator(&'a str),
    /// `( ) [ ] , . ;`
    Mark(u8),
}

/// What the body mentions, or nothing where it cannot be told.
pub(super) fn read(body: &str, names: &Names) -> Option<Mentions> {
    let mut tokens = tokens(body)?;
    while tokens.last() == Some(&Token::Mark(b';')) {
        tokens.pop();
    }
    match tokens.first()? {
        Token::Word { text, quoted: false } if text.eq_ignore_ascii_case("select") => {}
        _ => return None,
    }
    let mut mentions = Mentions::default();
    let mut at = 1;
    while at < tokens.len() {
        at = match tokens[at] {
            Token::Operator("::") => cast(&tokens, at + 1)?,
            Token::Operator(name) => {
                mentions.operators.extend(names.operators.get(name).into_iter().flatten());
                at + 1
            }
            Token::Word { .. } => word(&tokens, at, names, &mut mentions)?,
            Token::Mark(b';' | b'.') => return None,
            Token::Literal(text) if reads_clock(text) => return None,
            Token::Literal(_) | Token::Number | Token::Parameter | Token::Mark(_) => at + 1,
        };
    }
    Some(mentions)
}

/// Every function with a name that stands before a parenthesis somewhere in the text, in whatever language it
/// is written; at least those that it calls by name.
pub(super) fn calls<'a>(text: &str, names: &'a Names) -> impl Iterator<Item = u32> + use<'a> {
    let mut found: Vec<&'a Named> = Vec::new();
    for (at, _) in text.match_indices('(') {
        let before = text[..at].trim_end();
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .map_or(0, |last| last + before[last..].chars().next().map_or(1, char::len_utf8));
        // A quoted name is looked up as it is, any other as PostgreSQL folds it.
        let quoted = before.strip_suffix('"').and_then(|inner| Some(&inner[inner.rfind('"')? + 1..]));
        let name = quoted.map_or_else(|| before[start..].to_ascii_lowercase(), str::to_owned);
        found.extend(names.functions.get(&name).into_iter().flatten());
    }
    found.into_iter().map(|named| named.id)
}

/// Reads a name and what it means; returns where the next token stands.
fn word(tokens: &[Token<'_>], at: usize, names: &Names, mentions: &mut Mentions) -> Option<usize> {
    let (path, next) = path(tokens, at)?;
    let called = tokens.get(next) == Some(&Token::Mark(b'('));
    if let ([name], Token::Word { quoted: false, .. }) = (path.as_slice(), tokens[at]) {
        let name = name.as_str();
        let ends_is = |count: usize| at >= count && is_word(&tokens[at - count], "is");
        match name {
            // `is [not] distinct from` is the one harmless `from`.
            "distinct" if ends_is(1) || (ends_is(2) && is_word(&tokens[at - 1], "not")) => {
                return is_word(tokens.get(next)?, "from").then_some(next + 1);
            }
            "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp" => {
                mentions.obstacles.insert(("current_timestamp", Obstacle::Clock));
                return Some(next);
            }
            _ if REFUSED_WORDS.contains(&name) => return None,
            // Some of them are not reserved, so that a function may be called so.
            _ if PLAIN_WORDS.contains(&name) && !(called && names.functions.contains_key(name)) => {
                return Some(next);
            }
            // `date '…'`: a literal of a type, read by the type's input function.
            _ if matches!(tokens.get(next), Some(Token::Literal(_))) && !TYPES.contains(&name) => {
                return None;
            }
            _ if !called => return Some(next),
            _ => {}
        }
    }
    if !called {
        // `argument.name` may call a function called `name`.
        return (path.len() == 1).then_some(next);
    }
    call(tokens, &path, next, names, mentions)
}

/// Reads a call of the function with that path, whose parenthesis opens at `next`.
fn call(
    tokens: &[Token<'_>],
    path: &[String],
    next: usize,
    names: &Names,
    mentions: &mut Mentions,
) -> Option<usize> {
    let (schema, name) = match path {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return None,
    };
    let of_schema = |known: &&Named| schema.is_none_or(|schema| schema == known.schema);
    let found: Vec<&Named> = names.functions.get(name)?.iter().filter(of_schema).collect();
    if found.is_empty() || found.iter().any(|known| !known.plain) {
        return None;
    }
    mentions.functions.extend(found.iter().map(|known| known.id));
    if name == "current_setting" {
        let plain = matches!(tokens.get(next + 2), Some(Token::Mark(b',' | b')')));
        match tokens.get(next + 1) {
            Some(Token::Literal(setting)) if plain => mentions.setting(Some((*setting).to_owned())),
            _ => mentions.setting(None),
        }
    }
    Some(next + 1)
}

/// Whether a date's input function would take the literal for a point in time relative to now.
fn reads_clock(literal: &str) -> bool {
    let literal = literal.to_ascii_lowercase();
    ["now", "today", "tomorrow", "yesterday"].iter().any(|word| literal.contains(word))
}

/// Reads the type after `::`; returns where the next token stands.
fn cast(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let (path, next) = path(tokens, at)?;
    let name = match path.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return None,
    };
    TYPES.contains(&name.as_str()).then_some(next)
}

/// A dotted name, folded as PostgreSQL folds it, and where the next token stands.
fn path(tokens: &[Token<'_>], at: usize) -> Option<(Vec<String>, usize)> {
    let mut path = Vec::new();
    let mut at = at;
    loop {
        match tokens.get(at)? {
            Token::Word { text, quoted: true } => path.push((*text).to_owned()),
            Token::Word { text, quoted: false } => path.push(text.to_ascii_lowercase()),
            _ => return None,
        }
        if tokens.get(at + 1) != Some(&Token::Mark(b'.')) {
            return Some((path, at + 1));
        }
        at += 2;
    }
}

fn is_word(token: &Token<'_>, word: &str) -> bool {
    matches!(token, Token::Word { text, quoted: false } if text.eq_ignore_ascii_case(word))
}

/// Cuts the text into tokens, or nothing where it holds what is not understood here.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        let rest = &bytes[at..];
        let run = |member: fn(u8) -> bool| rest.iter().position(|&b| !member(b)).unwrap_or(rest.len());
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0C => 1,
            b'-' if rest.starts_with(b"--") => run(|b| b != b'\n' && b != b'\r'),
            b'/' if rest.starts_with(b"/*") => comment(rest)?,
            b'\'' | b'"' => {
                let length = quoted(rest)?;
                let inner = &text[at + 1..at + length - 1];
                tokens.push(match first {
                    b'"' => Token::Word { text: inner, quoted: true },
                    _ => Token::Literal(inner),
                });
                length
            }
            b'(' | b')' | b'[' | b']' | b',' | b';' => {
                tokens.push(Token::Mark(first));
                1
            }
            b'.' if !rest.get(1).is_some_and(u8::is_ascii_digit) => {
                tokens.push(Token::Mark(b'.'));
                1
            }
            b'0'..=b'9' | b'.' => {
                tokens.push(Token::Number);
                run(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
            }
            b'$' if rest.get(1).is_some_and(u8::is_ascii_digit) => {
                tokens.push(Token::Parameter);
                1 + rest[1..].iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len() - 1)
            }
            _ if is_letter(first) => {
                let length = run(|b| is_letter(b) || b.is_ascii_digit() || b == b'$');
                // `E'…'`, `U&"…"`, `B'…'`: escapes that are not understood here.
                if matches!(rest.get(length), Some(b'\'')) || rest[length..].starts_with(b"&\"") {
                    return None;
                }
                tokens.push(Token::Word { text: &text[at..at + length], quoted: false });
                length
            }
            _ => {
                let length = operator(rest)?;
                tokens.push(Token::Operator(&text[at..at + length]));
                length
            }
        };
        at += length;
    }
    Some(tokens)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// The length of an operator, which ends where a comment begins and sheds a trailing sign as PostgreSQL's
/// own lexer does.
fn operator(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"::") {
        return Some(2);
    }
    let is_part = |b: &u8| b"+-*/<>=~!@#%^&|`?".contains(b);
    let mut length = rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
    let comment = |start: usize| rest[start..].starts_with(b"--") || rest[start..].starts_with(b"/*");
    if let Some(start) = (1..length).find(|&start| comment(start)) {
        length = start;
    }
    let sheds = |length: usize| {
        length > 1
            && matches!(rest[length - 1], b'+' | b'-')
            && !rest[..length].iter().any(|b| b"~!@#%^&|`?".contains(b))
    };
    while sheds(length) {
        length -= 1;
    }
    (length > 0).then_some(length)
}

/// The length of a quoted piece with its quotes. Doubled quotes and backslashes are not understood here.
fn quoted(rest: &[u8]) -> Option<usize> {
    let quote = rest[0];
    let length = 2 + rest[1..].iter().position(|&b| b == quote)?;
    let plain = rest.get(length) != Some(&quote) && !rest[..length].contains(&b'\\');
    plain.then_some(length)
}

/// The length of a comment, which may hold others.
fn comment(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_u32, 0);
    loop {
        let pair = rest.get(at..at + 2)?;
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
