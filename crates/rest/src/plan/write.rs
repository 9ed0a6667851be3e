//! Plans inserts, updates and deletes on a relation.
//!
//! A write and the rows it returns are one statement: the returned rows are read, embeds and all, from
//! what was written.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use pg::catalog::{Relation, RelationKind};

use super::tree::{Condition, Node, Source, TypeName};
use super::{Access, Asked, Plan, not_a_read, type_name};
use crate::Error;
use crate::grammar::{Body, Heeded, Missing, Resolution, Return, Shape};
use crate::read_set::Traced;
use crate::respond::{Kind, Location};
use crate::sql::{self, Form, Key};

/// A write, every name of it resolved.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// Inserts the body's objects.
    Insert { columns: Vec<(String, TypeName)>, json: Bytes, array: bool, conflict: Option<Conflict> },
    /// Updates by the body's (first) object the rows for which all conditions hold.
    Update { assigned: Vec<(String, Assigned)>, json: Bytes, array: bool, conditions: Vec<Condition> },
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

/// What a column is set to.
#[derive(Clone, Debug)]
pub(crate) enum Assigned {
    /// The body's value, of this type.
    Body(TypeName),
    /// Its default.
    Default,
}

pub(super) fn plan(asked: Asked<'_>) -> Result<Plan, Error> {
    let relation = asked.catalog.relation(&asked.schema, &asked.name);
    let relation = relation.cloned().ok_or_else(|| Error::relation(&asked.schema, &asked.name))?;
    let mut resolver = asked.resolver(false);
    let mut root = resolver.root(Source::Written, Some(Arc::clone(&relation)))?;
    if root.range.limit.is_some() || root.range.offset > 0 {
        // To write more rows than the client meant would be worse than to refuse.
        return Err(Error::not_implemented("limit and offset of a write"));
    }
    let conditions = conditions_of_write(&mut root)?;
    let (write, kind, resolution) = match *asked.request.method {
        Method::POST => {
            let conflict = conflict(&asked, &relation)?;
            let heeded = conflict.is_some();
            // Only a plain table's rows say whether they were inserted.
            let merge = conflict.as_ref().is_some_and(|conflict| conflict.merge);
            let upsert = merge && relation.kind == RelationKind::Table;
            (insert(&asked, &relation, conflict)?, Kind::Insert { upsert }, heeded)
        }
        Method::PATCH => (update(&asked, &relation, conditions)?, Kind::Update, false),
        _ => (Write::Delete { conditions }, Kind::Delete, false),
    };
    let missing = !matches!(kind, Kind::Delete);
    let max_affected = !matches!(kind, Kind::Insert { .. });
    let mut answer = asked.answer(kind, Heeded { resolution, missing, returning: true, max_affected });
    if !max_affected {
        answer.max_affected = None;
    }
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
        Return::Representation if asked.media.singular => Form::Object,
        Return::Representation => Form::Array,
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
    let counted = asked.preferences.count;
    let inserted = matches!(kind, Kind::Insert { upsert: true });
    let body = sql::Answer { form, media: asked.media, counted, traced: &traced, read: false, inserted };
    let statement = sql::write(&relation, (&write, &computed), &root, &body);
    let reads = not_a_read(&asked.name);
    Ok(Plan {
        access: Access::Write,
        statement,
        batchable: None,
        schema: asked.schema,
        target: asked.name,
        reads,
        answer,
        settled: false,
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

fn body(asked: &Asked<'_>) -> Result<Body, Error> {
    let media = asked.request.headers.get("content-type").and_then(|value| value.to_str().ok());
    let media = media.map(|media| media.split(';').next().unwrap_or_default().trim());
    match media {
        None | Some("" | "application/json") => {}
        Some(media) if media.starts_with("application/vnd.pgrst.") => {}
        Some(media) => return Err(Error::body(format!("Content-Type not acceptable: {media}"))),
    }
    let body = Body::read(asked.request.body)?;
    if body.shape == Shape::Other || !body.uniform && asked.query.columns.is_none() {
        return Err(Error::body("All object keys must match"));
    }
    Ok(body)
}

/// The columns that a body fills: those of `columns`, or its keys.
fn columns(asked: &Asked<'_>, relation: &Relation, body: &Body) -> Result<Vec<(String, TypeName)>, Error> {
    let mut columns: Vec<(String, TypeName)> = Vec::new();
    for name in asked.query.columns.as_ref().unwrap_or(&body.keys) {
        let column = relation.column(name).ok_or_else(|| Error::column_of_body(&relation.name, name))?;
        if columns.iter().all(|(known, _)| known != name) {
            columns.push((name.clone(), type_name::of_catalog(&column.type_name)));
        }
    }
    Ok(columns)
}

fn insert(asked: &Asked<'_>, relation: &Relation, conflict: Option<Conflict>) -> Result<Write, Error> {
    let body = body(asked)?;
    let mut columns = columns(asked, relation, &body)?;
    if asked.preferences.missing == Some(Missing::Default) {
        if !body.uniform {
            return Err(Error::not_implemented("missing=default for objects of different keys"));
        }
        columns.retain(|(name, _)| body.keys.contains(name));
    }
    let array = body.shape != Shape::Object;
    Ok(Write::Insert { columns, json: body.json, array, conflict })
}

fn conflict(asked: &Asked<'_>, relation: &Relation) -> Result<Option<Conflict>, Error> {
    let Some(resolution) = asked.preferences.resolution else { return Ok(None) };
    let target = asked.query.on_conflict.as_ref().unwrap_or(&relation.primary_key);
    if let Some(unknown) = target.iter().find(|name| relation.column(name).is_none()) {
        return Err(Error::column(&relation.name, unknown));
    }
    let conflict = Conflict { target: target.clone(), merge: resolution == Resolution::Merge };
    Ok((!target.is_empty()).then_some(conflict))
}

fn update(asked: &Asked<'_>, relation: &Relation, conditions: Vec<Condition>) -> Result<Write, Error> {
    let body = body(asked)?;
    let array = body.shape != Shape::Object;
    let defaults = asked.preferences.missing == Some(Missing::Default);
    let assigned: Vec<(String, Assigned)> = columns(asked, relation, &body)?
        .into_iter()
        .map(|(name, type_name)| match defaults && !body.keys.contains(&name) {
            true => (name, Assigned::Default),
            false => (name, Assigned::Body(type_name)),
        })
        .collect();
    if assigned.is_empty() || body.shape == (Shape::Array { rows: 0 }) {
        return Ok(Write::Nothing);
    }
    Ok(Write::Update { assigned, json: body.json, array, conditions })
}
