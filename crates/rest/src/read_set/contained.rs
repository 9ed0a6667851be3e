//! What only the answer itself tells of what it read: the rows that it contains, and what hangs on their
//! values. Turned into a read set once the database has answered.

use std::sync::Arc;

use pg::{Interval, Read, RelationId, Rows, Scale};
use serde_json::Value;

use crate::plan::Node;
use crate::sql::Key;

/// What is known only with the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contained {
    /// The root's rows that would come to match; a full page's last row narrows them.
    pub(crate) rows: Vec<Rows>,
    pub(crate) boundary: Option<Boundary>,
    pub(crate) traced: Traced,
    /// With more rows of one relation than this, the whole of it counts as read.
    pub(crate) keys_max: usize,
}

/// Where a page ends: rows that come after its last one in the order are no matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// The column that the page is ordered by first, as one of [`Traced::columns`].
    pub(crate) column: usize,
    pub(crate) scale: Scale,
    pub(crate) descending: bool,
    /// A page with fewer rows ends nowhere.
    pub(crate) limit: u64,
}

/// The rows of one relation in the answer: the columns whose values the statement returns for each, and
/// what those values say was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traced {
    pub(crate) columns: Vec<Key>,
    pub(crate) links: Vec<Link>,
    /// What is traced in turn.
    pub(crate) below: Vec<(Below, Traced)>,
    /// The most rows that the statement tells of where it shows none of them: one more than count singly.
    pub(crate) told_max: usize,
}

/// Rows that belong to those of a node, by the number of an embed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// The embedded rows.
    Embed(usize),
    /// The rows of the junction through which it is embedded.
    Junction(usize),
}

/// Rows that are read for the values of others: a contained row for its own key, an embedded relation's for
/// the values that join them, present or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) relations: Vec<RelationId>,
    /// The columns compared, ascending, each with the position of the returned one that has its value.
    pub(crate) columns: Arc<[Box<str>]>,
    pub(crate) positions: Vec<usize>,
    pub(crate) old_matters: bool,
    pub(crate) watched: Option<Arc<[Box<str>]>>,
}

/// What the statement returned beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Returned<'a> {
    /// How many rows the page has.
    pub rows: u64,
    /// `key_1`, `key_2` …: for each returned column, its value in each row.
    pub keys: &'a [Vec<Option<String>>],
    /// `embedded`: JSON, by row of the page the rows below it.
    pub embedded: Option<&'a str>,
}

impl Traced {
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.below.is_empty()
    }

    /// All that it could read: itself and what is embedded in it.
    pub(crate) fn relations(&self) -> Vec<RelationId> {
        let own = self.links.iter().flat_map(|link| link.relations.iter().copied());
        own.chain(self.below.iter().flat_map(|(_, below)| below.relations())).collect()
    }

    /// Has the statement tell what is traced of the embedded rows.
    pub(crate) fn mark(&self, node: &mut Node) {
        for (below, traced) in &self.below {
            if let Below::Embed(number) = below {
                let embed = &mut node.embeds[*number];
                embed.traced = traced.clone();
                traced.mark(&mut embed.node);
            }
        }
    }

    /// Adds a returned column and tells its position.
    pub(super) fn column(&mut self, key: Key) -> usize {
        self.columns.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.columns.push(key);
            self.columns.len() - 1
        })
    }
}

impl Contained {
    /// What was read, as far as the answer tells it.
    pub(super) fn reads(&self, returned: &Returned<'_>) -> Vec<Read> {
        let boundary = self.boundary.as_ref().and_then(|boundary| boundary.interval(returned, &self.traced));
        let mut reads: Vec<Read> = self
            .rows
            .iter()
            .map(|rows| {
                let mut rows = rows.clone();
                rows.within.extend(boundary.clone());
                Read::Rows(rows)
            })
            .collect();
        match self.page(returned) {
            Some(page) => self.trace(&self.traced, &page, &mut reads),
            None => reads.extend(self.traced.relations().into_iter().map(Read::Whole)),
        }
        reads
    }

    /// The page by row: the columns' values, then the embeds' traces. `None` where it is not what the
    /// statement returns.
    fn page(&self, returned: &Returned<'_>) -> Option<Vec<Row>> {
        let count = usize::try_from(returned.rows).ok()?;
        let sound = returned.keys.len() == self.traced.columns.len()
            && returned.keys.iter().all(|column| column.len() == count);
        if !sound || count > self.keys_max {
            return None;
        }
        let mut embedded = match returned.embedded {
            Some(text) => serde_json::from_str::<Vec<Value>>(text).ok()?.into_iter(),
            None => Vec::new().into_iter(),
        };
        let row = |at: usize| {
            let values = returned.keys.iter().map(|column| column[at].clone()).collect();
            let traces = match embedded.next() {
                Some(Value::Array(traces)) => traces,
                Some(_) => return None,
                None => Vec::new(),
            };
            (traces.len() == self.traced.below.len()).then_some(Row { values, traces })
        };
        (0..count).map(row).collect()
    }

    fn trace(&self, traced: &Traced, rows: &[Row], reads: &mut Vec<Read>) {
        for link in &traced.links {
            let values = if rows.len() > self.keys_max { None } else { link.values(rows) };
            let of = |relation: &RelationId| match &values {
                Some(values) => Read::Rows(Rows {
                    old_matters: link.old_matters,
                    watched: link.watched.clone(),
                    ..Rows::with(*relation, Arc::clone(&link.columns), values.clone())
                }),
                None => Read::Whole(*relation),
            };
            reads.extend(link.relations.iter().map(of));
        }
        for (number, (_, below)) in traced.below.iter().enumerate() {
            match Row::below(rows, number, below) {
                Some(rows) => self.trace(below, &rows, reads),
                None => reads.extend(below.relations().into_iter().map(Read::Whole)),
            }
        }
    }
}

/// A row of one relation in the answer.
struct Row {
    values: Vec<Option<String>>,
    traces: Vec<Value>,
}

impl Row {
    /// The rows below all of these, of one embed or junction.
    fn below(rows: &[Row], number: usize, traced: &Traced) -> Option<Vec<Row>> {
        let mut found = Vec::new();
        for row in rows {
            match row.traces.get(number)? {
                Value::Null => {}
                Value::Array(below) => {
                    for row in below {
                        found.push(Row::read(row, traced)?);
                    }
                }
                _ => return None,
            }
        }
        Some(found)
    }

    fn read(row: &Value, traced: &Traced) -> Option<Row> {
        let row = row.as_array()?;
        let (values, traces) = row.split_at_checked(traced.columns.len())?;
        let text = |value: &Value| match value {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(text.clone())),
            _ => None,
        };
        let values = values.iter().map(text).collect::<Option<_>>()?;
        (traces.len() == traced.below.len()).then(|| Row { values, traces: traces.to_vec() })
    }
}

impl Link {
    /// The values of the linked rows; a null links nothing. `None` where they are not there.
    fn values(&self, rows: &[Row]) -> Option<Vec<Box<[Box<str>]>>> {
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let mut of_row = Vec::with_capacity(self.positions.len());
            for position in &self.positions {
                of_row.extend(row.values.get(*position)?.as_deref().map(Box::from));
            }
            if of_row.len() == self.positions.len() {
                values.push(of_row.into());
            }
        }
        Some(values)
    }
}

impl Boundary {
    /// The places up to the page's last row, if the page is full and that row has one.
    fn interval(&self, returned: &Returned<'_>, traced: &Traced) -> Option<Interval> {
        if returned.rows == 0 || returned.rows != self.limit {
            return None;
        }
        let last = returned.keys.get(self.column)?.last()?.as_deref()?;
        let place = self.scale.place(last)?;
        let (low, high) = if self.descending { (place, i64::MAX) } else { (i64::MIN, place) };
        let column = traced.columns.get(self.column)?.column.as_str().into();
        Some(Interval { column, low, high })
    }
}
