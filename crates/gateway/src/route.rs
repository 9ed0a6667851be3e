//! Which route a request takes: patterns of paths, and the table that finds the most specific one.
//!
//! `/conversations/{id}` matches one segment where a name stands, `{id}.data` one that ends so, `{*rest}` whatever is
//! left. Patterns come from the configuration, paths from clients. A path is compared as a backend reads it, segment by segment with its
//! percent-encoding undone, so that `/%61dmin` is `/admin`; an encoded slash is no separator. Never changes
//! what is passed on.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use percent_encoding::percent_decode_str;

/// Captures of one pattern; more is a mistake.
const NAMES_MAX: usize = 16;

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// A part of a pattern; each kind beats those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This and nothing else.
    Literal(String),
    /// Anything that ends in this (a dot and a word), and is more than that.
    Ending(String, String),
    /// Anything, once, and not nothing.
    One(String),
    /// Whatever is left, nothing too.
    Rest(String),
}

/// What is wrong with a pattern, or with two of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It does not begin where paths begin.
    #[error("{0:?}: a path begins with /")]
    NotAPath(String),
    /// It holds what no path holds.
    #[error("{0:?}: a path has no {1:?}; queries and fragments match no route")]
    Character(String, char),
    /// A segment that is neither text nor a name in braces.
    #[error("{0:?}: {1:?} is neither text nor {{name}} nor {{name}}.word nor {{*rest}}")]
    Segment(String, String),
    /// Something after the rest.
    #[error("{0:?}: {{*rest}} comes last")]
    AfterRest(String),
    /// One name twice, or too many of them.
    #[error("{0:?}: the name {1:?} stands twice, or is one too many")]
    Name(String, String),
    /// Nobody could tell which one is meant.
    #[error("{0:?} and {1:?} match the same requests")]
    Same(String, String),
}

impl Pattern {
    /// Reads a pattern as people write it.
    pub fn parse(text: &str) -> Result<Pattern, RouteError> {
        let Some(path) = text.strip_prefix('/') else { return Err(RouteError::NotAPath(text.to_owned())) };
        if let Some(wrong) = text.chars().find(|c| matches!(c, '?' | '#') || c.is_control() || *c == ' ') {
            return Err(RouteError::Character(text.to_owned(), wrong));
        }
        let mut segments: Vec<Segment> = Vec::new();
        for part in path.split('/') {
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(RouteError::AfterRest(text.to_owned()));
            }
            let segment =
                Segment::parse(part).ok_or_else(|| RouteError::Segment(text.to_owned(), part.to_owned()))?;
            if let Some(name) = segment.name() {
                let names: Vec<&str> = segments.iter().filter_map(Segment::name).collect();
                if names.contains(&name) || names.len() >= NAMES_MAX {
                    return Err(RouteError::Name(text.to_owned(), name.to_owned()));
                }
            }
            segments.push(segment);
        }
        Ok(Pattern { text: text.to_owned(), segments })
    }

    /// The pattern that every path matches.
    pub fn everything() -> Pattern {
        Pattern { text: "/{*rest}".to_owned(), segments: vec![Segment::Rest("rest".to_owned())] }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// What its names stand for in a path, if the path matches.
    pub fn captures<'p, 'a>(&'p self, path: &'a str) -> Option<Vec<(&'p str, Cow<'a, str>)>> {
        let mut found = Vec::new();
        self.walk(path, |name, text| found.push((name, text))).then_some(found)
    }

    /// Whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        self.walk(path, |_, _| ())
    }

    fn walk<'p, 'a>(&'p self, path: &'a str, mut found: impl FnMut(&'p str, Cow<'a, str>)) -> bool {
        // `*` of `OPTIONS *`, and whatever else is no path, matches nothing.
        let Some(mut rest) = path.strip_prefix('/').map(Some) else { return false };
        for segment in &self.segments {
            match (segment, rest) {
                (Segment::Rest(name), rest) => {
                    found(name, decoded(rest.unwrap_or_default()));
                    return true;
                }
                (_, None) => return false,
                (segment, Some(left)) => {
                    let (part, after) = match left.split_once('/') {
                        Some((part, after)) => (part, Some(after)),
                        None => (left, None),
                    };
                    let part = decoded(part);
                    match segment {
                        Segment::Literal(text) if *text == part => {}
                        Segment::Ending(name, ending) => match before(part, ending) {
                            Some(part) => found(name, part),
                            None => return false,
                        },
                        Segment::One(name) if !part.is_empty() => found(name, part),
                        _ => return false,
                    }
                    rest = after;
                }
            }
        }
        rest.is_none()
    }

    /// What it matches, names aside: two patterns of one shape match the same paths.
    fn shape(&self) -> Vec<(u8, &str)> {
        self.rank().into_iter().zip(self.segments.iter().map(Segment::literal)).collect()
    }

    /// By this, more specific patterns come first.
    fn rank(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Ending(..) => 1,
            Segment::One(_) => 2,
            Segment::Rest(_) => 3,
        };
        self.segments.iter().map(rank).collect()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Segment {
    fn parse(part: &str) -> Option<Segment> {
        let Some(inner) = part.strip_prefix('{') else {
            let is_plain = !part.contains(['{', '}', '*']);
            return is_plain.then(|| Segment::Literal(decoded(part).into_owned()));
        };
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (inner, ending) = inner.split_once('}')?;
        let (name, is_rest) = match inner.strip_prefix('*') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let is_name = is_word(name) && !name.starts_with(|c: char| c.is_ascii_digit());
        let name = is_name.then(|| name.to_owned())?;
        // One word only: of two endings, none is the end of the other.
        match (ending.strip_prefix('.'), is_rest) {
            (None, true) if ending.is_empty() => Some(Segment::Rest(name)),
            (None, false) if ending.is_empty() => Some(Segment::One(name)),
            (Some(word), false) if is_word(word) => Some(Segment::Ending(name, ending.to_owned())),
            _ => None,
        }
    }

    fn literal(&self) -> &str {
        match self {
            Segment::Literal(text) | Segment::Ending(_, text) => text,
            Segment::One(_) | Segment::Rest(_) => "",
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Segment::Literal(_) => None,
            Segment::Ending(name, _) | Segment::One(name) | Segment::Rest(name) => Some(name),
        }
    }
}

/// A segment as a backend reads it. What is no UTF-8 is left as it came: it equals no pattern.
fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8().unwrap_or(Cow::Borrowed(segment))
}

/// What stands before an ending, if something does.
fn before<'a>(part: Cow<'a, str>, ending: &str) -> Option<Cow<'a, str>> {
    match part {
        Cow::Borrowed(part) => part.strip_suffix(ending).map(Cow::Borrowed),
        Cow::Owned(part) => part.strip_suffix(ending).map(|part| Cow::Owned(part.to_owned())),
    }
    .filter(|part| !part.is_empty())
}

/// Routes, the most specific first.
#[derive(Clone, Debug)]
pub struct Routes<T> {
    all: Vec<Route<T>>,
}

/// What requests of some paths and methods take.
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// The paths.
    pub pattern: Pattern,
    /// The methods; empty: all.
    pub methods: Vec<Method>,
    /// What the owner knows of it.
    pub value: T,
}

impl<T> Routes<T> {
    /// Puts routes in order, and refuses two between which nobody could choose.
    pub fn new(mut all: Vec<Route<T>>) -> Result<Routes<T>, RouteError> {
        for (number, one) in all.iter().enumerate() {
            if let Some(other) = all[..number].iter().find(|other| one.collides_with(other)) {
                return Err(RouteError::Same(other.pattern.text.clone(), one.pattern.text.clone()));
            }
        }
        // Among equals, one for some methods comes before one for all.
        all.sort_by_cached_key(|route| (route.pattern.rank(), route.methods.is_empty()));
        Ok(Routes { all })
    }

    /// The most specific route for a request.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Route<T>> {
        self.all.iter().find(|route| route.is_for(method) && route.pattern.matches(path))
    }

    /// All of them, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route<T>> {
        self.all.iter()
    }

    /// The same routes with other values.
    pub fn map<U>(self, mut value: impl FnMut(&Pattern, T) -> U) -> Routes<U> {
        let route = |Route { pattern, methods, value: before }| {
            let value = value(&pattern, before);
            Route { pattern, methods, value }
        };
        Routes { all: self.all.into_iter().map(route).collect() }
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Routes<T> {
        Routes { all: Vec::new() }
    }
}

impl<T> Route<T> {
    fn is_for(&self, method: &Method) -> bool {
        // Whoever may GET may ask for the head of it.
        let asked = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.is_empty() || self.methods.contains(method) || self.methods.contains(asked)
    }

    fn collides_with(&self, other: &Route<T>) -> bool {
        let methods = match (self.methods.is_empty(), other.methods.is_empty()) {
            (true, true) => true,
            (false, false) => self.methods.iter().any(|method| other.methods.contains(method)),
            _ => false,
        };
        methods && self.pattern.shape() == other.pattern.shape()
    }
}

#[cfg(test)]
mod tests;
