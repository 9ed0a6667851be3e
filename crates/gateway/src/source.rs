//! Where a value of a request stands: `{path.id}`, `{query.page}`, `{header.authorization}`, `{cookie.sid}`,
//! `{jwt.sub}`.
//!
//! Pure: what a request says is handed over. Claims come from whoever has verified the token.

use std::borrow::Cow;
use std::fmt;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

/// A place in a request where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// What a name of the route's pattern stands for.
    Path(String),
    /// A parameter of the query.
    Query(String),
    /// A header.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
    /// A claim of the verified token; a path of names where it stands deeper.
    Claim(Vec<String>),
}

/// What cannot be a source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It begins with none of the five words.
    #[error("{0:?}: expected path.…, query.…, header.…, cookie.… or jwt.…")]
    Kind(String),
    /// No name follows the word, or none that could be there.
    #[error("{0:?}: expected a name after the first dot")]
    Name(String),
    /// The route's path has no such name.
    #[error("{0:?}: the path of the route has no {{{1}}}")]
    NotInPath(String, String),
}

/// What a request says, where sources look.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// What the names of the route's pattern stand for.
    pub captures: &'a [(&'a str, Cow<'a, str>)],
    /// The query, without its question mark.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// A claim by its path, as text.
    pub claim: &'a dyn Fn(&[String]) -> Option<String>,
}

impl Source {
    /// Reads `path.id` and its like.
    pub fn parse(text: &str) -> Result<Source, SourceError> {
        let (kind, name) = text.split_once('.').ok_or_else(|| SourceError::Kind(text.to_owned()))?;
        let unnamed = || SourceError::Name(text.to_owned());
        if name.is_empty() {
            return Err(unnamed());
        }
        match kind {
            "path" => Ok(Source::Path(name.to_owned())),
            "query" => Ok(Source::Query(name.to_owned())),
            "cookie" => Ok(Source::Cookie(name.to_owned())),
            "header" => name.parse().map(Source::Header).map_err(|_| unnamed()),
            "jwt" => {
                let path: Vec<String> = name.split('.').map(str::to_owned).collect();
                if path.iter().any(String::is_empty) { Err(unnamed()) } else { Ok(Source::Claim(path)) }
            }
            _ => Err(SourceError::Kind(text.to_owned())),
        }
    }

    /// Refuses a name that the route's path does not have.
    pub fn check(&self, names: &[&str]) -> Result<(), SourceError> {
        match self {
            Source::Path(name) if !names.contains(&name.as_str()) => {
                Err(SourceError::NotInPath(self.to_string(), name.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Everything that stands there, by which requests are told apart.
    pub fn all<'a>(&self, said: &Said<'a>) -> Vec<Cow<'a, [u8]>> {
        let texts = |found: &mut dyn Iterator<Item = Cow<'a, str>>| found.map(bytes).collect();
        match self {
            Source::Path(name) => texts(&mut named(said.captures.iter().cloned(), name)),
            Source::Query(name) => texts(&mut named(parameters(said.query), name)),
            Source::Cookie(name) => texts(&mut named(cookies(said.headers), name)),
            Source::Header(name) => {
                said.headers.get_all(name).iter().map(|value| Cow::Borrowed(value.as_bytes())).collect()
            }
            Source::Claim(path) => (said.claim)(path).into_iter().map(|text| bytes(text.into())).collect(),
        }
    }

    /// The value, where the request has it once, in a form that means the same to everybody. What stands there
    /// twice is not one value, and whether an app decodes a cookie's escapes is not known: none.
    pub fn value<'a>(&self, said: &Said<'a>) -> Option<Cow<'a, str>> {
        let mut all = self.all(said).into_iter();
        let (Some(value), None) = (all.next(), all.next()) else { return None };
        let value = match value {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }?;
        let is_plain = !matches!(self, Source::Cookie(_)) || !value.contains(['%', '"', '\\']);
        is_plain.then_some(value)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Path(name) => write!(f, "path.{name}"),
            Source::Query(name) => write!(f, "query.{name}"),
            Source::Header(name) => write!(f, "header.{name}"),
            Source::Cookie(name) => write!(f, "cookie.{name}"),
            Source::Claim(path) => write!(f, "jwt.{}", path.join(".")),
        }
    }
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn named<'a, N: AsRef<str>>(
    pairs: impl Iterator<Item = (N, Cow<'a, str>)>,
    name: &str,
) -> impl Iterator<Item = Cow<'a, str>> {
    pairs.filter_map(move |(known, value)| (known.as_ref() == name).then_some(value))
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The parameters of a query, as a form writes them (WHATWG URL, application/x-www-form-urlencoded).
fn parameters(query: &str) -> impl Iterator<Item = Pair<'_>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    })
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The cookies (RFC 6265, section 4.2.1); values are compared as they come.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Pair<'_>> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((Cow::Borrowed(name), Cow::Borrowed(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(source: &str, query: &str, headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("the test's headers are sound"));
        }
        let captures = [("id", Cow::Borrowed("7"))];
        let claim = |path: &[String]| (path == ["app", "org"]).then(|| "acme".to_owned());
        let said = Said { captures: &captures, query, headers: &map, claim: &claim };
        Source::parse(source).expect("the test's sources are sound").value(&said).map(Cow::into_owned)
    }

    #[test]
    fn a_value_is_found_where_its_source_says() {
        let headers = [("cookie", "a=1; sid=x%20y"), ("cookie", "b=2"), ("x-org", "acme")];
        for (source, query, wanted) in [
            ("path.id", "", Some("7")),
            ("path.other", "", None),
            ("query.q", "p=1&q=a+b%2B", Some("a b+")),
            ("query.q", "q", Some("")),
            ("query.q", "p=1", None),
            ("header.X-Org", "", Some("acme")),
            ("header.x-none", "", None),
            ("cookie.sid", "", None),
            ("cookie.b", "", Some("2")),
            ("jwt.app.org", "", Some("acme")),
            ("jwt.sub", "", None),
        ] {
            assert_eq!(value(source, query, &headers).as_deref(), wanted, "{source} {query}");
        }
    }

    #[test]
    fn what_stands_there_twice_is_no_value() {
        assert_eq!(value("query.id", "id=1&id=2", &[]), None);
        assert_eq!(value("cookie.sid", "", &[("cookie", "sid=1"), ("cookie", "sid=2")]), None);
        assert_eq!(value("header.x-org", "", &[("x-org", "a"), ("x-org", "b")]), None);
    }

    #[test]
    fn what_is_no_source_is_refused_with_what_is_expected() {
        for text in ["id", "body.id", "path.", "header.a b", "jwt.", "jwt.a..b"] {
            Source::parse(text).expect_err(text);
        }
        let source = Source::parse("path.id").expect("a source");
        assert_eq!(source.check(&["id"]), Ok(()));
        let refused = source.check(&["rest"]).expect_err("it is not in the path");
        assert_eq!(refused.to_string(), r#""path.id": the path of the route has no {id}"#);
    }
}
