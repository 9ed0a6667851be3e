//! The paths: the root, each relation, each function.

use std::collections::BTreeMap;

use pg::catalog::{Argument, Function};
use serde_json::{Map, Value, json};

use super::{DescribedRelation, MEDIA, json_type, set_type, summarized};

/// A function that may be called, and what its comment says.
pub(super) struct Callable<'a> {
    pub(super) name: &'a str,
    comment: Option<&'a str>,
    arguments: Vec<Argument>,
}

impl<'a> Callable<'a> {
    pub(super) fn new(
        function: &'a Function,
        comment: Option<&'a str>,
        types: Option<&[String]>,
    ) -> Callable<'a> {
        let mut arguments = function.arguments.clone();
        for (argument, type_name) in arguments.iter_mut().zip(types.unwrap_or_default()) {
            argument.type_name.clone_from(type_name);
        }
        Callable { name: &function.name, comment, arguments }
    }

    /// Whether its arguments can be given: by their names, or the only one as the whole body.
    pub(super) fn has_names(&self) -> bool {
        match self.arguments.as_slice() {
            [only] if only.name.is_empty() => {
                matches!(only.type_name.as_str(), "json" | "jsonb" | "text" | "xml" | "bytea")
            }
            all => all.iter().all(|argument| !argument.name.is_empty()),
        }
    }
}

/// One of each name, in the names' order: of overloads, the one that takes most.
pub(super) fn chosen<'a>(all: impl Iterator<Item = Callable<'a>>) -> impl Iterator<Item = Callable<'a>> {
    let names = |callable: &Callable<'_>| -> Vec<(String, String)> {
        let arguments = callable.arguments.iter();
        arguments.map(|argument| (argument.name.clone(), argument.type_name.clone())).collect()
    };
    let rank = |callable: &Callable<'_>| (callable.arguments.len(), names(callable));
    let mut chosen: BTreeMap<&str, Callable<'a>> = BTreeMap::new();
    for callable in all {
        let name = callable.name;
        if chosen.get(name).is_none_or(|known| rank(known) <= rank(&callable)) {
            chosen.insert(name, callable);
        }
    }
    chosen.into_values()
}

pub(super) fn root() -> Value {
    json!({ "get": {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": ["application/openapi+json", "application/json"],
        "responses": { "200": { "description": "OK" } },
    } })
}

pub(super) fn of_relation(relation: &DescribedRelation) -> Value {
    let name = &relation.name;
    let filters = relation.columns.iter().map(|column| format!("rowFilter.{name}.{}", column.name));
    let filters: Vec<String> = filters.collect();
    let body = format!("body.{name}");
    let operation = |parameters: &[&[&str]], responses: Value| {
        let mut operation = heading(name.clone(), relation.comment.as_deref());
        let all = parameters.concat();
        let references = all.iter().map(|name| json!({ "$ref": format!("#/parameters/{name}") }));
        operation.insert("parameters".to_owned(), references.collect());
        operation.insert("responses".to_owned(), responses);
        Value::Object(operation)
    };
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let paging = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"];
    let rows = json!({ "items": { "$ref": format!("#/definitions/{name}") }, "type": "array" });
    let found = json!({
        "200": { "description": "OK", "schema": rows },
        "206": { "description": "Partial Content" },
    });
    let mut path = Map::new();
    path.insert("get".to_owned(), operation(&[&filters, &paging], found));
    if relation.writable {
        let nothing = || json!({ "204": { "description": "No Content" } });
        let created = json!({ "201": { "description": "Created" } });
        path.insert("post".to_owned(), operation(&[&[&body, "select", "preferPost"]], created));
        path.insert("delete".to_owned(), operation(&[&filters, &["preferReturn"]], nothing()));
        path.insert("patch".to_owned(), operation(&[&filters, &[&body, "preferReturn"]], nothing()));
    }
    Value::Object(path)
}

pub(super) fn of_function(callable: &Callable<'_>) -> Value {
    let operation = |parameters: Vec<Value>| {
        let mut operation = heading(format!("(rpc) {}", callable.name), callable.comment);
        operation.insert("produces".to_owned(), json!(MEDIA[..3]));
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        operation.insert("responses".to_owned(), json!({ "200": { "description": "OK" } }));
        Value::Object(operation)
    };
    let get = callable.arguments.iter().map(in_query).collect();
    let body = json!({ "in": "body", "name": "args", "required": true, "schema": body(callable) });
    let post = vec![body, json!({ "$ref": "#/parameters/preferParams" })];
    json!({ "get": operation(get), "post": operation(post) })
}

fn heading(tag: String, comment: Option<&str>) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("tags".to_owned(), json!([tag]));
    if let Some((summary, description)) = comment.map(summarized) {
        operation.insert("summary".to_owned(), summary.into());
        operation.extend(description.map(|description| ("description".to_owned(), description.into())));
    }
    operation
}

/// An argument in the query string, where an array is written as one text unless its items are named one by one.
fn in_query(argument: &Argument) -> Value {
    let Argument { name, type_name, .. } = argument;
    let required = !argument.has_default;
    match type_name.strip_suffix("[]").filter(|_| argument.variadic) {
        Some(item) => json!({
            "collectionFormat": "multi",
            "in": "query",
            "items": { "format": item, "type": json_type(item).unwrap_or("string") },
            "name": name,
            "required": required,
            "type": "array",
        }),
        None => {
            let kind = json_type(type_name).filter(|kind| *kind != "array").unwrap_or("string");
            json!({ "format": type_name, "in": "query", "name": name, "required": required, "type": kind })
        }
    }
}

fn body(callable: &Callable<'_>) -> Value {
    let mut schema = Map::new();
    schema.extend(callable.comment.map(|comment| ("description".to_owned(), comment.into())));
    let arguments = &callable.arguments;
    let property = |argument: &Argument| {
        let mut property = Map::new();
        set_type(&mut property, &argument.type_name);
        (argument.name.clone(), Value::Object(property))
    };
    let properties: Map<String, Value> = arguments.iter().map(property).collect();
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    let required = arguments.iter().filter(|argument| !argument.has_default);
    let required: Vec<&str> = required.map(|argument| argument.name.as_str()).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("type".to_owned(), "object".into());
    Value::Object(schema)
}
