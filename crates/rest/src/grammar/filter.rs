//! Filters: `column=op.value`, and trees of them under `and` and `or`.

use http::StatusCode;

use super::{Field, Input};
use crate::{Error, Limits};

/// A filter or a tree of filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Logic {
    Filter(Filter),
    Tree { negated: bool, any: bool, children: Vec<Logic> },
}

impl Logic {
    /// The column that is tested first.
    pub(crate) fn column(&self) -> &str {
        match self {
            Logic::Filter(filter) => &filter.field.name,
            Logic::Tree { children, .. } => children.first().map_or("", Logic::column),
        }
    }
}

/// A test of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) field: Field,
    pub(crate) negated: bool,
    pub(crate) test: Test,
}

/// What is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Compare { comparison: Comparison, quantifier: Option<Quantifier>, value: String },
    In(Vec<String>),
    Is(Is),
    Search { search: Search, language: Option<String>, value: String },
}

/// A comparison with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Like,
    ILike,
    Match,
    IMatch,
    Distinct,
    Contains,
    Contained,
    Overlaps,
    StrictlyLeft,
    StrictlyRight,
    NotRight,
    NotLeft,
    Adjacent,
}

/// `(any)` or `(all)` of an array of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Any,
    All,
}

/// What `is` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

/// The ways of full-text search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    Plain,
    Phrase,
    Query,
    Web,
}

const COMPARISONS: [(&str, Comparison, bool); 19] = [
    ("eq", Comparison::Equal, true),
    ("gte", Comparison::GreaterEqual, true),
    ("gt", Comparison::Greater, true),
    ("lte", Comparison::LessEqual, true),
    ("lt", Comparison::Less, true),
    ("neq", Comparison::NotEqual, false),
    ("like", Comparison::Like, true),
    ("ilike", Comparison::ILike, true),
    ("match", Comparison::Match, true),
    ("imatch", Comparison::IMatch, true),
    ("isdistinct", Comparison::Distinct, false),
    ("cs", Comparison::Contains, false),
    ("cd", Comparison::Contained, false),
    ("ov", Comparison::Overlaps, false),
    ("sl", Comparison::StrictlyLeft, false),
    ("sr", Comparison::StrictlyRight, false),
    ("nxr", Comparison::NotRight, false),
    ("nxl", Comparison::NotLeft, false),
    ("adj", Comparison::Adjacent, false),
];

const SEARCHES: [(&str, Search); 4] =
    [("fts", Search::Query), ("plfts", Search::Plain), ("phfts", Search::Phrase), ("wfts", Search::Web)];

/// Whether a parameter's value begins with an operator, which tells a filter from a function's argument.
pub(crate) fn has_operator(value: &str) -> bool {
    let word = value.split(['.', '(']).next().unwrap_or_default();
    let opens = value[word.len()..].starts_with('.') || value[word.len()..].starts_with('(');
    let known = COMPARISONS.iter().any(|(name, ..)| *name == word)
        || SEARCHES.iter().any(|(name, _)| *name == word)
        || matches!(word, "not" | "is" | "in");
    opens && known
}

/// Reads the value of a filter: `op.value`, to the end.
pub(crate) fn filter(field: Field, text: &str) -> Result<Filter, Error> {
    let mut input = Input::new("filter", text);
    let (negated, test) = operation(&mut input, |input| Ok(input.take_while(|_| true).to_owned()))?;
    // What follows a list or a word counts for nothing, as in PostgREST.
    if !matches!(test, Test::In(_) | Test::Is(_)) {
        input.end("end of input")?;
    }
    Ok(Filter { field, negated, test })
}

/// Reads the value of `and`, `or`, `not.and` or `not.or`.
pub(crate) fn tree(operator: &str, text: &str, limits: &Limits) -> Result<Logic, Error> {
    let whole = format!("{operator}{text}");
    let mut input = Input { written_from: operator.len(), ..Input::new("logic tree", &whole) };
    // What may go on as a name makes one with the operator: `or=der.eq.1` is of a column called `order`.
    let opens = text.trim_start().starts_with('(');
    if !opens && !text.starts_with(|c: char| c.is_alphanumeric() || "_ $-.".contains(c)) {
        input.at = operator.len();
        return Err(input.unexpected("\"(\""));
    }
    // What follows the tree counts for nothing, as in PostgREST.
    logic(&mut input, limits, 0)
}

fn logic(input: &mut Input<'_>, limits: &Limits, depth: usize) -> Result<Logic, Error> {
    if depth > limits.depth_max {
        let details = format!("and/or nested at most {} deep", limits.depth_max);
        return Err(Error::limit(StatusCode::BAD_REQUEST, details));
    }
    input.space();
    for (token, negated, any) in
        [("not.and", true, false), ("not.or", true, true), ("and", false, false), ("or", false, true)]
    {
        let opens = input.rest().strip_prefix(token).is_some_and(|rest| rest.trim_start().starts_with('('));
        if opens {
            input.take(token);
            let children = children(input, limits, depth)?;
            return Ok(Logic::Tree { negated, any, children });
        }
    }
    if matches!(input.peek(), None | Some(',' | ')')) {
        return Err(input.unexpected(
            "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
        ));
    }
    let field = input.field()?;
    if field.name == "not" && field.path.is_empty() && input.take(".") {
        return Err(input.unexpected("logic operator (and, or)"));
    }
    input.expect(".", "letter, digit, \"-\", \"->>\", \"->\" or delimiter (.)")?;
    let (negated, test) = operation(input, inner_value)?;
    Ok(Logic::Filter(Filter { field, negated, test }))
}

/// Filters and trees of them between parentheses.
pub(super) fn children(input: &mut Input<'_>, limits: &Limits, depth: usize) -> Result<Vec<Logic>, Error> {
    input.space();
    input.expect("(", "\"(\"")?;
    let mut children = Vec::new();
    loop {
        children.push(logic(input, limits, depth + 1)?);
        input.space();
        if !input.take(",") {
            input.expect(")", "\",\" or \")\"")?;
            input.space();
            return Ok(children);
        }
    }
}

type ReadValue = fn(&mut Input<'_>) -> Result<String, Error>;

fn operation(input: &mut Input<'_>, value: ReadValue) -> Result<(bool, Test), Error> {
    const OPERATOR: &str = "operator (eq, gt, ...)";
    let negated = input.take("not.");
    let rest = input.rest();
    let names = COMPARISONS.iter().map(|(name, ..)| *name).chain(SEARCHES.iter().map(|(name, _)| *name));
    let known = names.chain(["in", "is"]).filter(|name| rest.starts_with(name));
    let Some(word) = known.max_by_key(|name| name.len()) else {
        return Err(match negated {
            true => input.unexpected(OPERATOR),
            false => input.unexpected_after("not", "\"not\" or operator (eq, gt, ...)"),
        });
    };
    input.take(word);
    let test = if word == "in" {
        input.expect(".", OPERATOR)?;
        Test::In(list(input)?)
    } else if word == "is" {
        input.expect(".", OPERATOR)?;
        Test::Is(is(input)?)
    } else if let Some((_, search)) = SEARCHES.iter().find(|(name, _)| *name == word) {
        let language = argument(input, OPERATOR)?;
        input.expect(".", OPERATOR)?;
        Test::Search { search: *search, language, value: value(input)? }
    } else {
        let found = COMPARISONS.iter().find(|(name, ..)| *name == word);
        let (_, comparison, quantifiable) = found.expect("the word was taken from these lists");
        let start = input.at;
        let quantifier = match if *quantifiable { argument(input, OPERATOR)? } else { None }.as_deref() {
            None => None,
            Some("any") => Some(Quantifier::Any),
            Some("all") => Some(Quantifier::All),
            Some(_) => {
                input.at = start + 1;
                return Err(input.unexpected(OPERATOR));
            }
        };
        input.expect(".", OPERATOR)?;
        Test::Compare { comparison: *comparison, quantifier, value: value(input)? }
    };
    Ok((negated, test))
}

/// `(any)` or `(english)`, if it stands here.
fn argument(input: &mut Input<'_>, expecting: &str) -> Result<Option<String>, Error> {
    if !input.take("(") {
        return Ok(None);
    }
    let name = input.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '$'));
    if name.is_empty() {
        return Err(input.unexpected(expecting));
    }
    input.expect(")", expecting)?;
    Ok(Some(name.to_owned()))
}

fn is(input: &mut Input<'_>) -> Result<Is, Error> {
    const WORDS: [(&str, Is); 5] = [
        ("null", Is::Null),
        ("not_null", Is::NotNull),
        ("true", Is::True),
        ("false", Is::False),
        ("unknown", Is::Unknown),
    ];
    let rest = input.rest();
    let stands = |word: &str| rest.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let Some((word, is)) = WORDS.into_iter().find(|(word, _)| stands(word)) else {
        return Err(input.unexpected("isVal: (null, not_null, true, false, unknown)"));
    };
    input.at += word.len();
    Ok(is)
}

/// `(a,"b",c)`
fn list(input: &mut Input<'_>) -> Result<Vec<String>, Error> {
    input.space();
    input.expect("(", "\"(\"")?;
    input.space();
    if input.peek().is_none() {
        return Err(input.unexpected("\"\\\"\", \",\" or \")\""));
    }
    let mut values = Vec::new();
    loop {
        values.push(quoted_or_plain(input));
        if !input.take(",") {
            input.expect(")", "\",\" or \")\"")?;
            input.space();
            return Ok(values);
        }
    }
}

/// A value inside `and` or `or`: quoted, an array in braces, or up to the next comma or parenthesis.
fn inner_value(input: &mut Input<'_>) -> Result<String, Error> {
    let rest = input.rest();
    if rest.starts_with('{')
        && let Some(end) = rest[1..].find(['{', '}']).map(|end| end + 1)
        && rest[end..].starts_with('}')
    {
        input.at += end + 1;
        return Ok(rest[..=end].to_owned());
    }
    Ok(quoted_or_plain(input))
}

/// A quoted value counts as one only if it ends where the value ends.
fn quoted_or_plain(input: &mut Input<'_>) -> String {
    let start = input.at;
    if input.peek() == Some('"')
        && let Ok(value) = input.quoted()
        && matches!(input.peek(), None | Some(',' | ')'))
    {
        return value;
    }
    input.at = start;
    input.take_while(|c| !matches!(c, ',' | ')')).to_owned()
}
