//! What is said in tables of the file: what answers depend on, and which have a cache of their own.

use std::collections::{BTreeMap, BTreeSet};

use rest::Lifetime;

use super::given::{Given, Refusal};
use super::keys::{DAY_MS, GIB, MIB};
use super::{Declaration, NamedCache, Target};

/// The cache of whatever has none by name.
pub(crate) const GENERAL: &str = "general";
/// More would be many labels in the metrics, and no budget worth the name for each.
const NAMED_MAX: usize = 64;
/// The time to live at first where nothing is said: what nobody would call old.
const TTL_MIN_MS: u64 = 1000;

pub(super) type Table = BTreeMap<String, Given>;

/// Reads a table of `[[cache.declare]]`.
pub(super) fn declaration(table: &Table) -> Result<Declaration, Refusal> {
    let known = ["function", "view", "depends_on", "ttl_ms", "ttl_min_ms", "ttl_max_ms"];
    only(table, "a declaration", &known)?;
    let target = match (text(table, "function")?, text(table, "view")?) {
        (Some(function), None) => Target::Function(function),
        (None, Some(view)) => Target::View(view),
        _ => return Err("each declaration names either a function or a view".to_owned()),
    };
    let (depends_on, ttl) = (names(table, "depends_on")?, lifetime(table)?);
    if depends_on.is_none() && ttl.is_none() {
        return Err("each declaration says depends_on, ttl_ms, or both".to_owned());
    }
    Ok(Declaration { target, depends_on: depends_on.unwrap_or_default(), ttl })
}

/// Reads a table of `[[cache.named]]`.
pub(super) fn named(table: &Table) -> Result<NamedCache, Refusal> {
    let known = ["name", "relations", "functions", "memory_bytes_max", "ttl_ms", "ttl_min_ms", "ttl_max_ms"];
    only(table, "a named cache", &known)?;
    let name = text(table, "name")?.ok_or("each named cache has a name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.len() > 63 || !name.chars().all(plain) {
        return Err(format!("name: expected at most 63 of a-z, 0-9, _ and -, found {name:?}"));
    }
    if name == GENERAL {
        return Err(format!("name: {GENERAL} is the cache of everything else"));
    }
    let relations = names(table, "relations")?.unwrap_or_default();
    let functions = names(table, "functions")?.unwrap_or_default();
    let budget = table.get("memory_bytes_max");
    let budget = budget.ok_or_else(|| format!("{name}: each named cache has memory_bytes_max"))?;
    let memory_bytes_max = budget.count(MIB..=1024 * GIB).map_err(within("memory_bytes_max"))?;
    Ok(NamedCache { name, relations, functions, memory_bytes_max, ttl: lifetime(table)? })
}

/// Says what is wrong with the named caches as a whole: a name twice, or something in two of them.
pub(super) fn disjoint(caches: &[NamedCache], schemas: &[String]) -> Result<(), Refusal> {
    if caches.len() > NAMED_MAX {
        return Err(format!("expected at most {NAMED_MAX} caches, found {}", caches.len()));
    }
    let mut seen = BTreeSet::new();
    let mut homes = BTreeMap::new();
    for cache in caches {
        if !seen.insert(&cache.name) {
            return Err(format!("expected names that differ, found {} twice", cache.name));
        }
        let relations = cache.relations.iter().map(|name| ("relation", name));
        let functions = cache.functions.iter().map(|name| ("function", name));
        for (kind, name) in relations.chain(functions) {
            let (schema, name) = qualified(name, schemas);
            let shown = format!("{kind} {schema}.{name}");
            if let Some(other) = homes.insert((kind, schema, name), &cache.name) {
                return Err(format!(
                    "expected one cache for each, found the {shown} in {other} and in {}",
                    cache.name
                ));
            }
        }
    }
    Ok(())
}

/// A name with its schema, the first exposed one where it has none.
pub(crate) fn qualified(name: &str, schemas: &[String]) -> (String, String) {
    match name.split_once('.') {
        Some((schema, name)) => (schema.to_owned(), name.to_owned()),
        None => (schemas.first().cloned().unwrap_or_default(), name.to_owned()),
    }
}

/// `ttl_ms`, a number or `"adaptive"` between `ttl_min_ms` and `ttl_max_ms`.
fn lifetime(table: &Table) -> Result<Option<Lifetime>, Refusal> {
    let time = |key: &'static str| {
        let read = table.get(key).map(|given| given.milliseconds(1..=DAY_MS)).transpose();
        read.map_err(within(key))
    };
    if !matches!(table.get("ttl_ms"), Some(Given::Text(word)) if word == "adaptive") {
        let bound = ["ttl_min_ms", "ttl_max_ms"].into_iter().find(|key| table.contains_key(*key));
        return match bound {
            Some(key) => Err(format!("{key}: means something only with ttl_ms = \"adaptive\"")),
            None => Ok(time("ttl_ms")?.map(Lifetime::fixed)),
        };
    }
    let max = time("ttl_max_ms")?;
    let max =
        max.ok_or("ttl_max_ms: expected with ttl_ms = \"adaptive\": how old an answer may ever become")?;
    let min = time("ttl_min_ms")?.unwrap_or_else(|| max.min(std::time::Duration::from_millis(TTL_MIN_MS)));
    if min > max {
        return Err(format!("ttl_min_ms: expected at most ttl_max_ms, which is {}", max.as_millis()));
    }
    Ok(Some(Lifetime { min, max }))
}

pub(super) fn only(table: &Table, what: &str, known: &[&str]) -> Result<(), Refusal> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(format!("unknown key {unknown}; {what} has {}", known.join(", "))),
        None => Ok(()),
    }
}

pub(super) fn text(table: &Table, key: &'static str) -> Result<Option<String>, Refusal> {
    table.get(key).map(Given::text).transpose().map_err(within(key))
}

pub(super) fn word<T: Copy>(
    table: &Table,
    key: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, Refusal> {
    table.get(key).map(|given| given.word(words)).transpose().map_err(within(key))
}

pub(super) fn names(table: &Table, key: &'static str) -> Result<Option<Vec<String>>, Refusal> {
    table.get(key).map(Given::names).transpose().map_err(within(key))
}

pub(super) fn within(key: &'static str) -> impl Fn(Refusal) -> Refusal {
    move |refusal| format!("{key}: {refusal}")
}

#[cfg(test)]
mod tests;
