//! The plan of a request: which relation or function it means, the one statement, what that reads, and
//! how its row becomes an answer.
//!
//! [`plan`] reads from top to bottom. Never touches the database; equal inputs give equal plans.

mod call;
mod described;
mod keyset;
mod missing_column;
mod outputs;
mod overload;
mod payload;
mod read;
mod relationship;
mod tree;
mod type_name;
mod write;

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use percent_encoding::percent_decode_str;
use pg::Statement;
use pg::catalog::{Catalog, Function, Obstacle, Relation};

pub(crate) use call::{Arguments, Call};
pub(crate) use keyset::{Keyset, OrderKey, encoded};
pub(crate) use payload::{DefaultValue, Filled, Payload};
pub(crate) use tree::{
    Alike, Column, Condition, Embed, Join, Node, Operand, OrderedBy, Ordering, Output, Source, TypeName,
};
pub(crate) use write::{Conflict, Write};

use crate::grammar::{Count, Heeded, Item, Offered, Preferences, Query, Range, canonical, canonical_page};
use crate::media::{Chosen, Maker, Media};
use crate::respond::{AnswerRules, Kind, Next};
use crate::shown::{Format, Shown, explain};
use crate::similar::most_similar;
use crate::sql::{self, Batchable, Counted, Form};
use crate::{Error, Limits, Reads, Request, Rules, read_set};
use read::Resolver;

/// What a request comes down to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether it may run in a read-only transaction.
    pub access: Access,
    /// The one statement. It returns one row: `body text` (null when there is none to send), `rows int8`,
    /// `total int8` (null unless counted; of an upsert, the rows inserted), `snapshot text` and `position text` (null for a write), then `key_1 text[]` …
    /// and `embedded text` for [`Returned`](crate::Returned), or the columns of [`AnswerRules::location`].
    pub statement: Statement,
    /// What it takes to ask the statement for several requests at once, if that may be.
    pub batchable: Option<Batchable>,
    /// How the planner is asked for the number of rows, in the same transaction.
    pub estimate: Option<Estimate>,
    /// The schema that was chosen: the search path's first.
    pub schema: String,
    /// The relation's or the function's name.
    pub target: String,
    /// What the answer depends on. Means something only for [`Access::Read`].
    pub reads: Reads,
    /// How the row becomes a status and headers.
    pub answer: AnswerRules,
    /// The time zone in which moments are written and read, where the client chose one.
    pub timezone: Option<String>,
    /// The function that is called.
    pub called: Option<Arc<Function>>,
    /// Whether only one set of rows can answer, as far as an answer of JSON tells: no page is cut from an order
    /// in which rows may tie.
    pub settled: bool,
}

/// A number of rows that is the planner's.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Its one row is a plan in JSON, whose uppermost node says the number.
    pub statement: Statement,
    /// It counts only where `total` is more than that.
    pub above: Option<u64>,
}

/// The access a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read-only transaction.
    Read,
    /// A transaction that may write.
    Write,
}

/// What every kind of request is planned from.
struct Asked<'a> {
    request: &'a Request<'a>,
    catalog: &'a Catalog,
    rules: &'a Rules,
    schema: String,
    /// The relation's or the function's name.
    name: String,
    query: Query,
    preferences: Preferences,
    /// The schema, if a header chose it.
    profile: Option<String>,
}

/// Plans a request.
pub fn plan(request: &Request<'_>, catalog: &Catalog, rules: &Rules) -> Result<Plan, Error> {
    let Limits { url_bytes_max, .. } = rules.limits;
    if request.path.len() + request.query.len() > url_bytes_max {
        let details = format!("a URL of at most {url_bytes_max} bytes");
        return Err(Error::limit(StatusCode::URI_TOO_LONG, details));
    }
    let (mut resource, mut name) = resource(request.path)?;
    resource.takes(request.method)?;
    let (mut schema, profile) = schema(request, rules)?;
    match &rules.root {
        Some(root) if resource == Resource::Root => {
            (resource, name) = (Resource::Function, root.name.clone());
            schema = root.schema.clone().unwrap_or(schema);
        }
        _ if resource == Resource::Root => described::is_told(rules.openapi.mode)?,
        _ => {}
    }
    let offered = Offered { timezones: &catalog.timezones, rollback: rules.transaction_end.may_be_chosen };
    let preferences = Preferences::read(request.headers, &offered);
    let reads = matches!(*request.method, Method::GET | Method::HEAD);
    let takes_arguments = resource == Resource::Function && reads;
    let mut query = Query::read(request.query, takes_arguments, &rules.limits)?;
    if reads {
        restrict_to_range(request.headers, &mut query)?;
    }
    let asked = Asked { request, catalog, rules, schema, name, query, preferences, profile };
    match (resource, request.method) {
        (Resource::Root, _) => described::root(asked),
        (Resource::Function, &Method::GET | &Method::HEAD | &Method::POST) => call::plan(asked),
        (Resource::Function, &Method::OPTIONS) => described::of_function(asked),
        (Resource::Function, method) => Err(Error::call_method(method)),
        (Resource::Relation, &Method::GET | &Method::HEAD) => plan_read(asked),
        (Resource::Relation, &Method::POST | &Method::PUT | &Method::PATCH | &Method::DELETE) => {
            write::plan(asked)
        }
        (Resource::Relation, &Method::OPTIONS) => described::of_relation(asked),
        (Resource::Relation, method) => Err(Error::method(method)),
    }
}

fn plan_read(mut asked: Asked<'_>) -> Result<Plan, Error> {
    let relation = asked.relation()?;
    asked.preferences.fulfillable()?;
    asked.query.settle_paths(!asked.rules.aliases_only)?;
    let mut resolver = asked.resolver(true);
    let mut root = resolver.root(Source::Relation(relation.clone()), Some(relation.clone()))?;
    if let Some(cursor) = &asked.query.cursor {
        keyset::settle(&mut root, cursor)?;
    }
    let handlers = asked.handlers(&relation);
    let Chosen { media, handler, shown } = asked.chosen(Maker::Aggregates(&handlers), &mut root)?;
    let (counted, estimate) = asked.counting(&root);
    let of_all = (counted != Counted::No, handler.map(Arc::as_ref));
    let reads = match &estimate {
        None => read_set::of_read(asked.catalog, asked.rules, &root, of_all),
        // No change of a row says that the planner thinks otherwise now.
        Some(_) => Reads::Untracked { why: Obstacle::Volatile, object: "the planner's estimate".to_owned() },
    };
    let traced = reads.traced();
    traced.mark(&mut root);
    let mut answer = asked.answer(Kind::Read { offset: root.range.offset }, &media, Heeded::default());
    answer.next = root.keyset.as_ref().map(|keyset| asked.next(&root, keyset));
    let form = Form::of_rows(&media);
    let handler = handler.map(|function| (function.as_ref(), relation.as_ref()));
    let body = sql::Answer {
        form,
        media: &media,
        handler,
        counted,
        traced: &traced,
        read: true,
        inserted: false,
        recorded: false,
    };
    let (statement, batchable) = sql::read(&root, &body);
    // Lines of other forms than JSON cannot be told to be the same in another order.
    let settled = root.is_settled() && matches!(media, Media::Json { .. });
    let plan = Plan {
        access: Access::Read,
        statement,
        batchable: batchable.filter(|_| estimate.is_none()),
        estimate,
        schema: asked.schema,
        target: asked.name,
        reads,
        answer,
        timezone: asked.preferences.timezone,
        called: None,
        settled,
    };
    Ok(plan.showing(shown))
}

impl Asked<'_> {
    fn resolver(&self, bounded: bool) -> Resolver<'_> {
        Resolver {
            catalog: self.catalog,
            rules: self.rules,
            schema: &self.schema,
            query: &self.query,
            root: &self.name,
            bounded,
            next: 0,
        }
    }

    /// The relation of that name.
    fn relation(&self) -> Result<Arc<Relation>, Error> {
        let found = self.catalog.relation(&self.schema, &self.name).cloned();
        found.ok_or_else(|| {
            let all = self.catalog.relations.keys().filter(|(schema, _)| *schema == self.schema);
            let similar = most_similar(&self.name, all.map(|(_, name)| name.as_str()), true);
            Error::relation(&self.schema, &self.name, similar)
        })
    }

    /// The form of the body, or what is shown in its place. An aggregate over a relation's rows that makes the body
    /// takes them as they are stored.
    fn chosen<'m>(&self, maker: Maker<'m>, root: &mut Node) -> Result<Chosen<'m>, Error> {
        let chosen = Media::negotiate(self.request.headers, maker, self.rules.plans)?;
        if chosen.handler.is_some_and(|function| function.takes.is_some()) {
            root.show_as_stored();
        }
        Ok(chosen)
    }

    /// The aggregates that can make bodies of that relation's rows: those over them, then those over any. They
    /// take whole rows, so that only a request which selects nothing by itself can be answered by the former.
    fn handlers(&self, relation: &Relation) -> Vec<Arc<Function>> {
        let whole = self.query.select == [Item::Star];
        let all = || self.catalog.handlers.iter();
        let own = all().filter(|function| whole && function.takes == Some(relation.id));
        let any = all().filter(
            |function| matches!(function.arguments.as_slice(), [only] if only.type_name == "anyelement"),
        );
        own.chain(any).cloned().collect()
    }

    /// How the rows are counted of which a page is read, and how the planner is asked.
    fn counting(&self, root: &Node) -> (Counted, Option<Estimate>) {
        let estimate = |above| {
            let statement = explain(Format::Json, &[], &sql::estimated(root));
            Some(Estimate { statement, above })
        };
        match (self.preferences.count, self.rules.rows_max) {
            (None, _) => (Counted::No, None),
            // Without a bound on what is shown, there is none on what is counted.
            (Some(Count::Exact), _) | (Some(Count::Estimated), None) => (Counted::Exact, None),
            (Some(Count::Estimated), Some(rows_max)) => (Counted::Within(rows_max), estimate(Some(rows_max))),
            (Some(Count::Planned), _) => (Counted::No, estimate(None)),
        }
    }

    /// How the page after this one is asked for.
    fn next(&self, root: &Node, keyset: &Keyset) -> Next {
        let limit = root.range.limit.unwrap_or_default();
        Next { query: canonical_page(self.request.query), order: keyset.order.clone(), limit }
    }

    /// What the client is told of embeds that it named by their relation though they have an alias.
    fn warning(&self) -> Option<String> {
        let pairs = self.query.renamed.iter().map(|(name, alias)| format!("`{name}` to `{alias}`"));
        let pairs = pairs.collect::<Vec<_>>().join(", ");
        (!pairs.is_empty()).then(|| {
            format!(
                "299 courant \"Embedded resource was referenced by relation name even though it has an alias. This is \
                 deprecated and will stop working in a future release. Update {pairs} in query string filters, orders \
                 or limits.\""
            )
        })
    }

    fn answer(&self, kind: Kind, media: &Media, heeded: Heeded) -> AnswerRules {
        let content_location = matches!(kind, Kind::Read { .. }).then(|| {
            let query = canonical(self.request.query);
            let mark = if query.is_empty() { "" } else { "?" };
            format!("/{}{mark}{query}", self.name)
        });
        AnswerRules {
            kind,
            media: media.clone(),
            shown: Shown::Answer,
            body: true,
            counted: self.preferences.count.is_some(),
            rollback: self.preferences.rollback.unwrap_or(self.rules.transaction_end.rollback),
            preference_applied: self.preferences.applied(heeded),
            content_profile: self.profile.clone(),
            content_location,
            location: None,
            next: None,
            max_affected: self.preferences.max_affected,
            outline: None,
            warning: self.warning(),
        }
    }
}

/// A write's reads, which mean nothing.
fn not_a_read(name: &str) -> Reads {
    Reads::Untracked { why: Obstacle::Volatile, object: name.to_owned() }
}

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Root,
    Relation,
    Function,
}

impl Resource {
    /// Refuses a method that functions never have, before anything else is read.
    fn takes(self, method: &Method) -> Result<(), Error> {
        let is_call = matches!(*method, Method::GET | Method::HEAD | Method::POST | Method::OPTIONS);
        if self == Resource::Function && !is_call { Err(Error::call_method(method)) } else { Ok(()) }
    }
}

/// What the path means, and the name in it.
fn resource(path: &str) -> Result<(Resource, String), Error> {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let decode = |segment: &str| percent_decode_str(segment).decode_utf8().ok().map(|name| name.into_owned());
    let named = match (segments.next(), segments.next(), segments.next()) {
        (Some("") | None, None, None) => return Ok((Resource::Root, String::new())),
        (Some(relation), None, None) => decode(relation).map(|name| (Resource::Relation, name)),
        (Some("rpc"), Some(function), None) => decode(function).map(|name| (Resource::Function, name)),
        _ => None,
    };
    named.filter(|(_, name)| !name.is_empty()).ok_or_else(Error::path)
}

/// The schema asked for by a profile header, or the default.
fn schema(request: &Request<'_>, rules: &Rules) -> Result<(String, Option<String>), Error> {
    let reads = matches!(*request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let header = if reads { "accept-profile" } else { "content-profile" };
    let first = rules.schemas.first().cloned().unwrap_or_default();
    let Some(asked) = request.headers.get(header) else {
        // With more than one schema to choose from, the answer always says which it was.
        let profile = (rules.schemas.len() > 1).then(|| first.clone());
        return Ok((first, profile));
    };
    let asked = String::from_utf8_lossy(asked.as_bytes());
    match rules.schemas.iter().find(|schema| **schema == *asked) {
        Some(schema) => Ok((schema.clone(), Some(schema.clone()))),
        None => Err(Error::schema(&asked, &rules.schemas)),
    }
}

/// Narrows the root's range by the `Range` header (`0-9`, both ends included).
fn restrict_to_range(headers: &HeaderMap, query: &mut Query) -> Result<(), Error> {
    let Some(value) = headers.get("range").and_then(|value| value.to_str().ok()) else { return Ok(()) };
    let Some((low, high)) = value.split_once('-') else { return Ok(()) };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (Ok(low), true) = (low.parse::<u64>(), digits(high)) else { return Ok(()) };
    let high = high.parse::<u64>().ok();
    if high.is_some_and(|high| high < low) {
        let details =
            "The lower boundary must be lower than or equal to the upper boundary in the Range header.";
        return Err(Error::range(details));
    }
    let asked = query.range(&[]);
    let offset = asked.offset.max(low);
    let ends = [
        asked.limit.map(|limit| asked.offset.saturating_add(limit)),
        high.map(|high| high.saturating_add(1)),
    ];
    let end = ends.into_iter().flatten().min();
    if asked.limit != Some(0) && end.is_some_and(|end| end <= offset) {
        return Err(Error::range("Limit should be greater than or equal to zero."));
    }
    let limit = end.map(|end| end.saturating_sub(offset));
    query.ranges.retain(|(path, _)| !path.is_empty());
    query.ranges.push((Vec::new(), Range { limit, offset }));
    Ok(())
}
