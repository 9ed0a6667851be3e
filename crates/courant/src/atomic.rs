//! Several requests as one: reads and writes in one transaction, of which all hold or none.
//!
//! The whole story is [`run`]: who asks, what the parts ask, all of it sent to the database together, and one
//! result for each part. A part that fails has everything rolled back; it carries its error, and the others say
//! that they were not done. Like any writer, the client is answered once this node's cache has passed the write.
//! Never looks into the cache: a part sees what the parts before it have written.

mod part;
mod result;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use pg::session::{Ran, Record, Step};
use rest::Access;

use crate::answer::Answer;
use crate::audit;
use crate::failure::{Failure, brief};
use crate::identity::Identity;
use crate::listen::Visit;
use crate::node::Node;
use crate::request::{self, acknowledge};
use crate::response::Body;
use crate::row::Found;
use crate::schema::Planned;
use crate::settled::Settled;
use crate::telemetry::Told;
use part::Part;
use result::Results;

/// Where requests are sent together. Of two names neither of which is `rpc`: a relation has one and a function has
/// `rpc` before it, so that no schema holds anything that is asked for here.
pub(crate) const PATH: &str = "/courant/batch";

/// Whether a batch is sent there.
pub(crate) fn is_batch(uri: &Uri) -> bool {
    let path = uri.path();
    path == PATH || path.strip_prefix(request::PREFIX) == Some(PATH)
}

/// A part that stands as it was asked, planned, and ready to run.
struct Ready {
    part: Part,
    planned: Arc<Planned>,
    session: Settled,
    record: Option<Record>,
}

/// Answers a batch, and tells what became of it.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    let arrived = node.clock.now();
    let (head, body) = request.into_parts();
    let mut who = None;
    let errors_are_brief = node.live().config.api.errors_are_brief;
    let (response, error) = match run(&node, &head, body, &visit, &mut who).await {
        Ok(results) => results.response(errors_are_brief).await,
        Err(failure) if errors_are_brief => (brief(failure.response()).await, Some(failure.told())),
        Err(failure) => (failure.response(), Some(failure.told())),
    };
    node.telemetry.request(&Told {
        route: "",
        method: &head.method,
        path: PATH,
        status: response.status(),
        cache: "bypass",
        reason: "method",
        error: error.as_deref(),
        role: who.as_ref().and_then(|who| who.role.as_deref()).unwrap_or_default(),
        took: node.clock.since(arrived),
    });
    response
}

async fn run(
    node: &Node,
    head: &http::request::Parts,
    body: Incoming,
    visit: &Visit,
    who: &mut Option<Arc<Identity>>,
) -> Result<Results, Arc<Failure>> {
    if head.method != Method::POST {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "a batch is sent by POST"));
    }
    let identity = node.live().identities.of(&head.headers).map_err(Failure::from)?;
    *who = Some(Arc::clone(&identity));
    let body: Bytes = request::whole(node, head, body).await?;
    let _place = node.places.try_acquire().map_err(|_| Failure::Overloaded)?;
    let parts = part::read(&body, head, node.config.http.batch_parts_max)
        .map_err(|why| refused(StatusCode::BAD_REQUEST, why))?;
    let count = parts.len();
    let schema = node.schema();
    let mut ready = Vec::with_capacity(count);
    for (number, part) in parts.into_iter().enumerate() {
        match prepared(node, &schema, part, &identity, (head, visit)) {
            Ok(one) => ready.push(one),
            Err(failure) => return Ok(Results::failed(count, number, failure)),
        }
    }
    transact(node, &ready).await
}

/// Plans a part, which must be one that a batch can hold.
fn prepared(
    node: &Node,
    schema: &crate::schema::Schema,
    part: Part,
    who: &Arc<Identity>,
    (head, visit): (&http::request::Parts, &Visit),
) -> Result<Ready, Failure> {
    let planned = schema.plan(&part.head, &part.body)?;
    let plan = &planned.plan;
    if plan.answer.is_plan() || plan.answer.is_explanation() || plan.estimate.is_some() {
        let why =
            "a part of a batch is answered, not planned: no plans, no explanations, no estimated counts";
        return Err(Failure::Batch { status: StatusCode::BAD_REQUEST, why: why.to_owned() });
    }
    let session = Settled::new(&part.head, Arc::clone(who), Arc::clone(&planned), &schema.catalog);
    if plan.access == Access::Write && session.role().is_none() {
        return Err(Failure::ReadOnly);
    }
    let record = (node.audit.holds_writes() && plan.access == Access::Write).then(|| {
        let client = node.guard.client(visit.peer.ip(), &head.headers);
        audit::record(&part.head, client, Some(who), &planned.route)
    });
    Ok(Ready { part, planned, session, record })
}

/// Runs all parts, commits if every one can be answered, and waits until this node has passed what was written.
async fn transact(node: &Node, ready: &[Ready]) -> Result<Results, Arc<Failure>> {
    let settings: Vec<_> = ready.iter().map(|one| one.session.settings()).collect();
    let steps: Vec<Step<'_>> = ready
        .iter()
        .zip(&settings)
        .map(|(one, settings)| Step {
            session: one.session.lent(settings),
            statement: &one.planned.plan.statement,
            reads_only: one.planned.plan.access == Access::Read,
            record: one.record.as_ref(),
        })
        .collect();
    let mut mark = node.marks.set();
    let acceptable = |steps: &[Ran]| {
        let kept = ready.iter().all(|one| !one.planned.plan.answer.rolls_back());
        kept && ready.iter().zip(steps).all(|(one, ran)| answered(one, ran).is_ok())
    };
    let done = match node.pool.transact(&steps, 1, &mark.text(), &acceptable).await {
        Ok(done) => done,
        Err(failed) => {
            let anonymous = ready.first().is_some_and(|one| one.session.is_anonymous());
            let failure = Failure::Database { source: failed.source, anonymous };
            return match failed.step {
                Some(step) => Ok(Results::failed(ready.len(), step, failure)),
                None => Err(Arc::new(failure)),
            };
        }
    };
    let mut answers = Vec::with_capacity(ready.len());
    for (number, (one, ran)) in ready.iter().zip(&done.steps).enumerate() {
        match answered(one, ran) {
            Ok(answer) => answers.push((answer, one.part.head.method.clone())),
            Err(failure) => return Ok(Results::failed(ready.len(), number, failure)),
        }
    }
    let position = if done.committed && done.wrote { acknowledge(node, &mut mark).await } else { None };
    Ok(Results::Done { answers, position })
}

fn answered(one: &Ready, ran: &Ran) -> Result<Answer, Failure> {
    let row =
        ran.rows.first().ok_or_else(|| Failure::Unreadable("a statement returned no row".to_owned()))?;
    let mut found = Found::read(row)?;
    // What it saw is not what the log holds: the transaction itself has written.
    found.position = None;
    found.told = ran.told.clone();
    Answer::new(&one.planned.plan, found, false, one.part.head.uri.path())
}

fn refused(status: StatusCode, why: impl Into<String>) -> Arc<Failure> {
    Arc::new(Failure::Batch { status, why: why.into() })
}
