//! The `select` parameter: columns, aliases, casts, embeds.

use http::StatusCode;

use super::filter::children;
use super::{Field, Input, Logic};
use crate::{Error, Limits};

/// What PostgreSQL allows in one target list.
const COLUMNS_MAX: usize = 1664;

/// One item of a select list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// `*`
    Star,
    /// `alias:column->path::cast`
    Field { field: Field, alias: Option<String>, cast: Option<String> },
    /// `alias:column->path::cast.sum()::cast`, or `count()` of whole rows.
    Aggregate {
        function: Aggregate,
        of: Option<(Field, Option<String>)>,
        alias: Option<String>,
        cast: Option<String>,
        /// `.filter(…)`: of which rows it is; all must hold.
        filter: Vec<Logic>,
    },
    /// `alias:relation!hint!inner(…)` or `...relation(…)`
    Embed(Embed),
}

impl Item {
    /// The embedded relation that it is.
    pub(crate) fn embed(&self) -> Option<&Embed> {
        match self {
            Item::Embed(embed) => Some(embed),
            _ => None,
        }
    }
}

/// What is made of the values of many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Avg,
    Count,
    Max,
    Min,
    Sum,
}

impl Aggregate {
    const ALL: [Aggregate; 5] =
        [Aggregate::Sum, Aggregate::Avg, Aggregate::Count, Aggregate::Max, Aggregate::Min];

    /// Its name, in requests as in SQL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Aggregate::Avg => "avg",
            Aggregate::Count => "count",
            Aggregate::Max => "max",
            Aggregate::Min => "min",
            Aggregate::Sum => "sum",
        }
    }
}

/// An embedded relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Embed {
    pub(crate) relation: String,
    pub(crate) alias: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) inner: bool,
    pub(crate) spread: bool,
    pub(crate) items: Vec<Item>,
}

impl Embed {
    /// The name by which the rest of the request speaks of it.
    pub(crate) fn known_as(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.relation)
    }
}

const ITEM: &str = "\"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"";
const FIRST_ITEM: &str = "\"...\", field name (* or [a..z0..9_$]), \"*\", \"count()\" or \")\"";
const AFTER_FIELD: &str =
    "letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input";

const AFTER_CAST: &str = "letter, digit, \".\", \"::\", \")\", \",\" or end of input";

/// Reads a whole select list.
pub(crate) fn select(text: &str, limits: &Limits) -> Result<Vec<Item>, Error> {
    let mut reader = Reader { input: Input::new("select parameter", text), limits, embeds: 0 };
    // What cannot begin an item selects nothing, and what follows the last one counts for nothing, as in
    // PostgREST.
    let begins = |c: char| c.is_alphanumeric() || "_$ .*\"".contains(c);
    if !reader.input.peek().is_some_and(begins) {
        return Ok(vec![Item::Star]);
    }
    let items = reader.items(0)?;
    match reader.input.peek() {
        None | Some(')') => Ok(items),
        Some(_) => Err(reader.input.unexpected(AFTER_FIELD)),
    }
}

struct Reader<'a> {
    input: Input<'a>,
    limits: &'a Limits,
    embeds: usize,
}

impl Reader<'_> {
    fn items(&mut self, depth: usize) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        self.input.space();
        if matches!(self.input.peek(), None | Some(')')) {
            return Ok(items);
        }
        loop {
            self.input.space();
            if matches!(self.input.peek(), None | Some(',' | ')')) {
                return Err(self.input.unexpected(ITEM));
            }
            if items.len() == COLUMNS_MAX {
                let details = format!("at most {COLUMNS_MAX} columns");
                return Err(Error::limit(StatusCode::BAD_REQUEST, details));
            }
            items.push(self.item(depth)?);
            self.input.space();
            if !self.input.take(",") {
                return Ok(items);
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, Error> {
        if self.input.take("...") || self.input.take("..") {
            let relation = self.input.name()?;
            return self.embed(relation, None, true, depth);
        }
        if self.input.take("*") {
            return Ok(Item::Star);
        }
        let mut name = self.input.name()?;
        let mut alias = None;
        if self.input.rest().starts_with(':') && !self.input.rest().starts_with("::") {
            self.input.take(":");
            alias = Some(name);
            if matches!(self.input.peek(), None | Some('.' | ',' | '(' | ')')) {
                return Err(self.input.unexpected("\":\" or field name (* or [a..z0..9_$])"));
            }
            name = self.input.name()?;
        }
        if name == "count" && self.input.take("()") {
            let cast = self.optional_cast()?;
            let filter = self.optional_filter()?;
            return self.ended(Item::Aggregate { function: Aggregate::Count, of: None, alias, cast, filter });
        }
        if self.input.peek() == Some('!') && !self.is_embed() {
            return Err(self.input.unexpected_character(AFTER_FIELD));
        }
        if matches!(self.input.peek(), Some('!' | '(')) {
            return self.embed(name, alias, false, depth);
        }
        let path = self.input.json_path()?;
        let cast = self.optional_cast()?;
        let field = Field { name, path };
        if !self.input.take(".") {
            let expecting = if cast.is_some() { AFTER_CAST } else { AFTER_FIELD };
            return self.ended_before(expecting, Item::Field { field, alias, cast });
        }
        let called = Aggregate::ALL.into_iter().find(|of| self.input.take(of.name()));
        if called.is_some() && !self.input.take("()") {
            return Err(self.input.unexpected_after("()", "\"()\""));
        }
        let Some(function) = called else {
            return Err(self.input.unexpected("\"sum\", \"avg\", \"count\", \"max\" or \"min\""));
        };
        let of = Some((field, cast));
        let cast = self.optional_cast()?;
        let filter = self.optional_filter()?;
        self.ended(Item::Aggregate { function, of, alias, cast, filter })
    }

    /// Whether the hints that begin here are those of an embed.
    fn is_embed(&self) -> bool {
        let rest = self.input.rest();
        rest.find(['(', ')', ',']).is_some_and(|at| rest[at..].starts_with('('))
    }

    /// The item, if nothing else of it stands here.
    fn ended(&mut self, item: Item) -> Result<Item, Error> {
        self.ended_before(AFTER_FIELD, item)
    }

    fn ended_before(&mut self, expecting: &str, item: Item) -> Result<Item, Error> {
        self.input.space();
        match self.input.peek() {
            None | Some(',' | ')') => Ok(item),
            Some(_) => Err(self.input.unexpected_character(expecting)),
        }
    }

    fn optional_cast(&mut self) -> Result<Option<String>, Error> {
        if self.input.take("::") { self.cast().map(Some) } else { Ok(None) }
    }

    /// What stands behind an aggregate where nothing else can.
    fn optional_filter(&mut self) -> Result<Vec<Logic>, Error> {
        if self.input.rest().starts_with(".filter(") && self.input.take(".filter") {
            return children(&mut self.input, self.limits, 0);
        }
        Ok(Vec::new())
    }

    fn cast(&mut self) -> Result<String, Error> {
        let name = self.input.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '$'));
        let array = if self.input.take("[]") { "[]" } else { "" };
        match name.trim() {
            "" => Err(self.input.unexpected("letter or digit")),
            name => Ok(format!("{name}{array}")),
        }
    }

    fn embed(
        &mut self,
        relation: String,
        alias: Option<String>,
        spread: bool,
        depth: usize,
    ) -> Result<Item, Error> {
        self.embeds += 1;
        if depth >= self.limits.depth_max || self.embeds > self.limits.embeds_max {
            let Limits { depth_max, embeds_max, .. } = self.limits;
            let details = format!("at most {embeds_max} embedded relations, nested at most {depth_max} deep");
            return Err(Error::limit(StatusCode::BAD_REQUEST, details));
        }
        let (mut hint, mut inner) = (None, false);
        for _ in 0..2 {
            if !self.input.take("!") {
                break;
            }
            match self.input.name()? {
                name if name == "inner" => inner = true,
                name if name == "left" => {}
                name => hint = Some(name),
            }
        }
        self.input.space();
        let expecting = match (&hint, inner) {
            (None, false) => "letter, digit, \"-\", \"!\" or \"(\"",
            _ => "\"(\"",
        };
        self.input.expect("(", expecting)?;
        let items = self.items(depth + 1)?;
        if items.is_empty() && self.input.peek().is_none() {
            return Err(self.input.unexpected(FIRST_ITEM));
        }
        let expecting = match items.last() {
            Some(Item::Star | Item::Embed(_)) => "\")\", \",\" or end of input",
            _ => AFTER_FIELD,
        };
        self.input.expect(")", expecting)?;
        Ok(Item::Embed(Embed { relation, alias, hint, inner, spread, items }))
    }
}
