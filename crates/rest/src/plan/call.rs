//! Plans calls of functions: which overload, with which arguments, and what becomes of the result.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use pg::catalog::{Argument, Function, Relation, Returns};

use super::tree::{Column, Node, Output, Source, TypeName};
use super::{Access, Asked, Plan, not_a_read, type_name};
use crate::Error;
use crate::grammar::{Body, Heeded, Shape};
use crate::media::{Maker, Media};
use crate::read_set::{self, Traced};
use crate::respond::Kind;
use crate::sql::{self, Form};

/// A function and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Arc<Function>,
    pub(crate) arguments: Arguments,
    /// The computed fields that the request names of its rows.
    pub(crate) computed: Vec<Arc<Function>>,
}

/// Where a call's arguments come from.
#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    /// One value each, from the query string.
    Values(Vec<Given>),
    /// Members of a JSON object.
    Members { json: Bytes, given: Vec<Given> },
    /// The whole body, for a function with a single argument that has no name.
    Whole { body: Bytes, type_name: TypeName },
}

/// An argument that was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) type_name: TypeName,
    pub(crate) variadic: bool,
    /// Its text; unused where it stands in a JSON object.
    pub(crate) value: String,
}

pub(super) fn plan(mut asked: Asked<'_>) -> Result<Plan, Error> {
    let mut call = resolve(&asked)?;
    let function = Arc::clone(&call.function);
    asked.query.settle_paths()?;
    let relation = returned(&asked, &function);
    let reads_only = *asked.request.method != Method::POST || function.read_only;
    let scalar = matches!(function.returns, Returns::Scalar(_));
    let root = match function.returns {
        Returns::Scalar(_) | Returns::Void => scalar_rows(&asked),
        Returns::Relation(_) | Returns::Record => {
            let mut root = asked.resolver(true).root(Source::Called, relation.clone())?;
            call.computed = computed(&root);
            root.read_computed_as_columns();
            root
        }
    };
    let handlers = relation.as_ref().map(|relation| asked.handlers(relation)).unwrap_or_default();
    let maker = match function.returns {
        Returns::Scalar(_) if !function.returns_set => Maker::Function(&function),
        Returns::Scalar(_) | Returns::Void => Maker::BuiltIn,
        Returns::Relation(_) | Returns::Record => Maker::Aggregates(&handlers),
    };
    let (media, handler) = Media::negotiate(asked.request.headers, maker)?;
    let form = form(&function, &media);
    let void = function.returns == Returns::Void;
    let kind = Kind::Call { offset: root.range.offset, void };
    let mut answer = asked.answer(kind, &media, Heeded { max_affected: true, ..Heeded::default() });
    answer.body = !void;
    if answer.max_affected.is_some() && !function.returns_set {
        let text =
            "Function must return SETOF or TABLE when max-affected preference is used with handling=strict";
        return Err(Error::new(StatusCode::BAD_REQUEST, "PGRST128", text));
    }
    if scalar && !asked.query.filters.is_empty() {
        return Err(Error::not_implemented("Filters on a function that returns scalars"));
    }
    let access = if reads_only { Access::Read } else { Access::Write };
    let reads = match access {
        Access::Read => {
            let handler = handler.map(Arc::as_ref);
            read_set::of_call(asked.catalog, asked.rules, (&call, handler), &root)
        }
        Access::Write => not_a_read(&asked.name),
    };
    let counted = asked.preferences.count.is_some();
    let body = sql::Answer {
        form,
        media: &media,
        handler: handler.zip(relation.as_ref()).map(|(function, rows)| (function.as_ref(), rows.as_ref())),
        counted,
        traced: &Traced::default(),
        read: reads_only,
        inserted: false,
    };
    let statement = sql::call(&call, &root, &body);
    Ok(Plan {
        access,
        statement,
        batchable: None,
        schema: asked.schema,
        target: asked.name,
        reads,
        answer,
        timezone: asked.preferences.timezone,
        settled: false,
    })
}

fn form(function: &Function, media: &Media) -> Form {
    match (&function.returns, media) {
        (Returns::Void, _) => Form::Nothing,
        (Returns::Scalar(_), Media::Own { binary, .. }) => Form::Value { binary: *binary },
        (Returns::Scalar(_), Media::Json { singular, .. }) => {
            Form::Values { set: function.returns_set && !singular }
        }
        (_, Media::Json { .. }) if !function.returns_set => Form::Object,
        (_, media) => Form::of_rows(media),
    }
}

/// All computed fields of the called function's rows: they are computed where the rows still have their type.
fn computed(root: &Node) -> Vec<Arc<Function>> {
    let mut found = root.computed();
    for condition in &root.conditions {
        condition.columns(&mut |column| {
            let new = |function: &&Arc<Function>| found.iter().all(|known| known.id != function.id);
            found.extend(column.computed.as_ref().filter(new).cloned());
        });
    }
    found
}

fn returned(asked: &Asked<'_>, function: &Function) -> Option<Arc<Relation>> {
    let Returns::Relation(id) = function.returns else { return None };
    asked.catalog.by_id.get(&id).cloned()
}

/// The rows of a function that returns scalars: one column, `value`.
fn scalar_rows(asked: &Asked<'_>) -> Node {
    let name = "value".to_owned();
    let column = Column { name: name.clone(), type_id: 0, canonical: None, path: Vec::new(), computed: None };
    let mut range = asked.query.range(&[]);
    if let Some(rows_max) = asked.rules.rows_max {
        range.limit = Some(range.limit.map_or(rows_max, |limit| limit.min(rows_max)));
    }
    Node {
        number: 0,
        source: Source::Called,
        enclosed: false,
        relation: None,
        outputs: vec![Output::Column { column, cast: None, name }],
        embeds: Vec::new(),
        conditions: Vec::new(),
        order: Vec::new(),
        range,
    }
}

/// Chooses the function by the names of the arguments.
fn resolve(asked: &Asked<'_>) -> Result<Call, Error> {
    let overloads = asked.catalog.functions(&asked.schema, &asked.name);
    let post = *asked.request.method == Method::POST;
    let media = asked.request.headers.get("content-type").and_then(|value| value.to_str().ok());
    let media = media.map_or("application/json", |media| media.split(';').next().unwrap_or_default().trim());
    if post && media != "application/json" {
        return whole(asked, overloads, media).ok_or_else(|| none(asked, &[], media));
    }
    let body = match post && !asked.request.body.is_empty() {
        true => Some(Body::read(asked.request.body)?),
        false => None,
    };
    let names: Vec<String> = match (&body, post) {
        (Some(body), _) => body.keys.clone(),
        (None, true) => Vec::new(),
        (None, false) => asked.query.arguments.iter().map(|(name, _)| name.clone()).collect(),
    };
    let object = body.as_ref().is_none_or(|body| body.shape == Shape::Object);
    let mut fit = overloads.iter().filter(|function| object && fits(function, &names));
    match (fit.next(), fit.next()) {
        (Some(function), None) => Ok(Call {
            arguments: arguments(asked, function, &names, body),
            function: Arc::clone(function),
            computed: Vec::new(),
        }),
        (Some(_), Some(_)) => Err(ambiguous(overloads.iter().filter(|function| fits(function, &names)))),
        (None, _) => {
            let whole = if post { whole(asked, overloads, media) } else { None };
            whole.ok_or_else(|| none(asked, &names, media))
        }
    }
}

fn fits(function: &Function, names: &[String]) -> bool {
    let known = |name: &String| function.arguments.iter().any(|argument| argument.name == *name);
    let given = |argument: &Argument| names.contains(&argument.name);
    names.iter().all(known)
        && function.arguments.iter().all(|argument| {
            !argument.name.is_empty() && (argument.has_default || argument.variadic || given(argument))
        })
}

fn arguments(asked: &Asked<'_>, function: &Function, names: &[String], body: Option<Body>) -> Arguments {
    let given = function.arguments.iter().filter(|argument| names.contains(&argument.name));
    let given = given.map(|argument| {
        let mut values = asked.query.arguments.iter().filter(|(name, _)| *name == argument.name);
        let value = match argument.variadic {
            true => sql::array_literal(values.map(|(_, value)| value.as_str())),
            false => values.next_back().map(|(_, value)| value.clone()).unwrap_or_default(),
        };
        let type_name = type_name::of_catalog(&argument.type_name);
        Given { name: argument.name.clone(), type_name, variadic: argument.variadic, value }
    });
    let given = given.collect();
    match body {
        Some(body) => Arguments::Members { json: body.json, given },
        None => Arguments::Values(given),
    }
}

/// The function that takes the whole body as its single argument without a name.
fn whole(asked: &Asked<'_>, overloads: &[Arc<Function>], media: &str) -> Option<Call> {
    let types: &[&str] = match media {
        "application/json" => &["json", "jsonb"],
        "text/plain" => &["text"],
        "text/xml" => &["xml"],
        _ => return None,
    };
    overloads.iter().find_map(|function| match function.arguments.as_slice() {
        [only] if only.name.is_empty() && types.contains(&only.type_name.as_str()) => {
            let type_name = type_name::of_catalog(&only.type_name);
            let arguments = Arguments::Whole { body: asked.request.body.clone(), type_name };
            Some(Call { function: Arc::clone(function), arguments, computed: Vec::new() })
        }
        _ => None,
    })
}

fn ambiguous<'a>(fit: impl Iterator<Item = &'a Arc<Function>>) -> Error {
    let signature = |function: &Arc<Function>| {
        let arguments = function.arguments.iter();
        let arguments = arguments.map(|argument| format!("{} => {}", argument.name, argument.type_name));
        let arguments: Vec<String> = arguments.collect();
        format!("{}.{}({})", function.schema, function.name, arguments.join(", "))
    };
    let signatures: Vec<String> = fit.map(signature).collect();
    let message = format!("Could not choose the best candidate function between: {}", signatures.join(", "));
    Error::new(StatusCode::MULTIPLE_CHOICES, "PGRST203", message).hint(
        "Try renaming the parameters or the function itself in the database so function overloading can be \
         resolved",
    )
}

fn none(asked: &Asked<'_>, names: &[String], media: &str) -> Error {
    let post = *asked.request.method == Method::POST;
    let function = format!("{}.{}", asked.schema, asked.name);
    let list = names.join(", ");
    let (message, mut details) = match names.len() {
        0 => (" without parameters".to_owned(), " without parameters".to_owned()),
        1 => (format!("({list})"), format!(" with parameter {list}")),
        _ => (format!("({list})"), format!(" with parameters {list}")),
    };
    let message = match (post, media) {
        (true, "text/plain" | "text/xml" | "application/octet-stream") => String::new(),
        _ => message,
    };
    match (post, media) {
        (true, "text/plain") => details = " with a single unnamed text parameter".to_owned(),
        (true, "text/xml") => details = " with a single unnamed xml parameter".to_owned(),
        (true, "application/octet-stream") => details = " with a single unnamed bytea parameter".to_owned(),
        (true, _) => details.push_str(" or with a single unnamed json/jsonb parameter"),
        (false, _) => {}
    }
    let message = format!("Could not find the function {function}{message} in the schema cache");
    Error::new(StatusCode::NOT_FOUND, "PGRST202", message).details(format!(
        "Searched for the function {function}{details}, but no matches were found in the schema cache."
    ))
}
