//! What stands in front of backends: `proxy.*` for all of them, `[[route]]` for some paths and methods.

use std::path::PathBuf;
use std::time::Duration;

use gateway::dependence::Dependence;
use gateway::route::{Pattern, Route, Routes};
use gateway::source::Source;
use gateway::upstream::Address;
use http::Method;
use http::uri::PathAndQuery;

use super::NamedCache;
use super::error::nearest;
use super::given::{Given, Refusal};
use super::keys::{DAY_MS, GIB};
use super::tables::{GENERAL, Table};

/// More is no configuration but data.
const ROUTES_MAX: usize = 1000;
/// Of one route, or of all.
const UPSTREAMS_MAX: usize = 64;

/// What stands in front of backends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxy {
    /// Who may vouch for upstreams, beside those that the system trusts.
    pub(crate) upstream_ca: Option<PathBuf>,
    pub(crate) connections_max: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) health_path: Option<PathAndQuery>,
    pub(crate) health_interval: Duration,
    pub(crate) cache_bytes_max: usize,
    pub(crate) cache_entry_bytes_max: usize,
    /// What holds where no route says otherwise.
    pub(super) general: Refined,
    /// As the tables say it.
    pub(super) tables: Vec<Route<Refinement>>,
    /// The routes, refined.
    pub(crate) routes: Routes<Refined>,
    /// Of whatever no route is for; none: that is Courant's own API.
    pub(crate) fallback: Option<Refined>,
}

/// How requests of a route are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refined {
    pub(crate) upstreams: Vec<Address>,
    pub(crate) timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) body_bytes_max: u64,
    pub(crate) is_cached: bool,
    pub(crate) ttl: Option<Duration>,
    pub(crate) declared: Option<RouteDeclaration>,
}

/// What a route declares of its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteDeclaration {
    pub(crate) depends_on: Vec<Dependence>,
    /// Whether the upstream says more with each answer.
    pub(crate) is_told: bool,
    /// What separates users; none: all that a client may be known by.
    pub(crate) identity: Option<Vec<Source>>,
    /// The named cache they live in.
    pub(crate) cache: Option<String>,
    pub(crate) body_in_key: bool,
}

/// What a route says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refinement {
    upstreams: Option<Vec<Address>>,
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    retries: Option<u32>,
    body_bytes_max: Option<u64>,
    is_cached: Option<bool>,
    ttl: Option<Duration>,
    declared: Option<RouteDeclaration>,
}

impl Proxy {
    /// Puts routes together with what holds for all.
    pub(super) fn settle(&mut self, caches: &[NamedCache]) -> Result<(), Refusal> {
        if self.tables.len() > ROUTES_MAX {
            return Err(format!("expected at most {ROUTES_MAX} routes, found {}", self.tables.len()));
        }
        let has_upstream = !self.general.upstreams.is_empty();
        for route in &self.tables {
            let cache = route.value.declared.as_ref().and_then(|declared| declared.cache.as_ref());
            let known = |name: &String| name == GENERAL || caches.iter().any(|cache| cache.name == *name);
            if let Some(name) = cache.filter(|name| !known(name)) {
                return Err(format!("{}: cache: there is no [[cache.named]] called {name}", route.pattern));
            }
            if route.value.upstreams.is_none() && !has_upstream {
                let path = &route.pattern;
                return Err(format!("{path}: expected upstream here, or proxy.upstream for all routes"));
            }
        }
        let routes = Routes::new(self.tables.clone()).map_err(|error| error.to_string())?;
        self.routes = routes.map(|_, refinement| refinement.over(&self.general));
        self.fallback = has_upstream.then(|| self.general.clone());
        Ok(())
    }
}

impl Refinement {
    fn over(self, general: &Refined) -> Refined {
        Refined {
            upstreams: self.upstreams.unwrap_or_else(|| general.upstreams.clone()),
            timeout: self.timeout.unwrap_or(general.timeout),
            idle_timeout: self.idle_timeout.unwrap_or(general.idle_timeout),
            retries: self.retries.unwrap_or(general.retries),
            body_bytes_max: self.body_bytes_max.unwrap_or(general.body_bytes_max),
            is_cached: self.is_cached.unwrap_or(general.is_cached),
            ttl: self.ttl,
            declared: self.declared,
        }
    }
}

/// The keys of a `[[route]]`.
const KNOWN: [&str; 13] = [
    "path",
    "methods",
    "upstream",
    "upstreams",
    "timeout_ms",
    "idle_timeout_ms",
    "retries",
    "body_bytes_max",
    "cache",
    "ttl_ms",
    "depends_on",
    "identity",
    "body_in_key",
];

/// Reads a table of `[[route]]`.
pub(super) fn route(table: &Table) -> Result<Route<Refinement>, Refusal> {
    let path = table.get("path").ok_or("each route has a path, like \"/conversations/{id}\"")?;
    let path = path.text().map_err(|refusal| format!("path: {refusal}"))?;
    let pattern = Pattern::parse(&path).map_err(|error| format!("path: {error}"))?;
    if let Some(unknown) = table.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let advice = nearest(unknown, KNOWN).map_or_else(
            || format!("a route has {}", KNOWN.join(", ")),
            |known| format!("did you mean {known}?"),
        );
        return Err(format!("{path}: unknown key {unknown}; {advice}"));
    }
    let of = |key: &str| table.get(key);
    let in_route = |key: &'static str| {
        let path = &path;
        move |refusal: Refusal| format!("{path}: {key}: {refusal}")
    };
    let upstreams = match (of("upstream"), of("upstreams")) {
        (Some(_), Some(_)) => return Err(format!("{path}: expected upstream or upstreams, found both")),
        (one, many) => one.or(many).map(upstreams).transpose().map_err(in_route("upstream"))?,
    };
    let value = Refinement {
        upstreams,
        timeout: of("timeout_ms").map(timeout).transpose().map_err(in_route("timeout_ms"))?,
        idle_timeout: of("idle_timeout_ms").map(timeout).transpose().map_err(in_route("idle_timeout_ms"))?,
        retries: of("retries").map(retries).transpose().map_err(in_route("retries"))?,
        body_bytes_max: of("body_bytes_max")
            .map(body_bytes_max)
            .transpose()
            .map_err(in_route("body_bytes_max"))?,
        declared: declaration(table, &pattern).map_err(|refusal| format!("{path}: {refusal}"))?,
        is_cached: match of("depends_on") {
            // Then it names the cache that is meant.
            Some(_) => None,
            None => of("cache").map(is_cached).transpose().map_err(in_route("cache"))?,
        },
        ttl: of("ttl_ms")
            .map(|given| given.milliseconds(1..=DAY_MS))
            .transpose()
            .map_err(in_route("ttl_ms"))?,
    };
    let methods = of("methods").map(methods).transpose().map_err(in_route("methods"))?.unwrap_or_default();
    Ok(Route { pattern, methods, value })
}

/// Among what a route depends on: whatever the upstream says in `Courant-Depends`.
const UPSTREAM: &str = "{upstream}";

/// What a route declares of its answers, if anything.
fn declaration(table: &Table, pattern: &Pattern) -> Result<Option<RouteDeclaration>, Refusal> {
    let of = |key: &str| table.get(key);
    let Some(depends_on) = of("depends_on") else {
        let orphan = ["identity", "body_in_key"].into_iter().find(|key| table.contains_key(*key));
        return match orphan {
            Some(key) => Err(format!("{key}: means something only with depends_on")),
            None => Ok(None),
        };
    };
    let names: Vec<&str> = pattern.names().collect();
    let dependence = |text: &String| {
        let read = Dependence::parse(text).map_err(|error| format!("depends_on: {error}"))?;
        read.check(&names).map_err(|error| format!("depends_on: {error}"))?;
        Ok(read)
    };
    let source = |text: &String| {
        let read = Source::parse(text).map_err(|error| format!("identity: {error}"))?;
        read.check(&names).map_err(|error| format!("identity: {error}"))?;
        Ok(read)
    };
    let mut depends_on = depends_on.list().map_err(|refusal| format!("depends_on: {refusal}"))?;
    let declared = depends_on.len();
    depends_on.retain(|text| text != UPSTREAM);
    let is_told = depends_on.len() < declared;
    let identity = of("identity").map(Given::list).transpose();
    let identity = identity.map_err(|refusal| format!("identity: {refusal}"))?;
    let cache = of("cache").map(Given::text).transpose().map_err(|refusal| format!("cache: {refusal}"))?;
    let body_in_key = of("body_in_key").map(Given::boolean).transpose();
    Ok(Some(RouteDeclaration {
        depends_on: depends_on.iter().map(dependence).collect::<Result<_, Refusal>>()?,
        identity: identity
            .map(|identity| identity.iter().map(source).collect::<Result<_, Refusal>>())
            .transpose()?,
        is_told,
        cache,
        body_in_key: body_in_key.map_err(|refusal| format!("body_in_key: {refusal}"))?.unwrap_or_default(),
    }))
}

pub(super) fn upstreams(given: &Given) -> Result<Vec<Address>, Refusal> {
    let names = given.names()?;
    let mut all: Vec<Address> = Vec::new();
    for name in &names {
        let address = Address::parse(name).map_err(|error| error.to_string())?;
        if all.contains(&address) {
            return Err(format!("expected each upstream once, found {name} twice"));
        }
        all.push(address);
    }
    if all.len() > UPSTREAMS_MAX {
        return Err(format!("expected at most {UPSTREAMS_MAX} upstreams, found {}", all.len()));
    }
    Ok(all)
}

pub(super) fn timeout(given: &Given) -> Result<Duration, Refusal> {
    given.milliseconds(1..=DAY_MS)
}

pub(super) fn retries(given: &Given) -> Result<u32, Refusal> {
    // Ten fit any u32.
    given.number(0..=10).map(|retries| retries as u32)
}

pub(super) fn body_bytes_max(given: &Given) -> Result<u64, Refusal> {
    given.number(0..=1024 * GIB)
}

pub(super) fn is_cached(given: &Given) -> Result<bool, Refusal> {
    given.word(&[("http", true), ("none", false)])
}

pub(super) fn health_path(given: &Given) -> Result<PathAndQuery, Refusal> {
    let path = given.text()?;
    let read = PathAndQuery::try_from(path.as_str()).ok().filter(|_| path.starts_with('/'));
    read.ok_or_else(|| format!("expected a path like /health, found {path:?}"))
}

fn methods(given: &Given) -> Result<Vec<Method>, Refusal> {
    let method = |name: &String| {
        // Methods are told apart by case, and all that are in use have none.
        let is_upper = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        Method::from_bytes(name.as_bytes())
            .ok()
            .filter(|_| is_upper)
            .ok_or_else(|| format!("expected methods like [\"GET\", \"POST\"], found {name:?}"))
    };
    given.names()?.iter().map(method).collect()
}

#[cfg(test)]
mod tests;
