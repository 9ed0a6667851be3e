//! What answers of a route read, as its owner declares it: `bot_profiles`, or
//! `messages.conversation_id = {path.id}`, or `members.org = {path.org} and user = {jwt.sub}`; and as the app itself
//! says it with an answer: `Courant-Depends: messages.conversation_id=7, bot_profiles`.
//!
//! Pure. Whether the database has such relations and columns is for others to say.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use crate::source::{Said, Source, SourceError};

/// Columns of one declaration; a read by more is a mistake.
const COLUMNS_MAX: usize = 8;
/// Members of a header; an answer of more reads so much that it had better say whole tables.
const MEMBERS_MAX: usize = 1000;

/// A relation, or those of its rows that have certain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependence {
    /// The relation, perhaps with its schema.
    pub relation: String,
    /// Columns, and where the request says their values; none: any row.
    pub rows: Vec<(String, Source)>,
}

/// The header in which an app says what its answer read.
pub const HEADER: HeaderName = HeaderName::from_static("courant-depends");

/// What an app said with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The relation, perhaps with its schema.
    pub relation: String,
    /// Columns and their values; none: any row.
    pub rows: Vec<(String, String)>,
}

impl Told {
    /// Reads the header's lines: members between commas, each a table or `table.column=value`, with
    /// `&column=value` for further columns. Values are percent-encoded where they hold `,`, `&`, `%` or blanks. None
    /// where it says nothing, or something that cannot be read, and so might mean more.
    pub fn read(headers: &HeaderMap) -> Option<Vec<Told>> {
        let lines = headers.get_all(HEADER).iter().map(|line| line.to_str().ok());
        let lines: Vec<&str> = lines.collect::<Option<_>>()?;
        let members = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
        let told: Vec<Told> =
            members.filter(|member| !member.is_empty()).map(Told::member).collect::<Option<_>>()?;
        (!told.is_empty() && told.len() <= MEMBERS_MAX).then_some(told)
    }

    fn member(text: &str) -> Option<Told> {
        let Some((first, _)) = text.split_once('=') else {
            let is_name = text.split('.').count() <= 2 && text.split('.').all(is_word);
            return is_name.then(|| Told { relation: text.to_owned(), rows: Vec::new() });
        };
        let (relation, column) = first.rsplit_once('.')?;
        let is_name = relation.split('.').count() <= 2 && relation.split('.').all(is_word);
        let comparisons = text[first.len() - column.len()..].split('&');
        let rows = comparisons.map(|comparison| {
            let (column, value) = comparison.split_once('=')?;
            let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
            is_word(column).then(|| (column.to_owned(), value))
        });
        let rows: Vec<(String, String)> = rows.collect::<Option<_>>()?;
        (is_name && rows.len() <= COLUMNS_MAX).then(|| Told { relation: relation.to_owned(), rows })
    }
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
    fn an_app_says_what_it_read_or_nothing_is_known() {
        let told = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(HEADER, line.parse().expect("a value"));
            });
            Told::read(&headers)
        };
        let row = |relation: &str, rows: &[(&str, &str)]| Told {
            relation: relation.into(),
            rows: rows.iter().map(|(column, value)| ((*column).into(), (*value).into())).collect(),
        };
        assert_eq!(
            told(&["messages.conversation_id=7, bot_profiles", "crm.members.org=a%2Cb&user_id=x=y"]),
            Some(vec![
                row("messages", &[("conversation_id", "7")]),
                row("bot_profiles", &[]),
                row("crm.members", &[("org", "a,b"), ("user_id", "x=y")])
            ])
        );
        for lines in [&[][..], &[""], &["a b"], &["a.b=1&c"], &["=1"], &["a=1"], &["a, b.c.d.e"]] {
            assert_eq!(told(lines), None, "{lines:?}");
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
