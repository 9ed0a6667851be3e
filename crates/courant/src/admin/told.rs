//! What runs: the configuration and the schema, as they are now, for whoever wonders.
//!
//! Never tells a secret.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use pg::RelationId;
use pg::catalog::{Catalog, ForeignKey, Function, Relation, RelationKind};
use serde_json::{Value, json};

use crate::config::Said;
use crate::node::Node;
use crate::response::Body;

/// Every key that is set or has a default, a line each, and where it was set.
pub(super) fn configuration(node: &Node) -> Response<Body> {
    let live = node.live();
    let line = |said: &Said| format!("{} = {} # {}\n", said.key, said.value, said.place);
    let text: String = live.config.said.iter().map(line).collect();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What is known of the schema, by PostgREST's names for its parts.
pub(super) fn schema(catalog: &Catalog) -> Value {
    let mut relations: Vec<&Relation> = catalog.relations.values().map(AsRef::as_ref).collect();
    relations.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    let mut functions: Vec<&Function> = catalog.functions.values().flatten().map(AsRef::as_ref).collect();
    functions
        .sort_by(|one, other| (&one.schema, &one.name, one.id).cmp(&(&other.schema, &other.name, other.id)));
    let mut timezones: Vec<&String> = catalog.timezones.iter().collect();
    timezones.sort();
    json!({
        "dbMediaHandlers": catalog.handlers.iter().map(|function| routine(function)).collect::<Vec<_>>(),
        "dbRelationships": relationships(catalog),
        "dbRoutines": functions.into_iter().map(routine).collect::<Vec<_>>(),
        "dbTables": relations.into_iter().map(table).collect::<Vec<_>>(),
        "dbTimezones": timezones,
    })
}

fn table(relation: &Relation) -> Value {
    let columns = relation.columns.iter().map(|column| {
        json!({
            "colName": column.name,
            "colType": column.type_name,
            "colNullable": column.nullable,
            "colDefault": column.default,
        })
    });
    json!({
        "tableSchema": relation.schema,
        "tableName": relation.name,
        "tableIsView": matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView),
        "tablePKCols": relation.primary_key,
        "tableColumns": columns.collect::<Vec<_>>(),
    })
}

fn relationships(catalog: &Catalog) -> Vec<Value> {
    let named = |id: RelationId| {
        catalog.by_id.get(&id).map(|relation| format!("{}.{}", relation.schema, relation.name))
    };
    let relationship = |key: &ForeignKey| {
        json!({
            "constraint": key.name,
            "from": named(key.from),
            "fromColumns": key.from_columns,
            "to": named(key.to),
            "toColumns": key.to_columns,
            "oneToOne": key.one_to_one,
        })
    };
    catalog.foreign_keys.iter().map(relationship).collect()
}

fn routine(function: &Function) -> Value {
    let parameters = function.arguments.iter().map(|argument| {
        json!({
            "ppName": argument.name,
            "ppType": argument.type_name,
            "ppReq": !argument.has_default,
            "ppVar": argument.variadic,
        })
    });
    json!({
        "pdSchema": function.schema,
        "pdName": function.name,
        "pdParams": parameters.collect::<Vec<_>>(),
        "pdReadOnly": function.read_only,
        "pdReturnsSet": function.returns_set,
    })
}
