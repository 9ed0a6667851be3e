//! Which relation an embed means, and by which foreign key.
//!
//! Foreign keys are read in both directions, and pairwise through a junction whose primary key holds
//! both. Nothing is guessed: two ways are an error that names them.

use std::sync::Arc;

use http::StatusCode;
use pg::RelationId;
use pg::catalog::{Catalog, ForeignKey, Relation, RelationKind, Returns};
use serde_json::{Value, json};

use super::tree::Join;
use crate::Error;
use crate::grammar::Embed;
use crate::similar::most_similar;

/// One way from a relation to another.
pub(crate) struct Relationship {
    pub(crate) target: Arc<Relation>,
    pub(crate) join: Join,
    pub(crate) to_one: bool,
    way: Way,
}

/// What names the way: constraints and their columns.
enum Way {
    Forward(ForeignKey),
    Back(ForeignKey),
    Through { junction: Arc<Relation>, near: ForeignKey, far: ForeignKey },
    Computed,
}

/// The one relationship that `embed` means, seen from `origin`.
pub(crate) fn find(
    catalog: &Catalog,
    schema: &str,
    origin: &Relation,
    embed: &Embed,
) -> Result<Relationship, Error> {
    if let Some(computed) = computed(catalog, origin, embed) {
        return Ok(computed);
    }
    let mut found: Vec<Relationship> =
        all(catalog, schema, origin).into_iter().filter(|way| way.is_meant(origin, embed)).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let ways = all(catalog, schema, origin);
            if ways.is_empty() {
                return Err(unrelated(catalog, schema, &origin.name, embed));
            }
            let targets = ways.iter().map(|way| way.target.name.as_str());
            let hint = most_similar(&embed.relation, targets, false)
                .map(|name| format!("'{name}' instead of '{}'", embed.relation));
            Err(none(schema, &origin.name, embed, hint))
        }
        _ => Err(ambiguous(origin, embed, &found)),
    }
}

/// The relationship that a function of the origin's rows makes. It has the function's name, and comes before
/// any foreign key that leads to a relation called so.
fn computed(catalog: &Catalog, origin: &Relation, embed: &Embed) -> Option<Relationship> {
    let function = catalog.computed(origin.id, &embed.relation)?;
    let Returns::Relation(target) = function.returns else { return None };
    let target = Arc::clone(catalog.by_id.get(&target)?);
    let to_one = !function.returns_set || function.one_row;
    let join = Join::Computed { function: Arc::clone(function), row_of: None };
    Some(Relationship { target, join, to_one, way: Way::Computed })
}

fn all(catalog: &Catalog, schema: &str, origin: &Relation) -> Vec<Relationship> {
    let by_id = |id: RelationId| catalog.by_id.get(&id);
    let in_schema = |relation: &&Arc<Relation>| relation.schema == schema;
    let pairs = |one: &[String], other: &[String]| -> Vec<(String, String)> {
        one.iter().cloned().zip(other.iter().cloned()).collect()
    };
    let mut ways = Vec::new();
    for key in catalog.foreign_keys.iter().filter(|key| key.from == origin.id) {
        if let Some(target) = by_id(key.to).filter(in_schema) {
            let join = Join::Direct(pairs(&key.from_columns, &key.to_columns));
            let way = Way::Forward(key.clone());
            ways.push(Relationship { target: Arc::clone(target), join, to_one: true, way });
        }
    }
    for key in catalog.foreign_keys.iter().filter(|key| key.to == origin.id) {
        let Some(near_end) = by_id(key.from) else { continue };
        if near_end.schema == schema {
            let join = Join::Direct(pairs(&key.to_columns, &key.from_columns));
            let way = Way::Back(key.clone());
            ways.push(Relationship { target: Arc::clone(near_end), join, to_one: key.one_to_one, way });
        }
        for far in catalog.foreign_keys.iter().filter(|far| far.from == key.from && far.name != key.name) {
            let mut both = key.from_columns.iter().chain(&far.from_columns);
            if !both.all(|column| near_end.primary_key.contains(column)) {
                continue;
            }
            // A junction of a relation with itself leads two ways, which nothing can tell apart.
            if let Some(target) = by_id(far.to).filter(in_schema).filter(|target| target.id != origin.id) {
                let join = Join::Through {
                    junction: Arc::clone(near_end),
                    near: pairs(&key.to_columns, &key.from_columns),
                    far: pairs(&far.from_columns, &far.to_columns),
                };
                let junction = Arc::clone(near_end);
                let way = Way::Through { junction, near: key.clone(), far: far.clone() };
                ways.push(Relationship { target: Arc::clone(target), join, to_one: false, way });
            }
        }
    }
    ways
}

impl Relationship {
    fn is_meant(&self, origin: &Relation, embed: &Embed) -> bool {
        if self.target.id == origin.id {
            return self.is_meant_of_itself(embed);
        }
        let by_relation = self.target.name == embed.relation && self.hinted(embed.hint.as_deref());
        // A key or a column names the table behind it, and none of the views over that.
        let is_view = matches!(self.target.kind, RelationKind::View | RelationKind::MaterializedView);
        let by_key = embed.hint.is_none()
            && !is_view
            && match &self.way {
                Way::Forward(key) => {
                    key.name == embed.relation || single(&key.from_columns) == Some(&embed.relation)
                }
                Way::Back(key) => {
                    key.name == embed.relation || single(&key.to_columns) == Some(&embed.relation)
                }
                Way::Through { .. } | Way::Computed => false,
            };
        by_relation || by_key
    }

    /// A key from a relation to itself leads both ways. The relation's name means the way back, the key's column the
    /// way forward; beside the name, the key or its column only says which. What is one to one cannot be told apart.
    fn is_meant_of_itself(&self, embed: &Embed) -> bool {
        match (&self.way, &embed.hint) {
            (Way::Forward(key) | Way::Back(key), _) if key.one_to_one => false,
            (Way::Forward(key), None) => single(&key.from_columns) == Some(&embed.relation),
            (Way::Back(_), None) => self.target.name == embed.relation,
            (Way::Back(key), Some(hint)) => {
                let by_key = key.name == *hint || single(&key.from_columns) == Some(hint);
                self.target.name == embed.relation && by_key
            }
            _ => false,
        }
    }

    fn hinted(&self, hint: Option<&str>) -> bool {
        let Some(hint) = hint else { return true };
        match &self.way {
            Way::Forward(key) | Way::Back(key) => {
                key.name == hint
                    || single(&key.from_columns) == Some(hint)
                    || single(&key.to_columns) == Some(hint)
            }
            Way::Through { junction, .. } => junction.name == hint,
            Way::Computed => false,
        }
    }

    /// As the details of an ambiguity name it.
    fn description(&self, origin: &Relation) -> Value {
        let columns = |columns: &[String]| format!("({})", columns.join(", "));
        let (origin_name, target) = (&origin.name, &self.target.name);
        let (cardinality, relationship) = match &self.way {
            Way::Forward(key) => (
                if key.one_to_one { "one-to-one" } else { "many-to-one" },
                format!(
                    "{} using {origin_name}{} and {target}{}",
                    key.name,
                    columns(&key.from_columns),
                    columns(&key.to_columns)
                ),
            ),
            Way::Back(key) => (
                if key.one_to_one { "one-to-one" } else { "one-to-many" },
                format!(
                    "{} using {origin_name}{} and {target}{}",
                    key.name,
                    columns(&key.to_columns),
                    columns(&key.from_columns)
                ),
            ),
            Way::Through { junction, near, far } => (
                "many-to-many",
                format!(
                    "{} using {}{} and {}{}",
                    junction.name,
                    near.name,
                    columns(&near.from_columns),
                    far.name,
                    columns(&far.from_columns)
                ),
            ),
            Way::Computed => return Value::Null,
        };
        json!({
            "cardinality": cardinality,
            "embedding": format!("{origin_name} with {target}"),
            "relationship": relationship,
        })
    }

    fn hint(&self) -> String {
        let by = match &self.way {
            Way::Forward(key) | Way::Back(key) => &key.name,
            Way::Through { junction, .. } => &junction.name,
            Way::Computed => &self.target.name,
        };
        format!("'{}!{by}'", self.target.name)
    }
}

fn single(columns: &[String]) -> Option<&str> {
    match columns {
        [column] => Some(column),
        _ => None,
    }
}

/// The relations that have any relationship.
fn related(catalog: &Catalog, schema: &str) -> Vec<String> {
    let ends = catalog.foreign_keys.iter().flat_map(|key| [key.from, key.to]);
    let named = ends.filter_map(|id| catalog.by_id.get(&id)).filter(|relation| relation.schema == schema);
    named.map(|relation| relation.name.clone()).collect()
}

/// Nothing is related to what is called so, be it a relation or a function of no relation's rows.
pub(super) fn unrelated(catalog: &Catalog, schema: &str, origin: &str, embed: &Embed) -> Error {
    let related = related(catalog, schema);
    let hint = most_similar(origin, related.iter().map(String::as_str), true)
        .map(|name| format!("'{name}' instead of '{origin}'"));
    none(schema, origin, embed, hint)
}

/// No relationship; `similar` says what may have been meant.
pub(super) fn none(schema: &str, origin: &str, embed: &Embed, similar: Option<String>) -> Error {
    let target = &embed.relation;
    let hint = embed.hint.as_ref().map_or_else(String::new, |hint| format!(" using the hint '{hint}'"));
    let message =
        format!("Could not find a relationship between '{origin}' and '{target}' in the schema cache");
    let error = Error::new(StatusCode::BAD_REQUEST, "PGRST200", message).details(format!(
        "Searched for a foreign key relationship between '{origin}' and '{target}'{hint} in the schema \
         '{schema}', but no matches were found."
    ));
    match similar {
        Some(similar) => error.hint(format!("Perhaps you meant {similar}.")),
        None => error,
    }
}

fn ambiguous(origin: &Relation, embed: &Embed, found: &[Relationship]) -> Error {
    let (origin_name, target) = (&origin.name, &embed.relation);
    let message = format!(
        "Could not embed because more than one relationship was found for '{origin_name}' and '{target}'"
    );
    let hints: Vec<String> = found.iter().map(Relationship::hint).collect();
    Error::new(StatusCode::MULTIPLE_CHOICES, "PGRST201", message)
        .details(found.iter().map(|way| way.description(origin)).collect::<Vec<_>>())
        .hint(format!(
            "Try changing '{target}' to one of the following: {}. Find the desired relationship in the \
             'details' key.",
            hints.join(", ")
        ))
}
