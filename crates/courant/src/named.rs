//! Named caches: where in the cache an answer lives, by the relation or function that was asked for.
//!
//! A named cache is a budget and, where configured, a time to live. What keeps answers current is shared: one
//! log, one index, one gate.

use std::collections::HashMap;

use cache::StoreId;
use pg::catalog::Catalog;
use rest::Lifetime;

use crate::config::{self, Config, GENERAL, Target, qualified};

/// The caches by name, and what lives where.
#[derive(Debug)]
pub(crate) struct Named {
    /// By number; the general one first.
    caches: Vec<(String, Option<Lifetime>)>,
    relations: Homes,
    functions: Homes,
}

/// By schema, then by name: asked for each plan, without a copy of either.
type Homes = HashMap<String, HashMap<String, StoreId>>;

impl Named {
    /// What the configuration says.
    pub(crate) fn new(config: &Config) -> Named {
        let mut named = Named {
            caches: vec![(GENERAL.to_owned(), None)],
            relations: Homes::new(),
            functions: Homes::new(),
        };
        let schemas = &config.database.schemas;
        for cache in &config.cache.named {
            let number = u16::try_from(named.caches.len()).expect("the configuration allows 64 of them");
            named.caches.push((cache.name.clone(), cache.ttl));
            let settle = |homes: &mut Homes, names: &[String]| {
                for (schema, name) in names.iter().map(|name| qualified(name, schemas)) {
                    homes.entry(schema).or_default().insert(name, StoreId(number));
                }
            };
            settle(&mut named.relations, &cache.relations);
            settle(&mut named.functions, &cache.functions);
        }
        named
    }

    /// Where the answers of a relation, or of a function, live.
    pub(crate) fn home(&self, called: bool, schema: &str, name: &str) -> StoreId {
        let homes = if called { &self.functions } else { &self.relations };
        homes.get(schema).and_then(|names| names.get(name)).copied().unwrap_or_default()
    }

    /// The time to live of an answer that lives there and depends on what must not be kept longer than `own`.
    pub(crate) fn lifetime(&self, store: StoreId, own: Option<Lifetime>) -> Option<Lifetime> {
        let named = self.caches[usize::from(store.0)].1;
        match (own, named) {
            (Some(own), Some(named)) => Some(own.and(named)),
            (own, named) => own.or(named),
        }
    }

    /// The cache of that name.
    pub(crate) fn find(&self, name: &str) -> Option<StoreId> {
        let number = self.caches.iter().position(|(known, _)| known == name)?;
        u16::try_from(number).ok().map(StoreId)
    }

    /// The names, by number.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.caches.iter().map(|(name, _)| name.as_str())
    }
}

/// The budgets of the named caches in bytes, by number from 1 on.
pub(crate) fn budgets(config: &config::Cache) -> Vec<u64> {
    config.named.iter().map(|cache| cache.memory_bytes_max as u64).collect()
}

/// What the configuration speaks of and the database does not have, a line each: a misspelt name would
/// otherwise be a cache that stays empty, or a declaration that declares nothing.
pub(crate) fn unknown(config: &Config, catalog: &Catalog) -> Vec<String> {
    let mut lines = Vec::new();
    let schemas = &config.database.schemas;
    let mut missing = |place: &str, kind: &str, name: &str, so: &str| {
        let (schema, name) = qualified(name, schemas);
        let known = match kind {
            "function" => !catalog.functions(&schema, &name).is_empty(),
            _ => catalog.relation(&schema, &name).is_some(),
        };
        if !known {
            let among = schemas.join(", ");
            lines.push(format!(
                "{place}: there is no {kind} {schema}.{name} in the schemas served ({among}): {so}"
            ));
        }
    };
    for declaration in &config.cache.declare {
        let so = "the declaration says nothing";
        let (kind, target) = match &declaration.target {
            Target::Function(name) => ("function", name),
            Target::View(name) => ("view", name),
        };
        missing("cache.declare", kind, target, so);
        for name in &declaration.depends_on {
            let so = format!("the answers of {target}, which are said to depend on it, are not kept");
            missing("cache.declare", "relation", name, &so);
        }
    }
    for cache in &config.cache.named {
        let place = format!("cache.named {}", cache.name);
        for (kind, names) in [("relation", &cache.relations), ("function", &cache.functions)] {
            names.iter().for_each(|name| missing(&place, kind, name, "no answer lives there by that name"));
        }
    }
    lines
}
