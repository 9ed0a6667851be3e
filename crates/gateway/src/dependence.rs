//! What answers of a route read, as its owner declares it: `bot_profiles`, or
//! `messages.conversation_id = {path.id}`, or `members.org = {path.org} and user = {jwt.sub}`.
//!
//! Pure. Whether the database has such relations and columns is for others to say.

use std::borrow::Cow;

use crate::source::{Said, Source, SourceError};

/// Columns of one declaration; a read by more is a mistake.
const COLUMNS_MAX: usize = 8;

/// A relation, or those of its rows that have certain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependence {
    /// The relation, perhaps with its schema.
    pub relation: String,
    /// Columns, and where the request says their values; none: any row.
    pub rows: Vec<(String, Source)>,
}

/// What cannot be a declaration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DependenceError {
    /// It is no name, and no comparison.
    #[error("{0:?}: expected a table, or table.column = {{path.name}} and column = {{jwt.sub}} …")]
    Form(String),
    /// Its columns are of two tables, stand twice, or are too many.
    #[error("{0:?}: expected columns of one table, each once, at most {COLUMNS_MAX}")]
    Columns(String),
    /// A value comes from nowhere.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Dependence {
    /// Reads a declaration.
    pub fn parse(text: &str) -> Result<Dependence, DependenceError> {
        let form = || DependenceError::Form(text.to_owned());
        if !text.contains('=') {
            let is_name = text.split('.').count() <= 2 && text.split('.').all(is_word);
            return if is_name {
                Ok(Dependence { relation: text.to_owned(), rows: Vec::new() })
            } else {
                Err(form())
            };
        }
        let mut relation: Option<&str> = None;
        let mut rows: Vec<(String, Source)> = Vec::new();
        for comparison in text.split(" and ") {
            let (left, right) = comparison.split_once('=').ok_or_else(form)?;
            let left = left.trim();
            if !left.split('.').all(is_word) || left.split('.').count() > 3 {
                return Err(form());
            }
            let column = match (left.rsplit_once('.'), relation) {
                (Some((of, column)), None) => {
                    relation = Some(of);
                    column
                }
                (Some((of, column)), Some(known)) if of == known => column,
                (None, Some(_)) => left,
                (None, None) => return Err(form()),
                (Some(_), Some(_)) => return Err(DependenceError::Columns(text.to_owned())),
            };
            if rows.len() == COLUMNS_MAX || rows.iter().any(|(known, _)| known == column) {
                return Err(DependenceError::Columns(text.to_owned()));
            }
            let source = right.trim().strip_prefix('{').and_then(|right| right.strip_suffix('}'));
            rows.push((column.to_owned(), Source::parse(source.ok_or_else(form)?)?));
        }
        Ok(Dependence { relation: relation.ok_or_else(form)?.to_owned(), rows })
    }

    /// Refuses names that the route's path does not have.
    pub fn check(&self, names: &[&str]) -> Result<(), SourceError> {
        self.rows.iter().try_for_each(|(_, source)| source.check(names))
    }

    /// For each column its value; none where the request does not say it, and any may be meant.
    pub fn values<'a>(&'a self, said: &Said<'a>) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> {
        self.rows.iter().map(|(column, source)| (column.as_str(), source.value(said)))
    }
}

/// A name that PostgreSQL needs no quotes for, or might: letters of any language, digits, `_`, `$`.
fn is_word(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Dependence {
        Dependence::parse(text).unwrap_or_else(|error| unreachable!("{error}"))
    }

    #[test]
    fn tables_and_rows_are_told_apart() {
        let none = Vec::new();
        assert_eq!(
            parsed("bot_profiles"),
            Dependence { relation: "bot_profiles".into(), rows: none.clone() }
        );
        assert_eq!(parsed("crm.modules"), Dependence { relation: "crm.modules".into(), rows: none });
        let id = |column: &str, source| (column.to_owned(), Source::parse(source).expect("a source"));
        assert_eq!(
            parsed("messages.conversation_id = {path.id}"),
            Dependence { relation: "messages".into(), rows: vec![id("conversation_id", "path.id")] }
        );
        let members = vec![id("org", "path.org"), id("user_id", "jwt.sub")];
        for text in [
            "crm.members.org={path.org} and user_id={jwt.sub}",
            "crm.members.org = {path.org} and crm.members.user_id = {jwt.sub}",
        ] {
            assert_eq!(parsed(text), Dependence { relation: "crm.members".into(), rows: members.clone() });
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "a.b.c",
            "a b",
            "a; drop table b",
            "a.b = 1",
            "a.b = {path.id",
            "a = {path.id}",
            "a.b = {path.id} and",
            "a.b = {path.id} and c.d = {path.id}",
            "a.b = {path.id} and b = {path.id}",
            "a.b = {body.id}",
            "a.b.c.d = {path.id}",
        ] {
            Dependence::parse(text).expect_err(text);
        }
    }
}
