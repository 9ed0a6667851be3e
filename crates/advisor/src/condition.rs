//! Conditions as `EXPLAIN` prints them, taken apart: which columns are compared, with what, and how.
//!
//! The planner's own words are read instead of the statement's: views, row-level security and subqueries that it
//! pulled up are in them, and every column carries its table's alias. Every operation stands in parentheses of its
//! own there, so that no precedence need be known. What is not understood is passed over, never guessed at.

mod tokens;

use tokens::Token;
pub(crate) use tokens::{columns_in, tokens};

/// A column of a scan, by the scan's alias.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ColumnRef {
    pub(crate) alias: String,
    pub(crate) column: String,
}

/// What a column, or an expression over columns of one scan, is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=` a constant, or any of several.
    Equal,
    /// `<`, `<=`, `>`, `>=`.
    Range,
    /// `IS NULL`.
    Null,
    /// `LIKE` from the beginning of the text.
    Prefix,
    /// `LIKE`, `ILIKE` or a regular expression anywhere in it.
    Pattern,
    /// `@>`, `?`, `@@`, `&&` and their kin: what a GIN index answers.
    Contains,
}

/// Something that a condition says of one scan's columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    /// A column is compared with something that does not come from the same scan.
    Column { column: ColumnRef, how: Comparison, text: String, constant: bool },
    /// The same of an expression, whose columns carry their alias still.
    Expression { alias: String, expression: String, how: Comparison },
    /// Two columns of different scans are equal.
    Join(ColumnRef, ColumnRef),
}

/// A part of a condition: a token, or what stands in parentheses.
#[derive(Debug)]
enum Part<'a> {
    Token(Token<'a>),
    Group(Vec<Part<'a>>),
}

/// Everything that a condition says.
pub(crate) fn facts(text: &str) -> Vec<Fact> {
    let mut tokens = tokens(text).into_iter().peekable();
    let parts = group(&mut tokens, 0);
    let mut found = Vec::new();
    collect(&parts, true, &mut found);
    found
}

/// Deeper than any condition that somebody wrote.
const DEPTH_MAX: usize = 200;

fn group<'a>(tokens: &mut impl Iterator<Item = Token<'a>>, depth: usize) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Symbol("(") if depth < DEPTH_MAX => parts.push(Part::Group(group(tokens, depth + 1))),
            Token::Symbol(")") => return parts,
            token => parts.push(Part::Token(token)),
        }
    }
    parts
}

fn is_word(part: &Part<'_>, word: &str) -> bool {
    matches!(part, Part::Token(Token::Word(found)) if *found == word)
}

/// `must`: whether it holds of every row that is wanted, and is not one of several ways.
fn collect(parts: &[Part<'_>], must: bool, found: &mut Vec<Fact>) {
    let either = parts.iter().any(|part| is_word(part, "OR"));
    if either || parts.iter().any(|part| is_word(part, "AND")) {
        for side in parts.split(|part| is_word(part, "AND") || is_word(part, "OR")) {
            collect(side, must && !either, found);
        }
        return;
    }
    if parts.iter().any(|part| is_word(part, "NOT")) && !parts.iter().any(|part| is_word(part, "IS")) {
        return;
    }
    if let [Part::Group(inside)] = parts {
        return collect(inside, must, found);
    }
    comparison(parts, must, found);
}

fn comparison(parts: &[Part<'_>], must: bool, found: &mut Vec<Fact>) {
    let operator = parts.iter().position(|part| match part {
        Part::Token(Token::Symbol(symbol)) => is_operator(symbol),
        part => is_word(part, "IS"),
    });
    let Some(at) = operator else {
        // A boolean column by itself.
        if let Some(column) = column_of(parts) {
            let text = plain(parts);
            found.push(Fact::Column { column, how: Comparison::Equal, text, constant: must });
        }
        return;
    };
    let (left, right) = (&parts[..at], &parts[at + 1..]);
    let how = match &parts[at] {
        Part::Token(Token::Symbol(symbol)) => how(symbol, right),
        _ => is_word_at(right, 0, "NULL").then_some(Comparison::Null),
    };
    let Some(how) = how else { return };
    if let (Some(one), Some(other), Comparison::Equal) = (column_of(left), column_of(right), how) {
        if one.alias != other.alias {
            found.push(Fact::Join(one, other));
        }
        return;
    }
    let whole = || plain(parts);
    for (side, across, how) in [(left, right, how), (right, left, how)] {
        let mine = columns_of(side);
        let theirs = columns_of(across);
        let Some(first) = mine.first() else { continue };
        let one_scan = mine.iter().all(|column| column.alias == first.alias);
        if !one_scan || theirs.iter().any(|column| column.alias == first.alias) {
            continue;
        }
        let constant = must && theirs.is_empty() && !has_parameter(across);
        match column_of(side) {
            Some(column) => found.push(Fact::Column { column, how, text: whole(), constant }),
            None => {
                let (alias, expression) = (first.alias.clone(), plain(side));
                found.push(Fact::Expression { alias, expression, how });
            }
        }
    }
}

fn is_word_at(parts: &[Part<'_>], at: usize, word: &str) -> bool {
    parts.get(at).is_some_and(|part| is_word(part, word))
}

fn is_operator(symbol: &str) -> bool {
    symbol != "::" && symbol.chars().all(|c| "=<>~!@#%^&|?".contains(c))
}

fn how(symbol: &str, right: &[Part<'_>]) -> Option<Comparison> {
    Some(match symbol {
        "=" => Comparison::Equal,
        "<" | "<=" | ">" | ">=" => Comparison::Range,
        "~~" => match right.first() {
            Some(Part::Token(Token::Text(text))) if !text.starts_with(['%', '_']) => Comparison::Prefix,
            _ => Comparison::Pattern,
        },
        "~~*" | "~" | "~*" => Comparison::Pattern,
        "@>" | "<@" | "?" | "?|" | "?&" | "@@" | "@?" | "&&" => Comparison::Contains,
        _ => return None,
    })
}

/// The column that this is, casts aside.
fn column_of(parts: &[Part<'_>]) -> Option<ColumnRef> {
    let (first, rest) = parts.split_first()?;
    let only_casts = rest.first().is_none_or(|part| matches!(part, Part::Token(Token::Symbol("::"))));
    match first {
        Part::Token(Token::Column { alias, column }) if only_casts => {
            Some(ColumnRef { alias: alias.to_string(), column: column.to_string() })
        }
        Part::Group(inside) if only_casts => column_of(inside),
        _ => None,
    }
}

fn columns_of(parts: &[Part<'_>]) -> Vec<ColumnRef> {
    let mut found = Vec::new();
    for part in parts {
        match part {
            Part::Token(Token::Column { alias, column }) => {
                found.push(ColumnRef { alias: alias.to_string(), column: column.to_string() });
            }
            Part::Group(inside) => found.extend(columns_of(inside)),
            Part::Token(_) => {}
        }
    }
    found
}

fn has_parameter(parts: &[Part<'_>]) -> bool {
    parts.iter().any(|part| match part {
        Part::Token(Token::Symbol(symbol)) => symbol.starts_with('$'),
        Part::Token(Token::Word(word)) => *word == "SubPlan" || *word == "InitPlan",
        Part::Token(_) => false,
        Part::Group(inside) => has_parameter(inside),
    })
}

/// The text again, without aliases: what an index of that table would say.
fn plain(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    let mut tight = true;
    for part in parts {
        let piece = match part {
            Part::Group(inside) => {
                // A call's parentheses belong to its name.
                tight = tight || text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '"');
                format!("({})", plain(inside))
            }
            Part::Token(Token::Column { column, .. }) => pg::identifier(column),
            Part::Token(Token::Symbol(symbol)) => (*symbol).to_owned(),
            Part::Token(Token::Word(word)) => (*word).to_owned(),
            Part::Token(Token::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        };
        let joins = ["::", ",", ".", "[", "]"].contains(&piece.as_str());
        if !tight && !joins {
            text.push(' ');
        }
        text.push_str(&piece);
        tight = matches!(piece.as_str(), "::" | "." | "[");
    }
    text
}

#[cfg(test)]
mod tests;
