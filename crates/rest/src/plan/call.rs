//! Plans calls of functions: which overload, with which arguments, and what becomes of the result.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use pg::catalog::{Function, Relation, Returns};

use super::tree::{Column, Node, Output, Source, TypeName};
use super::{Access, Asked, Plan, not_a_read, overload, relationship};
use crate::Error;
use crate::grammar::{Count, Heeded, Item, Target};
use crate::media::{Chosen, Maker, Media};
use crate::read_set::{self, Traced};
use crate::respond::Kind;
use crate::sql::{self, Counted, Form};

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
    /// Members of a JSON object, or of the first one in an array.
    Members { json: Bytes, array: bool, given: Vec<Given> },
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
    let mut call = overload::resolve(&asked)?;
    let function = Arc::clone(&call.function);
    asked.preferences.fulfillable()?;
    asked.query.settle_paths(!asked.rules.aliases_only)?;
    let relation = returned(&asked, &function);
    let reads_only = *asked.request.method != Method::POST || function.read_only;
    let mut root = rows(&asked, &mut call, relation.as_ref())?;
    let handlers = relation.as_ref().map(|relation| asked.handlers(relation)).unwrap_or_default();
    let maker = match function.returns {
        Returns::Scalar(_) if !function.returns_set => Maker::Function(&function),
        Returns::Scalar(_) | Returns::Void => Maker::BuiltIn,
        Returns::Relation(_) | Returns::Record => Maker::Aggregates(&handlers),
    };
    let Chosen { media, handler, shown } = asked.chosen(maker, &mut root)?;
    let form = form(&function, &media);
    let void = function.returns == Returns::Void;
    let kind = Kind::Call { offset: root.range.offset, void, set: function.returns_set };
    let mut answer = asked.answer(kind, &media, Heeded { max_affected: true, ..Heeded::default() });
    answer.body = !void;
    if answer.max_affected.is_some() {
        bounded(&function)?;
    }
    let made_by = handler.map(Arc::as_ref);
    if matches!(function.returns, Returns::Scalar(_) | Returns::Void)
        && let Some(column) = named(&asked, made_by.is_some())
    {
        return Err(Error::column(&asked.name, column));
    }
    let (access, reads) = if reads_only {
        (Access::Read, read_set::of_call(asked.catalog, asked.rules, (&call, made_by), &root))
    } else {
        (Access::Write, not_a_read(&asked.name))
    };
    // An estimate is the planner's, who knows nothing of a function's rows.
    answer.counted = matches!(asked.preferences.count, Some(Count::Exact | Count::Estimated));
    let body = sql::Answer {
        form,
        media: &media,
        handler: made_by.zip(relation.as_deref()),
        counted: if answer.counted { Counted::Exact } else { Counted::No },
        traced: &Traced::default(),
        read: reads_only,
        inserted: false,
        recorded: false,
    };
    let statement = sql::call(&call, &root, &body);
    Ok(Plan {
        access,
        statement,
        batchable: None,
        estimate: None,
        schema: asked.schema,
        target: asked.name,
        reads,
        answer,
        timezone: asked.preferences.timezone,
        called: Some(function),
        settled: false,
    }
    .showing(shown))
}

/// The function's rows, as the request wants them.
fn rows(asked: &Asked<'_>, call: &mut Call, relation: Option<&Arc<Relation>>) -> Result<Node, Error> {
    if let Returns::Scalar(_) | Returns::Void = call.function.returns {
        let embed = asked.query.select.iter().find_map(Item::embed);
        let unrelated = |embed| relationship::unrelated(asked.catalog, &asked.schema, &asked.name, embed);
        return embed.map_or_else(|| Ok(scalar_rows(asked)), |embed| Err(unrelated(embed)));
    }
    let mut root = asked.resolver(true).root(Source::Called, relation.cloned())?;
    call.computed = computed(&root);
    root.read_computed_as_columns();
    Ok(root)
}

/// A column that the request names, which a scalar does not have. What the database itself makes a body of is not
/// selected from.
fn named<'a>(asked: &'a Asked<'_>, made: bool) -> Option<&'a str> {
    let filtered = asked.query.filters.first().map(|(_, filter)| filter.column());
    let selected = asked.query.select.iter().find_map(|item| match item {
        Item::Field { field, .. } => Some(field.name.as_str()),
        Item::Star | Item::Aggregate { .. } | Item::Embed(_) => None,
    });
    let orders = asked.query.orders.iter().filter(|(path, _)| path.is_empty());
    let ordered = orders.flat_map(|(_, terms)| terms).find_map(|term| match &term.target {
        Target::Own(field) => Some(field.name.as_str()),
        Target::Related(..) => None,
    });
    filtered.or(selected.filter(|_| !made)).or(ordered)
}

/// Refuses to bound how many rows a function affects that cannot say it.
fn bounded(function: &Function) -> Result<(), Error> {
    let text =
        "Function must return SETOF or TABLE when max-affected preference is used with handling=strict";
    if function.returns_set { Ok(()) } else { Err(Error::new(StatusCode::BAD_REQUEST, "PGRST128", text)) }
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
    for condition in root.tested() {
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

/// The rows of a function that returns scalars: one column.
fn scalar_rows(asked: &Asked<'_>) -> Node {
    let name = sql::SCALAR.to_owned();
    let column = Column {
        name: name.clone(),
        type_id: 0,
        canonical: None,
        path: Vec::new(),
        computed: None,
        representation: None,
    };
    let mut range = asked.query.range(&[]);
    if let Some(rows_max) = asked.rules.rows_max {
        range.limit = Some(range.limit.map_or(rows_max, |limit| limit.min(rows_max)));
    }
    Node {
        number: 0,
        depth: 0,
        source: Source::Called,
        enclosed: false,
        relation: None,
        outputs: vec![Output::Column { column, cast: None, name }],
        embeds: Vec::new(),
        conditions: Vec::new(),
        order: Vec::new(),
        range,
        distinct: None,
        keyset: None,
    }
}
