//! What a statement reads and writes, as far as its text tells: tables, and the columns they are narrowed by.
//!
//! The text is what PostgreSQL keeps of it, with `$1` for values; where values are left in, they are not looked at.
//! A reading, not a parser: what it takes for a table is looked up in the catalog before anybody relies on it.

mod tokens;

use std::collections::BTreeSet;

use tokens::{Token, tokens};

/// A longer text is read to here.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// What a statement does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Tables read, as they are named: `messages`, `crm.modules`.
    pub(super) reads: BTreeSet<String>,
    pub(super) writes: BTreeSet<String>,
    /// `(table, column)` of each comparison with a value that all rows read must pass; the table is empty where the
    /// column stands alone and several tables are read.
    pub(super) narrowed: BTreeSet<(String, String)>,
    /// Functions called in the place of a table.
    pub(super) functions: BTreeSet<String>,
}

/// Queries within queries that are followed by name.
const DEPTH_MAX: usize = 32;

/// Words after which a table's alias cannot stand.
const KEYWORDS: [&str; 31] = [
    "where",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "on",
    "using",
    "group",
    "order",
    "limit",
    "offset",
    "having",
    "union",
    "intersect",
    "except",
    "set",
    "values",
    "returning",
    "for",
    "window",
    "fetch",
    "as",
    "lateral",
    "only",
    "select",
    "default",
    "tablesample",
    "and",
];

/// Reads a statement's text.
pub(super) fn read(text: &str) -> Statement {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let tokens = tokens(&text[..end]);
    let mut reading = Reading {
        tokens: &tokens,
        found: Statement::default(),
        aliases: Vec::new(),
        with: with(&tokens),
        depth: 0,
    };
    reading.tables(0, tokens.len());
    reading.narrowed();
    reading.found
}

struct Reading<'a> {
    tokens: &'a [Token],
    found: Statement,
    /// Each table by what it is called in the statement.
    aliases: Vec<(String, String)>,
    /// Names that `with` gives to queries.
    with: BTreeSet<String>,
    /// Brackets around what is being read.
    depth: usize,
}

impl Reading<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Word(word, _)) => Some(word),
            _ => None,
        }
    }

    fn is_keyword(&self, at: usize, keyword: &str) -> bool {
        matches!(self.tokens.get(at), Some(Token::Word(word, false)) if word == keyword)
    }

    fn is_sign(&self, at: usize, sign: char) -> bool {
        self.tokens.get(at) == Some(&Token::Sign(sign))
    }

    fn tables(&mut self, from: usize, to: usize) {
        let mut at = from;
        // `extract(year from at)`, `substring(… from 2)`: a `from` in a call's brackets names no table.
        let mut calls: Vec<bool> = Vec::new();
        while at < to {
            if self.is_sign(at, '(') {
                calls.push(at > 0 && self.word(at - 1).is_some_and(|word| FROM_CALLS.contains(&word)));
            } else if self.is_sign(at, ')') {
                calls.pop();
            }
            let in_call = calls.last().copied().unwrap_or(false);
            let is_from =
                self.is_keyword(at, "from") && !in_call && !(at > 0 && self.is_keyword(at - 1, "distinct"));
            let is_delete = at > 0 && is_from && self.is_keyword(at - 1, "delete");
            let is_update = self.is_keyword(at, "update")
                && !(at > 0 && ["for", "do", "key"].iter().any(|word| self.is_keyword(at - 1, word)));
            at = if is_delete || is_update || self.is_keyword(at, "into") {
                self.table(at + 1, true)
            } else if is_from
                || self.is_keyword(at, "join")
                || self.is_keyword(at, "using") && !self.is_sign(at + 1, '(')
            {
                self.list(at + 1)
            } else {
                at + 1
            };
        }
    }

    /// Tables separated by commas.
    fn list(&mut self, mut at: usize) -> usize {
        loop {
            at = self.table(at, false);
            if self.is_sign(at, '(') {
                at = self.bracket(at);
            }
            if !self.is_sign(at, ',') {
                return at;
            }
            at += 1;
        }
    }

    /// A call's arguments, or a query in the place of a table, and what it is called; returns where the rest begins.
    fn bracket(&mut self, open: usize) -> usize {
        let mut depth = 0usize;
        let close = (open..self.tokens.len()).find(|at| {
            depth += usize::from(self.is_sign(*at, '('));
            depth -= usize::from(self.is_sign(*at, ')'));
            depth == 0
        });
        let Some(close) = close.filter(|_| self.depth < DEPTH_MAX) else { return open + 1 };
        self.depth += 1;
        self.tables(open + 1, close);
        self.depth -= 1;
        let mut at = close + 1;
        at += usize::from(self.is_keyword(at, "as"));
        let is_alias = matches!(self.tokens.get(at), Some(Token::Word(word, quoted)) if *quoted || !KEYWORDS.contains(&word.as_str()));
        at + usize::from(is_alias)
    }

    /// A table and what it is called; returns where the rest begins.
    fn table(&mut self, mut at: usize, is_written: bool) -> usize {
        while self.is_keyword(at, "only") || self.is_keyword(at, "lateral") {
            at += 1;
        }
        let Some(first) = self.word(at).map(str::to_owned) else { return at };
        if self.is_keyword(at, "select") || self.is_keyword(at, "values") {
            return at;
        }
        at += 1;
        let mut name = first;
        while self.is_sign(at, '.') {
            let Some(next) = self.word(at + 1) else { break };
            name = format!("{name}.{next}");
            at += 2;
        }
        // `insert into t (columns)` is no call.
        if self.is_sign(at, '(') && !is_written {
            self.found.functions.insert(name);
            return at;
        }
        if self.with.contains(&name) {
            return at;
        }
        let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
        if is_written { &mut self.found.writes } else { &mut self.found.reads }.insert(name.clone());
        if self.is_keyword(at, "as") {
            at += 1;
        }
        let alias = match self.tokens.get(at) {
            Some(Token::Word(word, quoted)) if *quoted || !KEYWORDS.contains(&word.as_str()) => {
                at += 1;
                word.clone()
            }
            _ => last,
        };
        self.aliases.push((alias, name));
        at
    }

    /// Comparisons with a value. None of them binds where there is an `or` or a query within the query.
    fn narrowed(&mut self) {
        let selects = (0..self.tokens.len()).filter(|at| self.is_keyword(*at, "select")).count();
        let has_or = (0..self.tokens.len()).any(|at| {
            ["or", "not", "case", "union", "left", "right", "full"]
                .iter()
                .any(|word| self.is_keyword(at, word))
        });
        let Some(start) = (0..self.tokens.len()).find(|at| self.is_keyword(*at, "where")) else { return };
        if has_or || selects > 1 {
            return;
        }
        for at in start..self.tokens.len() {
            if !self.is_sign(at, '=') {
                continue;
            }
            // `= any($1)` and its like are no comparison with one value.
            let value_after = self.tokens.get(at + 1) == Some(&Token::Value);
            let value_before = at > 0 && self.tokens[at - 1] == Token::Value;
            if value_after && let Some(column) = self.column_before(at) {
                self.found.narrowed.insert(column);
            } else if value_before && let Some(column) = self.column_after(at) {
                self.found.narrowed.insert(column);
            }
        }
    }

    fn column_before(&self, at: usize) -> Option<(String, String)> {
        let column = self.word(at.checked_sub(1)?)?.to_owned();
        if at >= 3 && self.is_sign(at - 2, '.') {
            return Some((self.called(self.word(at - 3)?), column));
        }
        // `a + b = $1` compares no column.
        let is_alone = at < 2 || matches!(&self.tokens[at - 2], Token::Word(..) | Token::Sign('('));
        is_alone.then(|| (self.only_table(), column))
    }

    fn column_after(&self, at: usize) -> Option<(String, String)> {
        let first = self.word(at + 1)?.to_owned();
        if self.is_sign(at + 2, '.') {
            return Some((self.called(&first), self.word(at + 3)?.to_owned()));
        }
        (!self.is_sign(at + 2, '(')).then(|| (self.only_table(), first))
    }

    fn called(&self, alias: &str) -> String {
        let known = self.aliases.iter().find(|(name, _)| name == alias);
        known.map_or_else(String::new, |(_, table)| table.clone())
    }

    fn only_table(&self) -> String {
        match &self.aliases[..] {
            [(_, table)] => table.clone(),
            _ => String::new(),
        }
    }
}

/// Functions whose arguments have a `from` of their own.
const FROM_CALLS: [&str; 4] = ["extract", "substring", "trim", "overlay"];

/// What `with` gives a name to: `with x as (…), y as materialized (…)`.
fn with(tokens: &[Token]) -> BTreeSet<String> {
    let is = |at: usize, keyword: &str| matches!(tokens.get(at), Some(Token::Word(word, false)) if word == keyword);
    let mut names = BTreeSet::new();
    for at in 1..tokens.len() {
        let opens = tokens.get(at + 1) == Some(&Token::Sign('('))
            || is(at + 1, "materialized")
            || is(at + 1, "not") && is(at + 2, "materialized");
        let begins =
            at >= 2 && (is(at - 2, "with") || is(at - 2, "recursive") || tokens[at - 2] == Token::Sign(','));
        if is(at, "as")
            && opens
            && begins
            && let Token::Word(name, _) = &tokens[at - 1]
        {
            names.insert(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests;
