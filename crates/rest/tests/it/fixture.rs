//! The catalog of `schema.sql`, made by hand.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pg::catalog::{
    Argument, Catalog, Column, Dependence, ForeignKey, Function, KeptSettings, MediaType, Obstacle, Policies,
    Relation, RelationKind, Returns, Settings,
};
use pg::{Canonical, RelationId};
use rest::{Error, Plan, Request, Rules};

const TYPES: [(&str, u32, Option<Canonical>); 11] = [
    ("integer", 23, Some(Canonical::Integer)),
    ("text", 25, Some(Canonical::Text)),
    ("uuid", 2950, Some(Canonical::Uuid)),
    ("boolean", 16, Some(Canonical::Boolean)),
    ("api.status", 90001, Some(Canonical::Label)),
    ("timestamp with time zone", 1184, None),
    ("jsonb", 3802, None),
    ("text[]", 1009, None),
    ("numeric", 1700, None),
    ("tsvector", 3614, None),
    ("bigint", 20, Some(Canonical::Integer)),
];

fn relation(id: u32, name: &str, kind: RelationKind, key: &[&str], columns: &[(&str, &str)]) -> Relation {
    let columns = columns.iter().map(|(column, type_name)| {
        let (_, type_id, canonical) = TYPES.iter().find(|(known, ..)| known == type_name).unwrap();
        Column {
            name: (*column).to_owned(),
            type_id: *type_id,
            type_name: (*type_name).to_owned(),
            nullable: true,
            has_default: false,
            default: match (name, *column) {
                ("projects", "status") => Some("'open'::api.status".to_owned()),
                ("projects", "id") => Some("nextval('api.projects_id_seq')".to_owned()),
                _ => None,
            },
            canonical: *canonical,
            representation: None,
        }
    });
    let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
    Relation {
        id: RelationId(id),
        schema: "api".to_owned(),
        name: name.to_owned(),
        kind,
        columns: columns.collect(),
        primary_key: key.clone(),
        identity: key,
        identity_full: false,
        policies: Policies::Off,
        column_grants: false,
        stored_in: if kind == RelationKind::View { Vec::new() } else { vec![RelationId(id)] },
        dependence: Dependence::default(),
    }
}

fn relations() -> Vec<Relation> {
    let table = |id, name, key: &[&str], columns: &[(&str, &str)]| {
        relation(id, name, RelationKind::Table, key, columns)
    };
    let (int, text) = ("integer", "text");
    let mut list = relation(
        20,
        "project_list",
        RelationKind::View,
        &[],
        &[("id", int), ("name", text), ("client", text)],
    );
    list.dependence.relations.extend([RelationId(10), RelationId(11)]);
    let mut projects = table(
        11,
        "projects",
        &["id"],
        &[
            ("id", int),
            ("client_id", int),
            ("name", text),
            ("status", "api.status"),
            ("created_at", "timestamp with time zone"),
            ("data", "jsonb"),
            ("tags", "text[]"),
            ("price", "numeric"),
        ],
    );
    // As a policy on memberships would have it.
    projects.dependence.relations.insert(RelationId(77));
    projects.dependence.settings = Settings::Only(BTreeSet::from(["request.jwt.claims".to_owned()]));
    vec![
        table(10, "clients", &["id"], &[("id", int), ("name", text)]),
        projects,
        table(
            12,
            "tasks",
            &["id"],
            &[
                ("id", int),
                ("project_id", int),
                ("parent_id", int),
                ("name", text),
                ("done", "boolean"),
                ("search", "tsvector"),
            ],
        ),
        table(13, "people", &["id"], &[("id", "uuid"), ("name", text)]),
        table(
            14,
            "project_people",
            &["project_id", "person_id"],
            &[("project_id", int), ("person_id", "uuid")],
        ),
        table(15, "project_details", &["project_id"], &[("project_id", int), ("note", text)]),
        table(16, "flags", &["name", "live"], &[("name", text), ("live", "boolean"), ("note", text)]),
        table(17, "addresses", &["id"], &[("id", int), ("city", text)]),
        table(18, "orders", &["id"], &[("id", int), ("billing_id", int), ("shipping_id", int)]),
        table(19, "odd \"names", &["a \"b"], &[("a \"b", int), ("c.d", text)]),
        list,
    ]
}

fn foreign_keys() -> Vec<ForeignKey> {
    let key = |name: &str, from, column: &str, to, one_to_one| ForeignKey {
        name: name.to_owned(),
        from: RelationId(from),
        from_columns: vec![column.to_owned()],
        to: RelationId(to),
        to_columns: vec!["id".to_owned()],
        one_to_one,
    };
    vec![
        key("details_project", 15, "project_id", 11, true),
        key("orders_billing", 18, "billing_id", 17, false),
        key("orders_shipping", 18, "shipping_id", 17, false),
        key("project_people_person", 14, "person_id", 13, false),
        key("project_people_project", 14, "project_id", 11, false),
        key("projects_client", 11, "client_id", 10, false),
        key("tasks_parent", 12, "parent_id", 12, false),
        key("tasks_project", 12, "project_id", 11, false),
    ]
}

fn functions() -> Vec<Function> {
    let function = |name: &str, arguments: &[(&str, &str, bool)], returns, returns_set, read_only| {
        let arguments = arguments.iter().map(|(name, type_name, has_default)| Argument {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
            has_default: *has_default,
            variadic: type_name.ends_with("[]"),
        });
        let mut dependence = Dependence::default();
        if matches!(returns, Returns::Relation(_) | Returns::Record) {
            dependence.relations.insert(RelationId(11));
        }
        match name {
            "touch" => drop(dependence.obstacles.insert("touch".to_owned(), Obstacle::Volatile)),
            "ticking" => drop(dependence.obstacles.insert("now".to_owned(), Obstacle::Clock)),
            _ => {}
        }
        Function {
            id: 1,
            schema: "api".to_owned(),
            name: name.to_owned(),
            arguments: arguments.collect(),
            returns,
            returns_set,
            one_row: false,
            settings: KeptSettings::default(),
            takes: None,
            media: match name {
                "page" => Some(MediaType { name: "text/html".to_owned(), binary: false }),
                "image" => Some(MediaType { name: "image/png".to_owned(), binary: true }),
                _ => None,
            },
            read_only,
            dependence,
        }
    };
    let scalar = |name: &str| Returns::Scalar(name.to_owned());
    let projects = || Returns::Relation(RelationId(11));
    vec![
        function("add", &[("a", "integer", false), ("b", "integer", true)], scalar("integer"), false, true),
        function("names", &[("prefix", "text", false)], scalar("text"), true, true),
        function("client_projects", &[("client", "integer", false)], projects(), true, true),
        function("first_project", &[], projects(), false, true),
        function("totals", &[], Returns::Record, true, true),
        function("since", &[("moment", "timestamp with time zone", false)], projects(), true, true),
        function("sum_all", &[("numbers", "integer[]", false)], scalar("bigint"), false, true),
        function("touch", &[], Returns::Void, false, false),
        function("echo", &[("", "json", false)], scalar("json"), false, true),
        function("pair", &[], scalar("record"), false, true),
        function("size", &[("", "bytea", false)], scalar("integer"), false, true),
        function("twice", &[("a", "integer", false)], scalar("integer"), false, true),
        function("twice", &[("a", "text", false)], scalar("integer"), false, true),
        function("page", &[], scalar("api.\"text/html\""), false, true),
        function("image", &[], scalar("api.\"image/png\""), false, true),
        function("ticking", &[], scalar("timestamp with time zone"), false, true),
    ]
}

/// Functions of a row: computed fields and relationships.
fn computed() -> Vec<Function> {
    let function = |name: &str, takes, returns, returns_set, one_row| Function {
        id: takes * 1000 + u32::from(name.as_bytes()[0]),
        schema: "api".to_owned(),
        name: name.to_owned(),
        arguments: vec![Argument {
            name: String::new(),
            type_name: String::new(),
            has_default: false,
            variadic: false,
        }],
        returns,
        returns_set,
        one_row,
        takes: Some(RelationId(takes)),
        media: None,
        read_only: true,
        settings: KeptSettings::default(),
        dependence: Dependence::default(),
    };
    let scalar = |name: &str| Returns::Scalar(name.to_owned());
    vec![
        function("title", 11, scalar("text"), false, false),
        function("lengths", 11, scalar("integer"), false, false),
        function("owner", 11, Returns::Relation(RelationId(10)), true, true),
        function("open_projects", 10, Returns::Relation(RelationId(11)), true, false),
        // Comes before the foreign key.
        function("flags", 10, Returns::Relation(RelationId(16)), true, false),
    ]
}

/// The catalog of `schema.sql`.
pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog {
        foreign_keys: foreign_keys(),
        timezones: HashSet::from(["America/Los_Angeles".to_owned()]),
        server_version: 150_000,
        ..Catalog::default()
    };
    for relation in relations() {
        let relation = Arc::new(relation);
        catalog.by_id.insert(relation.id, Arc::clone(&relation));
        catalog.relations.insert((relation.schema.clone(), relation.name.clone()), relation);
    }
    for function in computed() {
        let key = (function.takes.unwrap(), function.name.clone());
        catalog.computed.insert(key, Arc::new(function));
    }
    for (name, takes) in [("people_lines", Some(RelationId(13))), ("any_lines", None)] {
        let like = computed().remove(0);
        let media = MediaType { name: "text/lines".to_owned(), binary: false };
        let type_name = if takes.is_some() { "api.people" } else { "anyelement" }.to_owned();
        let arguments = vec![Argument { type_name, ..like.arguments[0].clone() }];
        let function = Function { name: name.to_owned(), takes, media: Some(media), arguments, ..like };
        catalog.handlers.push(Arc::new(function));
    }
    for function in functions() {
        let key = (function.schema.clone(), function.name.clone());
        catalog.functions.entry(key).or_default().push(Arc::new(function));
    }
    catalog
}

/// Rules with the one schema, and aggregates.
pub(crate) fn rules() -> Rules {
    Rules { schemas: vec!["api".to_owned()], aggregates: true, ..Rules::default() }
}

/// A request in short: `POST /projects?select=id`, headers by line, and a body.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Reads the short form.
pub(crate) fn asked(line: &str, headers: &[&str], body: &str) -> Asked {
    let (method, url) = line.split_once(' ').unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let headers = headers.iter().map(|header| {
        let (name, value) = header.split_once(": ").unwrap();
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    });
    Asked {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

impl Asked {
    /// Plans it.
    pub(crate) fn plan(&self, rules: &Rules) -> Result<Plan, Error> {
        let Asked { method, path, query, headers, body } = self;
        rest::plan(&Request { method, path, query, headers, body }, &catalog(), rules)
    }
}
