//! Plans inserts, puts, updates and deletes on a relation.
//!
//! A write and the rows it returns are one statement: the returned rows are read, embeds and all, from
//! what was written.

use std::sync::Arc;

use http::Method;
use pg::catalog::Relation;

use super::payload::Payload;
use super::tree::{Column, Condition, Node, Source};
use super::{Access, Asked, Plan, not_a_read};
use crate::Error;
use crate::grammar::{Comparison, Count, Heeded, Resolution, Return, Test};
use crate::media::{Chosen, Maker};
use crate::read_set::Traced;
use crate::respond::{Kind, Location};
use crate::sql::{self, Counted, Form, Key};

/// A write, every name of it resolved.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// Inserts the body's objects; of a `PUT`, those whose columns have these values.
    Insert { payload: Payload, conflict: Option<Conflict>, named: Vec<(Column, String)> },
    /// Updates by the body's (first) object the rows for which all conditions hold.
    Update { payload: Payload, conditions: Vec<Condition> },
    /// Deletes the rows for which all conditions hold.
    Delete { conditions: Vec<Condition> },
    /// Nothing: an update without a single column.
    Nothing,
}

/// What an insert does with a row that is there already.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    pub(crate) target: Vec<String>,
    pub(crate) merge: bool,
}

pub(super) fn plan(mut asked: Asked<'_>) -> Result<Plan, Error> {
    let relation = asked.relation()?;
    asked.preferences.fulfillable()?;
    asked.query.settle_paths(!asked.rules.aliases_only)?;
    unlimited(&mut asked)?;
    let mut root = asked.resolver(false).root(Source::Written, Some(Arc::clone(&relation)))?;
    let conditions = conditions_of_write(&mut root)?;
    let (write, kind, resolution) = write(&asked, &relation, conditions)?;
    let missing = matches!(kind, Kind::Insert { .. } | Kind::Update);
    let max_affected = matches!(kind, Kind::Update | Kind::Delete);
    let handlers = asked.handlers(&relation);
    let Chosen { media, handler, shown } = asked.chosen(Maker::Aggregates(&handlers), &mut root)?;
    let mut answer =
        asked.answer(kind, &media, Heeded { resolution, missing, returning: true, max_affected });
    answer.max_affected = answer.max_affected.filter(|_| max_affected);
    let returning = asked.preferences.returning.unwrap_or(Return::Minimal);
    answer.body = returning == Return::Representation;
    let mut traced = Traced::default();
    if returning == Return::HeadersOnly
        && matches!(kind, Kind::Insert { .. })
        && !relation.primary_key.is_empty()
    {
        let columns = relation.primary_key.clone();
        traced.columns = columns.iter().map(|name| Key { column: name.clone(), canonical: None }).collect();
        answer.location = Some(Location { relation: relation.name.clone(), columns });
    }
    let form = match returning {
        Return::Representation => Form::of_rows(&media),
        Return::HeadersOnly | Return::Minimal => Form::Nothing,
    };
    if form == Form::Nothing {
        // What is not shown is not read: to read it takes rights that the write does not.
        root.outputs.clear();
        root.embeds.clear();
        root.order.clear();
    }
    let computed = root.computed();
    root.read_computed_as_columns();
    // A plan knows nothing of what is written.
    answer.counted = matches!(asked.preferences.count, Some(Count::Exact | Count::Estimated));
    let inserted = matches!(kind, Kind::Insert { upsert: true } | Kind::Put { upsert: true });
    let handler = handler.map(|function| (function.as_ref(), relation.as_ref()));
    let recorded = asked.rules.writes_counted;
    let body = sql::Answer {
        form,
        media: &media,
        handler,
        counted: if answer.counted { Counted::Exact } else { Counted::No },
        traced: &traced,
        read: false,
        inserted,
        recorded,
    };
    let statement = sql::write(&relation, (&write, &computed), &root, &body);
    let reads = not_a_read(&asked.name);
    Ok(Plan {
        access: Access::Write,
        statement,
        batchable: None,
        estimate: None,
        schema: asked.schema,
        target: asked.name,
        reads,
        answer,
        timezone: asked.preferences.timezone,
        called: None,
        settled: false,
    }
    .showing(shown))
}

/// What the method means, and whether what it does with rows that are there already was the client's choice.
fn write(
    asked: &Asked<'_>,
    relation: &Relation,
    conditions: Vec<Condition>,
) -> Result<(Write, Kind, bool), Error> {
    Ok(match *asked.request.method {
        Method::POST => {
            let conflict = conflict(asked, relation)?;
            let heeded = conflict.is_some();
            let upsert = conflict.as_ref().is_some_and(|conflict| conflict.merge);
            let payload = Payload::read(asked, relation)?;
            (Write::Insert { payload, conflict, named: Vec::new() }, Kind::Insert { upsert }, heeded)
        }
        Method::PUT => (put(asked, relation, &conditions)?, Kind::Put { upsert: true }, false),
        Method::PATCH => (update(asked, relation, conditions)?, Kind::Update, false),
        _ => (Write::Delete { conditions }, Kind::Delete, false),
    })
}

/// Takes from the returned rows' tree the conditions that belong to the write itself.
fn conditions_of_write(root: &mut Node) -> Result<Vec<Condition>, Error> {
    fn embeds(condition: &Condition) -> bool {
        match condition {
            Condition::Test { .. } => false,
            Condition::Embed { .. } => true,
            Condition::Tree { children, .. } => children.iter().any(embeds),
        }
    }
    if root.conditions.iter().any(embeds) {
        return Err(Error::not_implemented("A filter on an embedded resource of a write"));
    }
    Ok(std::mem::take(&mut root.conditions))
}

fn conflict(asked: &Asked<'_>, relation: &Relation) -> Result<Option<Conflict>, Error> {
    let Some(resolution) = asked.preferences.resolution else { return Ok(None) };
    let target = asked.query.on_conflict.as_ref().unwrap_or(&relation.primary_key);
    if let Some(unknown) = target.iter().find(|name| relation.column(name).is_none()) {
        return Err(Error::column_alone(unknown));
    }
    let conflict = Conflict { target: target.clone(), merge: resolution == Resolution::Merge };
    Ok((!target.is_empty()).then_some(conflict))
}

fn update(asked: &Asked<'_>, relation: &Relation, conditions: Vec<Condition>) -> Result<Write, Error> {
    let payload = Payload::read(asked, relation)?;
    let nothing = payload.columns.is_empty() || payload.empty;
    Ok(if nothing { Write::Nothing } else { Write::Update { payload, conditions } })
}

/// A `PUT` writes the one row that its filters name: by the whole primary key, and by nothing else.
fn put(asked: &Asked<'_>, relation: &Relation, conditions: &[Condition]) -> Result<Write, Error> {
    let mut named: Vec<(Column, String)> = Vec::new();
    for condition in conditions {
        match condition {
            Condition::Test {
                column,
                negated: false,
                test: Test::Compare { comparison: Comparison::Equal, quantifier: None, value },
            } if column.path.is_empty() => named.push((column.clone(), value.clone())),
            _ => return Err(Error::put_filters()),
        }
    }
    let key = &relation.primary_key;
    let whole = key.iter().all(|column| named.iter().any(|(of, _)| of.name == *column));
    if key.is_empty() || !whole || named.iter().any(|(of, _)| !key.contains(&of.name)) {
        return Err(Error::put_filters());
    }
    let payload = Payload::read(asked, relation)?;
    let filled = |name: &String| payload.columns.iter().any(|column| column.name == *name);
    if !key.iter().all(filled) {
        return Err(Error::put_key());
    }
    let conflict = Some(Conflict { target: key.clone(), merge: true });
    Ok(Write::Insert { payload, conflict, named })
}

/// No write is limited, nor is what it returns: PostgREST has passed limits over since its version 13.
fn unlimited(asked: &mut Asked<'_>) -> Result<(), Error> {
    if asked.query.distinct.is_some() || asked.query.cursor.is_some() {
        return Err(Error::not_implemented(
            "What a write returns has no pages, and all of its rows are shown",
        ));
    }
    let limited = asked.query.ranges.iter().any(|(path, _)| path.is_empty());
    match *asked.request.method {
        Method::PUT if limited => Err(Error::put_limit()),
        _ => {
            asked.query.ranges.clear();
            Ok(())
        }
    }
}
