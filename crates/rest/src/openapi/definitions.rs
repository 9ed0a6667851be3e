//! What a row of a relation looks like.

use std::collections::HashMap;

use pg::RelationId;
use pg::catalog::{Catalog, Column, ForeignKey, Relation, RelationKind};
use serde_json::{Map, Value, json};

use super::{DescribedColumn, DescribedRelation, Outline, json_type, set_type};

/// The columns of a schema that refer to another column of it by themselves. Tables are named before views.
pub(super) fn references(catalog: &Catalog, schema: &str) -> HashMap<(RelationId, String), (String, String)> {
    let mut found: HashMap<(RelationId, String), (String, String)> = HashMap::new();
    let of_view = |key: &&ForeignKey| {
        let to = catalog.by_id.get(&key.to);
        to.is_some_and(|to| matches!(to.kind, RelationKind::View | RelationKind::MaterializedView))
    };
    let (views, tables): (Vec<_>, Vec<_>) = catalog.foreign_keys.iter().partition(of_view);
    for key in tables.into_iter().chain(views) {
        let ([from], [to]) = (key.from_columns.as_slice(), key.to_columns.as_slice()) else { continue };
        let relation = catalog.by_id.get(&key.to).filter(|relation| relation.schema == schema);
        if let Some(relation) = relation {
            let name = || (relation.name.clone(), to.clone());
            found.entry((key.from, from.clone())).or_insert_with(name);
        }
    }
    found
}

impl Outline {
    pub(super) fn definition(&self, described: &DescribedRelation, relation: &Relation) -> Value {
        let mut definition = Map::new();
        if let Some(comment) = &described.comment {
            definition.insert("description".to_owned(), comment.as_str().into());
        }
        let known = || {
            described
                .columns
                .iter()
                .filter_map(|described| Some((described, relation.column(&described.name)?)))
        };
        let required: Vec<&str> =
            known().filter(|(_, column)| !column.nullable).map(|(_, column)| column.name.as_str()).collect();
        if !required.is_empty() {
            definition.insert("required".to_owned(), required.into());
        }
        let properties: Map<String, Value> = known()
            .map(|(described, column)| (column.name.clone(), self.property(described, column, relation)))
            .collect();
        definition.insert("properties".to_owned(), Value::Object(properties));
        definition.insert("type".to_owned(), "object".into());
        Value::Object(definition)
    }

    fn property(&self, described: &DescribedColumn, column: &Column, relation: &Relation) -> Value {
        let mut property = Map::new();
        let default = column.default.as_deref().and_then(|default| default_of(default, &described.format));
        property.extend(default.map(|default| ("default".to_owned(), default)));
        let note = self.note(column, relation);
        let description = match (described.comment.as_deref(), note) {
            (Some(comment), Some(note)) => Some(format!("{comment}\n\n{note}")),
            (comment, note) => note.or(comment.map(str::to_owned)),
        };
        property.extend(description.map(|description| ("description".to_owned(), description.into())));
        property.extend(described.labels.as_ref().map(|labels| ("enum".to_owned(), json!(labels))));
        set_type(&mut property, &described.format);
        if let Some(length) = described.length {
            property.insert("maxLength".to_owned(), length.into());
        }
        Value::Object(property)
    }

    /// What a column is in keys, in a form that generators of code look for.
    fn note(&self, column: &Column, relation: &Relation) -> Option<String> {
        let mut notes = Vec::new();
        if relation.primary_key.contains(&column.name) {
            notes.push("This is a Primary Key.<pk/>".to_owned());
        }
        if let Some((table, of)) = self.references.get(&(relation.id, column.name.clone())) {
            notes
                .push(format!("This is a Foreign Key to `{table}.{of}`.<fk table='{table}' column='{of}'/>"));
        }
        (!notes.is_empty()).then(|| format!("Note:\n{}", notes.join("\n")))
    }
}

/// A default that is a value and no expression; a text is whatever stands there.
pub(super) fn default_of(expression: &str, format: &str) -> Option<Value> {
    if json_type(format) != Some("string") {
        return serde_json::from_str(expression).ok();
    }
    let cast = |(_, name): &(&str, &str)| {
        // The catalog writes a type as its own search path finds it.
        let unqualified = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        *name == format || unqualified(name) == unqualified(format)
    };
    let text = match expression.rsplit_once("::").filter(cast) {
        Some((value, _)) => value.trim_matches('\''),
        None => expression,
    };
    serde_json::from_str(&format!("\"{text}\"")).ok()
}
