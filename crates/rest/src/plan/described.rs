//! Plans what tells of the API itself: the root, and `OPTIONS`.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use pg::catalog::Obstacle;
use pg::{Parameter, Statement};

use super::{Access, Asked, Plan, overload};
use crate::grammar::Heeded;
use crate::media::{Chosen, Maker, Media};
use crate::openapi::{DESCRIBE, OPERATIONS, Outline};
use crate::request::OpenApiMode;
use crate::respond::{Allowed, Kind};
use crate::{Error, Reads};

/// The description of the schema.
pub(super) fn root(asked: Asked<'_>) -> Result<Plan, Error> {
    match *asked.request.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(options(asked, Allowed::Root)),
        ref method => return Err(Error::method(method)),
    }
    let Chosen { media, .. } = Media::negotiate(asked.request.headers, Maker::Document, false)?;
    let outline = Outline::of(asked.catalog, &asked.schema, &asked.rules.openapi);
    let follows = if outline.follows_privileges() { "true" } else { "false" };
    let statement = statement(DESCRIBE, [asked.schema.clone(), follows.to_owned()]);
    let mut plan = told(asked, statement, Kind::Document, &media);
    plan.answer.outline = Some(Arc::new(outline));
    Ok(plan)
}

/// Which methods a relation takes.
pub(super) fn of_relation(asked: Asked<'_>) -> Result<Plan, Error> {
    let keyed = !asked.relation()?.primary_key.is_empty();
    Ok(options(asked, Allowed::Relation { keyed }))
}

/// Which methods a function takes.
pub(super) fn of_function(asked: Asked<'_>) -> Result<Plan, Error> {
    let read_only = overload::resolve(&asked)?.function.read_only;
    Ok(options(asked, Allowed::Function { read_only }))
}

fn options(asked: Asked<'_>, allowed: Allowed) -> Plan {
    let statement = statement(OPERATIONS, [asked.schema.clone(), asked.name.clone()]);
    let mut plan = told(asked, statement, Kind::Options(allowed), &Media::JSON);
    plan.answer.body = false;
    plan.answer.content_profile = None;
    plan
}

fn statement(sql: &str, values: [String; 2]) -> Statement {
    let parameters = values.map(|value| Parameter::Text(Bytes::from(value)));
    Statement { sql: sql.to_owned(), parameters: parameters.to_vec() }
}

/// Told by the system catalogs, whose changes the log does not tell.
fn told(asked: Asked<'_>, statement: Statement, kind: Kind, media: &Media) -> Plan {
    let mut answer = asked.answer(kind, media, Heeded::default());
    answer.preference_applied = None;
    answer.rollback = false;
    answer.max_affected = None;
    Plan {
        access: Access::Read,
        statement,
        batchable: None,
        estimate: None,
        schema: asked.schema,
        target: asked.name,
        reads: Reads::Untracked { why: Obstacle::Catalog, object: "pg_class".to_owned() },
        answer,
        timezone: None,
        called: None,
        settled: false,
    }
}

/// Whether the root is there at all.
pub(super) fn is_told(mode: OpenApiMode) -> Result<(), Error> {
    if mode == OpenApiMode::Disabled { Err(Error::root()) } else { Ok(()) }
}
