//! The request language: text to typed tree, by recursive descent over percent-decoded parameters.
//!
//! Never looks at the catalog: whether a name means anything is for `plan` to say. Every error carries
//! the position where reading stopped.

mod body;
mod filter;
mod order;
mod preference;
mod query;
mod select;
mod table_body;

pub(crate) use body::{Body, Shape};
pub(crate) use filter::{Comparison, Is, Logic, Quantifier, Search, Test};
pub(crate) use order::{Nulls, Order, Target};
pub(crate) use preference::{Count, Heeded, Missing, Offered, Preferences, Resolution, Return};
pub(crate) use query::{Distinct, Query, Range, canonical, canonical_page};
pub(crate) use select::{Aggregate, Embed, Item};
pub(crate) use table_body::form_pairs;

use crate::Error;

/// Steps of one path into JSON. PostgreSQL evaluates them one inside the other, on a stack of its own.
const JSON_STEPS_MAX: usize = 100;

/// A column, and a path into its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) path: Vec<Arrow>,
}

/// `->step` or, as text, `->>step`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) as_text: bool,
    pub(crate) step: Step,
}

/// A key of an object or an index into an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(i32),
}

/// A text being read, and how far.
pub(crate) struct Input<'a> {
    /// What it is, for errors: `select parameter`.
    what: &'static str,
    text: &'a str,
    /// Where the part begins that the client wrote.
    written_from: usize,
    at: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(what: &'static str, text: &'a str) -> Input<'a> {
        Input { what, text, written_from: 0, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next character, consumed.
    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Consumes `token` if it stands here.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    fn expect(&mut self, token: &str, expecting: &str) -> Result<(), Error> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected(expecting)) }
    }

    fn end(&self, expecting: &str) -> Result<(), Error> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.unexpected(expecting)) }
    }

    fn unexpected(&self, expecting: &str) -> Error {
        self.unexpected_after("", expecting)
    }

    /// PostgREST's parser compares token by token and names the first character that differs, although it
    /// tells the position where the token should have begun.
    fn unexpected_after(&self, token: &str, expecting: &str) -> Error {
        let mut found = self.rest().chars();
        for wanted in token.chars() {
            if found.clone().next() != Some(wanted) {
                break;
            }
            found.next();
        }
        let found = found.next().map_or("end of input".to_owned(), |c| format!("\"{c}\""));
        self.error(format!("unexpected {found} expecting {expecting}"))
    }

    /// Where a single character and not a token was looked for, it is shown in single quotes.
    fn unexpected_character(&self, expecting: &str) -> Error {
        let found = self.peek().map_or("end of input".to_owned(), |c| format!("'{c}'"));
        self.error(format!("unexpected {found} expecting {expecting}"))
    }

    fn error(&self, details: String) -> Error {
        let column = self.text[..self.at].chars().count() + 1;
        let written = &self.text[self.written_from..];
        let message = format!("\"failed to parse {} ({written})\" (line 1, column {column})", self.what);
        Error::parse(message, details)
    }

    /// A name: quoted, or made of letters, digits, `_`, `$`, blanks and single dashes.
    pub(crate) fn name(&mut self) -> Result<String, Error> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let start = self.at;
        loop {
            self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '$'));
            let dash = self.rest().starts_with('-') && !self.rest().starts_with("->");
            if !dash || self.at == start {
                break;
            }
            self.at += 1;
        }
        let name = self.text[start..self.at].trim();
        if name.is_empty() || name.ends_with('-') {
            return Err(self.unexpected("field name (* or [a..z0..9_$])"));
        }
        Ok(name.to_owned())
    }

    /// A text in double quotes, in which a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, Error> {
        self.expect("\"", "quoted value")?;
        let mut value = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(value),
                Some('\\') => value.extend(self.next()),
                Some(c) => value.push(c),
                None => return Err(self.unexpected("\"\\\\\" or \"\\\"\"")),
            }
        }
    }

    pub(crate) fn field(&mut self) -> Result<Field, Error> {
        self.space();
        let name = self.name()?;
        let path = self.json_path()?;
        self.space();
        Ok(Field { name, path })
    }

    fn json_path(&mut self) -> Result<Vec<Arrow>, Error> {
        let mut path = Vec::new();
        loop {
            let as_text = if self.take("->>") {
                true
            } else if self.take("->") {
                false
            } else {
                return Ok(path);
            };
            if path.len() == JSON_STEPS_MAX {
                let details = format!("at most {JSON_STEPS_MAX} steps into JSON");
                return Err(Error::limit(http::StatusCode::BAD_REQUEST, details));
            }
            let step = match self.index()? {
                Some(index) => Step::Index(index),
                None => Step::Key(self.json_key()?),
            };
            path.push(Arrow { as_text, step });
        }
    }

    /// A member's name: quoted, or made of whatever ends no step, with single dashes.
    fn json_key(&mut self) -> Result<String, Error> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let start = self.at;
        loop {
            let piece = self.at;
            self.take_while(|c| !matches!(c, '(' | '-' | ':' | '.' | ',' | '>' | ')'));
            if self.at == piece {
                // After a dash, only the head of the next arrow would do.
                let expecting = if piece > start {
                    "\">\""
                } else {
                    "\"-\", digit or any non reserved character different from: .,>()"
                };
                return Err(self.unexpected(expecting));
            }
            if !self.rest().starts_with('-') || self.rest().starts_with("->") {
                return Ok(self.text[start..self.at].trim().to_owned());
            }
            self.at += 1;
        }
    }

    /// An array index, if one stands here whole: `1a` is a key.
    fn index(&mut self) -> Result<Option<i32>, Error> {
        let start = self.at;
        let negative = self.take("-");
        let digits = self.take_while(|c| c.is_ascii_digit());
        let ends = |rest: &str| {
            rest.is_empty() || ["->", "::", ".", ",", ")", ":"].iter().any(|token| rest.starts_with(token))
        };
        if !digits.is_empty() && ends(self.rest()) {
            let index = self.text[start..self.at].parse();
            return index.map(Some).map_err(|_| self.error("array index out of range".to_owned()));
        }
        if negative {
            return Err(self.unexpected("digit"));
        }
        self.at = start;
        Ok(None)
    }

    /// A parameter's name: the embeds it goes through, and the field.
    fn tree_path(&mut self) -> Result<(Vec<String>, Field), Error> {
        let mut names = vec![self.name()?];
        while self.take(".") {
            names.push(self.name()?);
        }
        let path = self.json_path()?;
        self.end("delimiter (.), \"->\" or end of input")?;
        let name = names.pop().expect("the list started with one name");
        Ok((names, Field { name, path }))
    }

    /// Names separated by commas, to the end.
    fn names(&mut self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        loop {
            self.space();
            names.push(self.name()?);
            self.space();
            if !self.take(",") {
                self.end("\",\" or end of input")?;
                return Ok(names);
            }
        }
    }
}
