//! The schema that requests are planned against, with the plans already made.
//!
//! Immutable but for the plans it remembers; a change of the database's schema makes a new one.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use bytes::Bytes;
use cache::StoreId;
use pg::catalog::{Catalog, KeptSettings, Settings};
use pg::{RelationId, identifier};
use quick_cache::sync::Cache as Remembered;
use rest::{Access, Plan, Reads, Rules};

use crate::bypass::Bypass;
use crate::named::Named;
use crate::preamble::Preamble;
use crate::sighted::Sighted;

/// Plans remembered; the least used is forgotten first.
const PLANS_MAX: usize = 10_000;
/// Requests that were planned before are told by a hash each, in so many places.
const SIGHTINGS: usize = 4096;
/// Plans of requests with more bytes than this to plan by are not remembered.
const PLAN_KEY_BYTES_MAX: usize = 4096;
/// The headers that a plan depends on.
pub(crate) const PLANNING_HEADERS: [&str; 6] =
    ["accept", "accept-profile", "content-profile", "content-type", "prefer", "range"];

/// The catalog, the rules, and the plans made from them.
pub(crate) struct Schema {
    /// What the database holds.
    pub(crate) catalog: Arc<Catalog>,
    rules: Arc<Rules>,
    named: Arc<Named>,
    /// What follows the schema of a request in its search path, quoted.
    extra_search_path: Arc<str>,
    preamble: Arc<Preamble>,
    /// The relations whose changes the stream tells; none while there is no stream, when nothing is kept.
    published: Option<HashSet<RelationId>>,
    plans: Remembered<Box<[u8]>, Arc<Planned>>,
    sighted: Sighted,
}

/// A plan, with what the cache needs to know of it.
pub(crate) struct Planned {
    /// How the request is answered.
    pub(crate) plan: Plan,
    /// The relation or function it means.
    pub(crate) route: String,
    /// Where in the cache its answer lives.
    pub(crate) home: StoreId,
    /// The schema it means, as `search_path` is set.
    pub(crate) search_path: String,
    /// The part of the cache key that the request makes up, once one is wanted.
    fingerprint: OnceLock<Fingerprint>,
    /// Whether its transaction may speak to the response: what is tracked calls nothing that could.
    pub(crate) is_heard: bool,
    /// What a called function gives the whole transaction.
    pub(crate) hoisted: KeptSettings,
    /// What the configuration gives every transaction.
    pub(crate) app_settings: Arc<[(String, String)]>,
    /// What runs before its statement.
    pub(crate) before: Option<Arc<str>>,
    /// Which settings of the session its answer can depend on; or why it is not kept.
    pub(crate) tracked: Result<Settings, Bypass>,
}

type Fingerprint = [u8; digest::SHA256_OUTPUT_LEN];

impl Planned {
    /// Everything that makes up the answer but for the database's state and the session.
    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        self.fingerprint.get_or_init(|| fingerprint(&self.plan, &self.search_path))
    }
}

impl Schema {
    /// A schema without a stream.
    pub(crate) fn new(
        catalog: Catalog,
        rules: Rules,
        named: Arc<Named>,
        extra_search_path: &[String],
        preamble: Preamble,
    ) -> Schema {
        let extra = extra_search_path.iter().map(|schema| format!(", {}", identifier(schema)));
        Schema {
            catalog: Arc::new(catalog),
            rules: Arc::new(rules),
            named,
            extra_search_path: extra.collect::<String>().into(),
            preamble: Arc::new(preamble),
            published: None,
            plans: Remembered::new(PLANS_MAX),
            sighted: Sighted::new(SIGHTINGS),
        }
    }

    /// The same schema when these relations' changes are told by the stream.
    pub(crate) fn with_published(&self, published: HashSet<RelationId>) -> Schema {
        Schema {
            catalog: Arc::clone(&self.catalog),
            rules: Arc::clone(&self.rules),
            named: Arc::clone(&self.named),
            extra_search_path: Arc::clone(&self.extra_search_path),
            preamble: Arc::clone(&self.preamble),
            published: Some(published),
            plans: Remembered::new(PLANS_MAX),
            sighted: Sighted::new(SIGHTINGS),
        }
    }

    /// The plan for a request. Only requests without a body are remembered: a body is part of the plan.
    pub(crate) fn plan(
        &self,
        head: &http::request::Parts,
        body: &Bytes,
    ) -> Result<Arc<Planned>, rest::Error> {
        let key = if body.is_empty() { plan_key(head) } else { None };
        if let Some(key) = &key
            && let Some(planned) = self.plans.get(key.as_slice())
        {
            return Ok(planned);
        }
        let request = rest::Request {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body,
        };
        let plan = rest::plan(&request, &self.catalog, &self.rules)?;
        let planned = Arc::new(self.examined(plan, request.path.starts_with("/rpc/")));
        // A request that never comes again would only push out one that does.
        if let Some(key) = key.filter(|key| self.sighted.before(key)) {
            self.plans.insert(key.into(), Arc::clone(&planned));
        }
        Ok(planned)
    }

    fn examined(&self, plan: Plan, called: bool) -> Planned {
        let tracked = match (plan.access, &plan.reads) {
            (Access::Write, _) => Err(Bypass::Method),
            (Access::Read, Reads::Untracked { why, object }) => Err(Bypass::Obstacle(*why, object.clone())),
            (Access::Read, Reads::Tracked(tracked)) => {
                match tracked.relations().into_iter().find(|id| self.is_untold(*id)) {
                    Some(id) => Err(Bypass::Unpublished(self.name(id))),
                    None => Ok(tracked.settings.clone()),
                }
            }
        };
        let is_heard = match &plan.reads {
            Reads::Tracked(tracked) => plan.access == Access::Write || tracked.declared,
            Reads::Untracked { .. } => true,
        };
        let hoisted = plan.called.as_ref().map(|function| self.preamble.hoisted(function));
        Planned {
            is_heard,
            hoisted: hoisted.unwrap_or_default(),
            app_settings: Arc::clone(&self.preamble.app_settings),
            before: self.preamble.before.clone(),
            fingerprint: OnceLock::new(),
            route: plan.target.clone(),
            home: self.named.home(called, &plan.schema, &plan.target),
            search_path: self.search_path(&plan.schema),
            plan,
            tracked,
        }
    }

    /// What a transaction begins with that has no plan: the search path, and what is called first.
    pub(crate) fn preamble(&self) -> (String, Option<Arc<str>>) {
        let first = self.rules.schemas.first().map_or("pg_catalog", String::as_str);
        (self.search_path(first), self.preamble.before.clone())
    }

    fn search_path(&self, first: &str) -> String {
        format!("{}{}", identifier(first), self.extra_search_path)
    }

    /// Refuses a relation whose changes the stream does not tell.
    pub(crate) fn told(&self, id: RelationId) -> Result<(), Bypass> {
        if self.is_untold(id) { Err(Bypass::Unpublished(self.name(id))) } else { Ok(()) }
    }

    fn is_untold(&self, id: RelationId) -> bool {
        self.published.as_ref().is_some_and(|published| !published.contains(&id))
    }

    /// What a relation is called, for people.
    pub(crate) fn name(&self, id: RelationId) -> String {
        let stored = self.catalog.tables.iter().find(|table| table.id == id);
        stored
            .map_or_else(|| format!("relation {}", id.0), |table| format!("{}.{}", table.schema, table.name))
    }
}

fn fingerprint(plan: &Plan, search_path: &str) -> Fingerprint {
    let mut hash = Sha256(digest::Context::new(&digest::SHA256));
    plan.schema.hash(&mut hash);
    search_path.hash(&mut hash);
    plan.statement.hash(&mut hash);
    plan.answer.hash(&mut hash);
    let mut fingerprint = [0; digest::SHA256_OUTPUT_LEN];
    fingerprint.copy_from_slice(hash.0.finish().as_ref());
    fingerprint
}

/// SHA-256 fed by `Hash`, whose derived form writes lengths and so has no two values with the same bytes.
struct Sha256(digest::Context);

impl Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0 // Nobody asks: the digest is taken from the context.
    }
}

/// Everything of a request without a body that its plan depends on, without ambiguity.
fn plan_key(head: &http::request::Parts) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(256);
    let mut part = |bytes: &[u8]| {
        key.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        key.extend_from_slice(bytes);
    };
    part(head.method.as_str().as_bytes());
    part(head.uri.path().as_bytes());
    part(head.uri.query().unwrap_or_default().as_bytes());
    for name in PLANNING_HEADERS {
        let mut values = head.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => part(b""),
            (Some(value), None) => part(value.as_bytes()),
            (Some(_), Some(_)) => return None,
        }
    }
    (key.len() <= PLAN_KEY_BYTES_MAX).then_some(key)
}
