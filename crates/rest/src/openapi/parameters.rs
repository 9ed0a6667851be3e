//! The parameters that paths refer to by their names.

use serde_json::{Map, Value, json};

use super::DescribedRelation;

const PAGING: &str = "Limiting and Pagination";

/// Those of every relation, and those of each.
pub(super) fn all<'a>(relations: impl Iterator<Item = &'a DescribedRelation>) -> Value {
    let returned = ["return=representation", "return=minimal", "return=none"];
    let resolved = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
    let posted: Vec<&str> = returned.into_iter().chain(resolved).collect();
    let mut all = Map::new();
    let mut add = |name: &str, parameter: Value| all.insert(name.to_owned(), parameter);
    add("preferParams", preference(&[]));
    add("preferReturn", preference(&returned));
    add("preferCount", preference(&["count=none"]));
    add("preferPost", preference(&posted));
    add("select", text("select", "Filtering Columns", "query"));
    add("on_conflict", text("on_conflict", "On Conflict", "query"));
    add("order", text("order", "Ordering", "query"));
    add("range", text("Range", PAGING, "header"));
    let mut unit = text("Range-Unit", PAGING, "header");
    unit["default"] = "items".into();
    add("rangeUnit", unit);
    add("offset", text("offset", PAGING, "query"));
    add("limit", text("limit", PAGING, "query"));
    for relation in relations {
        let name = &relation.name;
        let body = json!({
            "name": name,
            "description": name,
            "required": false,
            "in": "body",
            "schema": { "$ref": format!("#/definitions/{name}") },
        });
        add(&format!("body.{name}"), body);
        for column in &relation.columns {
            let mut filter = Map::new();
            filter.insert("name".to_owned(), column.name.as_str().into());
            filter
                .extend(column.comment.as_deref().map(|comment| ("description".to_owned(), comment.into())));
            filter.insert("required".to_owned(), false.into());
            filter.insert("in".to_owned(), "query".into());
            filter.insert("type".to_owned(), "string".into());
            add(&format!("rowFilter.{name}.{}", column.name), Value::Object(filter));
        }
    }
    Value::Object(all)
}

fn text(name: &str, description: &str, place: &str) -> Value {
    json!({ "name": name, "description": description, "required": false, "in": place, "type": "string" })
}

/// The header `Prefer` with these words; one without words is only referred to.
fn preference(words: &[&str]) -> Value {
    let mut parameter = text("Prefer", "Preference", "header");
    if !words.is_empty() {
        parameter["enum"] = words.into();
    }
    parameter
}
