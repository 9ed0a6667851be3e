//! From what a route declares to what the log tells: relations, and the rows with the request's values.
//!
//! Always a superset: where a value is missing, or could mean another row to the app than it does here, any value
//! is meant.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use gateway::dependence::Told;
use gateway::source::Said;
use http::HeaderMap;
use pg::catalog::{Catalog, Relation, RelationKind};
use pg::{Canonical, Read, RelationId, Rows};
use serde_json::Value;

use super::Declared;
use crate::bypass::Bypass;
use crate::config::{Config, qualified};
use crate::identity::Vouched;
use crate::proxy::passage::Passage;
use crate::schema::Schema;

/// Beyond, an app that keeps numbers as JavaScript does takes one for another.
const INTEGER_MAX: i64 = 1 << 53;

/// What an answer to the request reads, or why it cannot be told.
pub(super) fn of(passage: &Passage, declared: &Declared, schema: &Schema) -> Result<Vec<Read>, Bypass> {
    with_said(passage, |said| {
        let mut reads = Vec::new();
        for dependence in &declared.depends_on {
            let values = dependence.values(said);
            add(passage, schema, &dependence.relation, values, &mut reads)?;
        }
        Ok(reads)
    })
}

/// What the upstream says that its answer reads; none where it does not say, or says what is not there.
pub(super) fn told(passage: &Passage, schema: &Schema, headers: &HeaderMap) -> Option<Vec<Read>> {
    let mut reads = Vec::new();
    for Told { relation, rows } in Told::read(headers)? {
        let values =
            rows.iter().map(|(column, value)| (column.as_str(), Some(Cow::Borrowed(value.as_str()))));
        add(passage, schema, &relation, values, &mut reads).ok()?;
    }
    Some(reads)
}

/// Adds the relation, or those of its rows that have these values.
fn add<'a>(
    passage: &Passage,
    schema: &Schema,
    name: &str,
    values: impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)>,
    reads: &mut Vec<Read>,
) -> Result<(), Bypass> {
    let (of_schema, name) = qualified(name, &passage.node.config.database.schemas);
    let relation = schema.catalog.relation(&of_schema, &name);
    let relation = relation.ok_or_else(|| Bypass::Unknown(format!("{of_schema}.{name}")))?;
    if let Some((object, why)) = relation.dependence.obstacles.iter().next() {
        return Err(Bypass::Obstacle(*why, object.clone()));
    }
    let rows = rows(relation, values)?;
    for id in relation.stored_in.iter().chain(&relation.dependence.relations) {
        schema.told(*id)?;
        reads.push(match &rows {
            Some(rows) if relation.stored_in.contains(id) => {
                Read::Rows(Rows { relation: *id, ..rows.clone() })
            }
            _ => Read::Whole(*id),
        });
    }
    Ok(())
}

/// The rows of a table with these values; none: any row.
fn rows<'a>(
    relation: &Relation,
    values: impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)>,
) -> Result<Option<Rows>, Bypass> {
    let mut narrowed: Vec<(&str, String)> = Vec::new();
    for (name, value) in values {
        let column = relation.column(name);
        let column = column.ok_or_else(|| Bypass::Unknown(format!("{}.{name}", relation.name)))?;
        let canonical = column.canonical.zip(value.as_deref());
        narrowed.extend(canonical.and_then(|(of, value)| Some((name, unequivocal(of, value)?))));
    }
    // A view's rows are no rows of the log's.
    let is_table = !matches!(relation.kind, RelationKind::View);
    if narrowed.is_empty() || !is_table {
        return Ok(None);
    }
    narrowed.sort_unstable();
    let (columns, values): (Vec<Box<str>>, Vec<Box<str>>) =
        narrowed.into_iter().map(|(name, value)| (name.into(), value.into())).unzip();
    Ok(Some(Rows::with(RelationId(0), Arc::from(columns), vec![values.into()])))
}

/// The canonical form of a value, where every app that reads it as such a type reads the same.
fn unequivocal(of: Canonical, value: &str) -> Option<String> {
    let canonical = of.of(value)?;
    let is_exact = of != Canonical::Integer
        || canonical.parse::<i64>().is_ok_and(|number| number.unsigned_abs() <= INTEGER_MAX.unsigned_abs());
    is_exact.then(|| canonical.into_owned())
}

/// What the request says, for the sources to look in.
pub(super) fn with_said<T>(passage: &Passage, look: impl FnOnce(&Said<'_>) -> T) -> T {
    let head = &passage.head;
    let captures = passage.route.pattern.captures(head.uri.path()).unwrap_or_default();
    // Read where the first claim is wanted.
    let claims = OnceCell::new();
    let claim = |path: &[String]| match &passage.vouched {
        Vouched::For(identity) => {
            claim(claims.get_or_init(|| serde_json::from_str(&identity.claims).unwrap_or_default()), path)
        }
        Vouched::Nobody | Vouched::Refused => None,
    };
    let query = head.uri.query().unwrap_or_default();
    look(&Said { captures: &captures, query, headers: &head.headers, claim: &claim })
}

fn claim(claims: &Value, path: &[String]) -> Option<String> {
    let found = path.iter().try_fold(claims, |value, name| value.get(name))?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What routes declare that the database does not have, a line each.
pub(crate) fn unknown(config: &Config, catalog: &Catalog) -> Vec<String> {
    let mut lines = Vec::new();
    for route in config.proxy.routes.iter() {
        let Some(declaration) = &route.value.declared else { continue };
        for dependence in &declaration.depends_on {
            let (schema, name) = qualified(&dependence.relation, &config.database.schemas);
            let path = &route.pattern;
            let Some(relation) = catalog.relation(&schema, &name) else {
                let among = config.database.schemas.join(", ");
                lines.push(format!(
                    "route {path}: depends_on: there is no relation {schema}.{name} in the schemas served \
                     ({among}): its answers are not kept"
                ));
                continue;
            };
            for (column, _) in dependence.rows.iter().filter(|(column, _)| relation.column(column).is_none())
            {
                lines.push(format!(
                    "route {path}: depends_on: {schema}.{name} has no column {column}: its answers are not kept"
                ));
            }
        }
    }
    lines
}
