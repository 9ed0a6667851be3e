//! The description of a schema, as OpenAPI 2.0 in the form in which PostgREST writes it.
//!
//! Made of two halves: the [`Outline`], which is what the catalog knows when the request is planned, and the
//! [`Description`], which the statement returns: comments, and what the role may use. So a description is never older
//! than the database's comments and grants. Never does I/O.

mod definitions;
mod parameters;
mod paths;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use pg::RelationId;
use pg::catalog::{Catalog, Function, Relation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::request::{OpenApi, OpenApiMode};
use paths::Callable;

/// Which rows the statement's `body` describes.
pub(crate) const DESCRIBE: &str = include_str!("describe.sql");
/// What a relation takes.
pub(crate) const OPERATIONS: &str = include_str!("operations.sql");

/// What is taken and given where nothing else is said.
const MEDIA: [&str; 4] = [
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
];

/// What the catalog knows of a schema.
#[derive(Clone)]
pub(crate) struct Outline {
    schema: String,
    /// The catalog's: equal ones have equal outlines of a schema.
    fingerprint: u64,
    rules: OpenApi,
    relations: HashMap<String, Arc<Relation>>,
    functions: HashMap<u32, Arc<Function>>,
    /// For a column that refers to another by itself: the other's relation and name.
    references: HashMap<(RelationId, String), (String, String)>,
}

impl fmt::Debug for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outline { schema, fingerprint, .. } = self;
        f.debug_struct("Outline")
            .field("schema", schema)
            .field("fingerprint", fingerprint)
            .finish_non_exhaustive()
    }
}

impl Hash for Outline {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.schema.hash(state);
        self.fingerprint.hash(state);
        self.rules.hash(state);
    }
}

impl Outline {
    pub(crate) fn of(catalog: &Catalog, schema: &str, rules: &OpenApi) -> Outline {
        let relations = catalog.relations.values().filter(|relation| relation.schema == schema);
        let relations: HashMap<_, _> =
            relations.map(|relation| (relation.name.clone(), Arc::clone(relation))).collect();
        let functions = catalog.functions.iter().filter(|((of, _), _)| of == schema);
        let functions = functions.flat_map(|(_, overloads)| overloads);
        Outline {
            schema: schema.to_owned(),
            fingerprint: catalog.fingerprint,
            rules: rules.clone(),
            references: definitions::references(catalog, schema),
            functions: functions.map(|function| (function.id, Arc::clone(function))).collect(),
            relations,
        }
    }

    /// Whether only what the role may use is described.
    pub(crate) fn follows_privileges(&self) -> bool {
        self.rules.mode == OpenApiMode::FollowPrivileges
    }

    /// The document, from what the statement returned.
    pub(crate) fn document(&self, described: &[u8]) -> Result<String, serde_json::Error> {
        let description: Description = serde_json::from_slice(described)?;
        // What was made since the catalog was read is told of once it is read again.
        let relations: Vec<(&DescribedRelation, &Relation)> = description
            .relations
            .iter()
            .filter_map(|described| Some((described, self.relations.get(&described.name)?.as_ref())))
            .collect();
        let callables = description
            .functions
            .iter()
            .filter_map(|described| {
                let function = self.functions.get(&described.id)?;
                Some(Callable::new(function, described.comment.as_deref(), described.types.as_deref()))
            })
            .filter(Callable::has_names);
        let mut paths = Map::new();
        paths.insert("/".to_owned(), paths::root());
        let mut definitions = Map::new();
        for (described, relation) in &relations {
            paths.insert(format!("/{}", described.name), paths::of_relation(described));
            definitions.insert(described.name.clone(), self.definition(described, relation));
        }
        for callable in paths::chosen(callables) {
            paths.insert(format!("/rpc/{}", callable.name), paths::of_function(&callable));
        }
        let parameters = parameters::all(relations.iter().map(|(described, _)| *described));
        let mut document = json!({
            "swagger": "2.0",
            "info": info(description.comment.as_deref()),
            "host": self.rules.host,
            "basePath": self.rules.base_path,
            "schemes": [self.rules.scheme],
            "consumes": MEDIA,
            "produces": MEDIA,
            "paths": paths,
            "definitions": definitions,
            "parameters": parameters,
        });
        if self.rules.security {
            document["securityDefinitions"] = json!({ "JWT": {
                "description": "Add the token prepending \"Bearer \" (without quotes) to it",
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
            } });
            document["security"] = json!([{ "JWT": [] }]);
        }
        document["externalDocs"] = json!({
            "description": "PostgREST Documentation",
            "url": "https://postgrest.org/en/v14/references/api.html",
        });
        Ok(document.to_string())
    }
}

/// What the statement returns.
#[derive(Debug, Deserialize)]
struct Description {
    comment: Option<String>,
    relations: Vec<DescribedRelation>,
    functions: Vec<DescribedFunction>,
}

#[derive(Debug, Deserialize)]
struct DescribedRelation {
    name: String,
    comment: Option<String>,
    /// Whether rows can be inserted, updated or deleted.
    writable: bool,
    columns: Vec<DescribedColumn>,
}

#[derive(Debug, Deserialize)]
struct DescribedColumn {
    name: String,
    /// The type, or that below a domain.
    format: String,
    length: Option<i64>,
    labels: Option<Vec<String>>,
    comment: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DescribedFunction {
    id: u32,
    comment: Option<String>,
    /// Of its arguments, where they are not told as the catalog has them.
    types: Option<Vec<String>>,
}

fn info(comment: Option<&str>) -> Value {
    let (title, description) = match comment.map(summarized) {
        Some((title, description)) => (title, description.unwrap_or(title)),
        None => ("PostgREST API", "This is a dynamic API generated by PostgREST"),
    };
    json!({ "description": description, "title": title, "version": env!("CARGO_PKG_VERSION") })
}

/// A comment's first line, and what follows it.
fn summarized(comment: &str) -> (&str, Option<&str>) {
    let (summary, rest) = comment.split_once('\n').unwrap_or((comment, ""));
    let rest = rest.trim_start_matches('\n');
    (summary, (!rest.is_empty()).then_some(rest))
}

/// The type of JSON that stands for one of PostgreSQL's; none where it may be any.
fn json_type(format: &str) -> Option<&'static str> {
    match format {
        "boolean" => Some("boolean"),
        "smallint" | "integer" | "bigint" => Some("integer"),
        "numeric" | "real" | "double precision" => Some("number"),
        "json" | "jsonb" => None,
        array if array.ends_with("[]") => Some("array"),
        _ => Some("string"),
    }
}

/// Adds a type's name, its type of JSON and that of an array's items.
fn set_type(schema: &mut Map<String, Value>, format: &str) {
    schema.insert("format".to_owned(), format.into());
    if let Some(item) = format.strip_suffix("[]") {
        let mut items = Map::new();
        items.extend(json_type(item).map(|kind| ("type".to_owned(), kind.into())));
        schema.insert("items".to_owned(), Value::Object(items));
    }
    schema.extend(json_type(format).map(|kind| ("type".to_owned(), kind.into())));
}
