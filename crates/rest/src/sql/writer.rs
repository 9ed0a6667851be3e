//! The only door through which SQL text is made.
//!
//! Fixed text is `&'static str`, so that nothing from a request can be pasted by mistake; names go through
//! the one quoting function; values become parameters.

use bytes::Bytes;
use pg::catalog::Conversion;
use pg::{Parameter, Statement};

use super::batch::{Place, Scalar};
use crate::plan::{DefaultValue, TypeName};

/// A statement being written.
#[derive(Default)]
pub(super) struct Writer {
    sql: String,
    parameters: Vec<Parameter>,
    /// Where those stand whose type is known.
    places: Vec<Place>,
}

impl Writer {
    /// Fixed text.
    pub(super) fn sql(&mut self, text: &'static str) -> &mut Writer {
        self.sql.push_str(text);
        self
    }

    /// A name, quoted.
    pub(super) fn name(&mut self, name: &str) -> &mut Writer {
        self.quote('"', name)
    }

    /// A name of Courant's own and a number, quoted.
    pub(super) fn numbered(&mut self, name: &'static str, number: usize) -> &mut Writer {
        self.name(&format!("{name}{number}"))
    }

    /// A column of a numbered name: `"courant_0"."id"`.
    pub(super) fn column(&mut self, name: &'static str, number: usize, column: &str) -> &mut Writer {
        self.numbered(name, number).sql(".").name(column)
    }

    /// A type, which only the catalog can make.
    pub(super) fn type_name(&mut self, type_name: &TypeName) -> &mut Writer {
        self.sql.push_str(type_name.as_str());
        self
    }

    /// A column's default, which only the catalog can make.
    pub(super) fn default_value(&mut self, default: &DefaultValue) -> &mut Writer {
        self.sql.push_str(default.as_str());
        self
    }

    /// A text, as a literal.
    pub(super) fn literal(&mut self, text: &str) -> &mut Writer {
        self.json_key(text)
    }

    /// A key of JSON. It is written as a literal, not bound, because an index on an expression is found
    /// only by the very same expression, under a generic plan too.
    pub(super) fn json_key(&mut self, key: &str) -> &mut Writer {
        if key.contains('\\') {
            // Read alike whether or not `standard_conforming_strings` is on.
            self.sql.push_str(" E");
            return self.quote('\'', &key.replace('\\', "\\\\"));
        }
        self.quote('\'', key)
    }

    /// A number.
    pub(super) fn integer(&mut self, number: i32) -> &mut Writer {
        if number < 0 {
            self.sql.push_str(&format!("({number})"));
        } else {
            self.sql.push_str(&number.to_string());
        }
        self
    }

    /// A value, bound.
    pub(super) fn bind(&mut self, value: impl Into<Bytes>) -> &mut Writer {
        self.parameters.push(Parameter::Text(value.into()));
        self.sql.push_str(&format!("${}", self.parameters.len()));
        self
    }

    /// A value that is compared with a column of that type, bound.
    pub(super) fn bind_beside(&mut self, type_id: u32, value: impl Into<Bytes>) -> &mut Writer {
        let start = self.sql.len();
        self.bind(value);
        let at = start..self.sql.len();
        self.places.extend(Scalar::of(type_id).map(|scalar| Place { at, scalar }));
        self
    }

    /// A value as a conversion makes it, where there is one.
    pub(super) fn converted(&mut self, conversion: Option<&Conversion>, value: impl FnOnce(&mut Writer)) {
        if let Some(Conversion { schema, name, .. }) = conversion {
            self.name(schema).sql(".").name(name).sql("(");
        }
        value(self);
        self.sql(if conversion.is_some() { ")" } else { "" });
    }

    /// Writes each of `items`, with `between` in between.
    pub(super) fn list<T>(
        &mut self,
        between: &'static str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Writer, T),
    ) -> &mut Writer {
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.sql(between);
            }
            each(self, item);
        }
        self
    }

    /// Where the parameters stand, if the types of all are known and there are any.
    pub(super) fn places(&mut self) -> Option<Vec<Place>> {
        let all = self.places.len() == self.parameters.len() && !self.places.is_empty();
        all.then(|| std::mem::take(&mut self.places))
    }

    pub(super) fn finish(self) -> Statement {
        Statement { sql: self.sql, parameters: self.parameters }
    }

    /// The one quoting function: a quote within is doubled, and U+0000, which no text of PostgreSQL can
    /// hold, is left out.
    fn quote(&mut self, quote: char, text: &str) -> &mut Writer {
        self.sql.push(quote);
        for c in text.chars().filter(|c| *c != '\0') {
            if c == quote {
                self.sql.push(quote);
            }
            self.sql.push(c);
        }
        self.sql.push(quote);
        self
    }
}
