//! The query string, whole: which parameter is what, and each of them read.

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::filter::{filter, has_operator, tree};
use super::order::order;
use super::select::select;
use super::{Field, Input, Item, Logic, Order};
use crate::{Error, Limits};

/// The embeds a parameter goes through; empty for the root.
type Path = Vec<String>;

/// A query string, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) select: Vec<Item>,
    pub(crate) filters: Vec<(Path, Logic)>,
    pub(crate) orders: Vec<(Path, Vec<Order>)>,
    pub(crate) ranges: Vec<(Path, Range)>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) on_conflict: Option<Vec<String>>,
    /// Which rows are alike, so that one of them is shown.
    pub(crate) distinct: Option<Distinct>,
    /// The place in an order from which a page goes on; empty: its beginning.
    pub(crate) cursor: Option<String>,
    /// Arguments of a function call.
    pub(crate) arguments: Vec<(String, String)>,
    /// Names of relations that stood for embeds which have an alias, and that alias.
    pub(crate) renamed: Vec<(String, String)>,
}

/// Which rows are alike. Asked for by a value that is no filter, so that a column may be called `distinct`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distinct {
    /// `*`: those that look the same.
    Rows,
    /// Those with equal values in these.
    On(Vec<Field>),
}

/// What a cursor begins with, which no filter does: a column may be called `cursor`.
const CURSOR_MARK: char = '~';

/// A limit and an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
}

/// What Haskell's `urlEncode` leaves alone, which is what PostgREST's headers are made of.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Query {
    /// Reads a query string; of a `call`, parameters without an operator are arguments.
    pub(crate) fn read(text: &str, call: bool, limits: &Limits) -> Result<Query, Error> {
        let mut query = Query { select: vec![Item::Star], ..Query::default() };
        let mut selected = false;
        let mut limit_of: Vec<(Path, Option<u64>)> = Vec::new();
        let mut offset_of: Vec<(Path, Option<u64>)> = Vec::new();
        for (key, value) in pairs(text)? {
            match (key.rsplit('.').next().unwrap_or_default(), key.as_str()) {
                (_, "select") if selected || value.trim().is_empty() => {}
                (_, "select") => {
                    query.select = select(&value, limits)?;
                    selected = true;
                }
                (_, "columns") => query.columns = Some(Input::new("columns parameter", &value).names()?),
                (_, "on_conflict") => {
                    query.on_conflict = Some(Input::new("on_conflict parameter", &value).names()?);
                }
                ("order", _) => {
                    let (path, _) = Input::new("tree path", &key).tree_path()?;
                    query.orders.push((path, order(&value)?));
                }
                ("limit", _) => {
                    limit_of.push((Input::new("tree path", &key).tree_path()?.0, number(&value)?))
                }
                ("offset", _) => {
                    // Less than nothing is nothing.
                    let offset = number(&value).ok().flatten();
                    offset_of.push((Input::new("tree path", &key).tree_path()?.0, offset))
                }
                ("and" | "or", _) => {
                    let (path, operator) = logic_path(&key)?;
                    query.filters.push((path, tree(&operator, &value, limits)?));
                }
                (_, "distinct") if !call && !has_operator(&value) => query.distinct = Some(distinct(&value)?),
                (_, "cursor") if !call && value.starts_with(CURSOR_MARK) => {
                    query.cursor = Some(value[CURSOR_MARK.len_utf8()..].to_owned());
                }
                _ if call && !key.contains('.') && !has_operator(&value) => {
                    query.arguments.push((key, value))
                }
                _ => {
                    let (path, field) = Input::new("tree path", &key).tree_path()?;
                    query.filters.push((path, Logic::Filter(filter(field, &value)?)));
                }
            }
        }
        if limit_of.len().max(offset_of.len()) > limits.embeds_max + 1 {
            let details = format!("at most {} limits and offsets", limits.embeds_max + 1);
            return Err(Error::limit(StatusCode::BAD_REQUEST, details));
        }
        query.ranges = ranges(limit_of, offset_of);
        if query
            .ranges
            .iter()
            .any(|(path, range)| path.is_empty() && range.limit == Some(0) && range.offset > 0)
        {
            return Err(Error::range("Limit should be greater than or equal to zero."));
        }
        query.bounded(limits)?;
        Ok(query)
    }

    /// The range asked of a path.
    pub(crate) fn range(&self, path: &[String]) -> Range {
        self.ranges.iter().find(|(of, _)| of == path).map(|(_, range)| *range).unwrap_or_default()
    }

    /// Has every parameter name embeds as the select list does: by their alias, where they have one. Where the
    /// `legacy` names are heard, it may say the relation's name, and is remembered for it. Fails at the first that
    /// is not embedded.
    pub(crate) fn settle_paths(&mut self, legacy: bool) -> Result<(), Error> {
        let Query { select, filters, orders, ranges, renamed, .. } = self;
        let filters = filters.iter_mut().map(|(path, _)| path);
        let orders = orders.iter_mut().map(|(path, _)| path);
        filters
            .chain(orders)
            .chain(ranges.iter_mut().map(|(path, _)| path))
            .try_for_each(|path| settle(select, path, legacy.then_some(&mut *renamed)))
    }

    fn bounded(&self, limits: &Limits) -> Result<(), Error> {
        fn count(logic: &Logic) -> usize {
            match logic {
                Logic::Filter(_) => 1,
                Logic::Tree { children, .. } => 1 + children.iter().map(count).sum::<usize>(),
            }
        }
        if self.filters.iter().map(|(_, logic)| count(logic)).sum::<usize>() > limits.filters_max {
            let details = format!("at most {} filters", limits.filters_max);
            return Err(Error::limit(StatusCode::BAD_REQUEST, details));
        }
        Ok(())
    }
}

/// The query string with its parameters sorted by name and encoded anew, as `Content-Location` shows it.
pub(crate) fn canonical(text: &str) -> String {
    canonical_where(text, |_| true)
}

/// The same without cursors.
pub(crate) fn canonical_page(text: &str) -> String {
    canonical_where(text, |pair| !matches!(pair.split_once('='), Some(("cursor", _))))
}

fn canonical_where(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut pairs: Vec<(String, String)> = text
        .split('&')
        .filter(|pair| !pair.is_empty() && wanted(pair))
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let encode = |part: &str| {
                let decoded = percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
                utf8_percent_encode(&decoded, ENCODED).to_string()
            };
            (encode(key), encode(value))
        })
        .collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut canonical = String::new();
    let mut last = None;
    for (key, value) in &pairs {
        // The values of one name stand together.
        if last == Some(key) {
            canonical.push(',');
        } else {
            canonical.push_str(if last.is_some() { "&" } else { "" });
            canonical.push_str(key);
            canonical.push('=');
        }
        canonical.push_str(value);
        last = Some(key);
    }
    canonical
}

fn settle(
    items: &[Item],
    path: &mut [String],
    mut renamed: Option<&mut Vec<(String, String)>>,
) -> Result<(), Error> {
    let Some((first, rest)) = path.split_first_mut() else { return Ok(()) };
    let embeds = || {
        items.iter().filter_map(|item| match item {
            Item::Embed(embed) => Some(embed),
            _ => None,
        })
    };
    let called = embeds().find(|embed| embed.known_as() == first);
    let embed = match (called, embeds().find(|embed| embed.relation == *first)) {
        (Some(embed), _) => embed,
        (None, Some(embed)) => {
            let alias = embed.known_as();
            let pairs = renamed.as_mut().ok_or_else(|| Error::embedded_by_alias(first, alias))?;
            let pair = (std::mem::replace(first, alias.to_owned()), alias.to_owned());
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
            embed
        }
        (None, None) => return Err(Error::not_embedded(first)),
    };
    settle(&embed.items, rest, renamed)
}

fn distinct(text: &str) -> Result<Distinct, Error> {
    if text == "*" {
        return Ok(Distinct::Rows);
    }
    let names = Input::new("distinct parameter", text).names()?;
    Ok(Distinct::On(names.into_iter().map(|name| Field { name, path: Vec::new() }).collect()))
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let decode = |part: &str| {
        percent_decode_str(&part.replace('+', " ")).decode_utf8().map(|text| text.into_owned()).map_err(
            |_| Error::parse("\"failed to parse the query string\"".to_owned(), "it is not UTF-8".to_owned()),
        )
    };
    let mut pairs = Vec::new();
    for pair in text.split('&') {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let (key, value) = (decode(key)?, decode(value)?);
        if key.contains('\0') || value.contains('\0') {
            let details = "PostgreSQL's text cannot hold the character U+0000".to_owned();
            return Err(Error::parse("\"failed to parse the query string\"".to_owned(), details));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// A limit or an offset. What is not a number is ignored, as PostgREST does.
fn number(text: &str) -> Result<Option<u64>, Error> {
    match text.trim().parse::<i64>() {
        Ok(number) => u64::try_from(number)
            .map(Some)
            .map_err(|_| Error::range("Limit should be greater than or equal to zero.")),
        Err(_) => Ok(None),
    }
}

fn ranges(limits: Vec<(Path, Option<u64>)>, offsets: Vec<(Path, Option<u64>)>) -> Vec<(Path, Range)> {
    let mut ranges: Vec<(Path, Range)> = Vec::new();
    let mut at = |path: Path, change: &dyn Fn(&mut Range)| {
        if let Some((_, range)) = ranges.iter_mut().find(|(of, _)| *of == path) {
            change(range);
        } else {
            let mut range = Range::default();
            change(&mut range);
            ranges.push((path, range));
        }
    };
    for (path, limit) in limits {
        at(path, &|range| range.limit = limit);
    }
    for (path, offset) in offsets {
        at(path, &|range| range.offset = offset.unwrap_or(0));
    }
    ranges
}

/// `clients.not.or` → through `clients`, `not.or`.
fn logic_path(key: &str) -> Result<(Path, String), Error> {
    let mut input = Input::new("logic path", key);
    let mut names = vec![input.name()?];
    while input.take(".") {
        names.push(input.name()?);
    }
    input.end("delimiter (.) or end of input")?;
    let last = names.pop().expect("the list started with one name");
    let negated = names.iter().any(|name| name == "not");
    names.retain(|name| name != "not");
    Ok((names, if negated { format!("not.{last}") } else { last }))
}
