//! Loops as JSON, each with the one call that would do: an embedded resource where a foreign key leads from the one relation
//! to the other, else a list of keys.

use pg::catalog::{Catalog, ForeignKey, Relation};
use serde_json::{Value, json};

use super::shape::is_paging;
use super::{Asked, CHARACTERS_MAX, Loops};

/// Everything seen, the most calls first.
pub(crate) fn told(loops: &Loops, catalog: &Catalog) -> Value {
    // Those who are answered wait for nothing of what follows.
    let (mut all, unnamed): (Vec<_>, u64) = {
        let seen = loops.seen.lock();
        (seen.found.iter().map(|(between, counts)| (between.clone(), *counts)).collect(), seen.unnamed)
    };
    all.sort_by(|(a, x), (b, y)| y.calls.cmp(&x.calls).then_with(|| a.1.shape.cmp(&b.1.shape)));
    let told = all.into_iter().map(|((source, lookup), counts)| {
        json!({
            "source": { "relation": *source.route, "shape": *source.shape },
            "lookup": { "relation": *lookup.route, "shape": *lookup.shape },
            "traces": counts.traces,
            "calls": counts.calls,
            "instead": instead(&source, &lookup, catalog),
        })
    });
    json!({ "loops": told.collect::<Vec<_>>(), "calls_unnamed": unnamed })
}

/// The one call that replaces the loop.
fn instead(source: &Asked, lookup: &Asked, catalog: &Catalog) -> String {
    let (path, query) = lookup.shape.split_once('?').unwrap_or((&lookup.shape, ""));
    let keys: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_suffix("=eq.$")).collect();
    let is_whole = [source, lookup].iter().all(|asked| asked.shape.len() < CHARACTERS_MAX);
    let ([key], true) = (&keys[..], is_whole) else { return "one call that asks for all of them".to_owned() };
    let name = |pair: &str| pair.split_once('=').map_or("", |(name, _)| name).to_owned();
    // One row's page is none of many.
    let others = || query.split('&').filter(|pair| !pair.ends_with("=eq.$") && !is_paging(&name(pair)));
    let list =
        format!("GET {path}?{key}=in.($,$,…){}", others().map(|pair| format!("&{pair}")).collect::<String>());
    let (Some(from), Some(to)) = (relation(catalog, source), relation(catalog, lookup)) else {
        return list;
    };
    let is_logic = |pair: &str| ["and", "or"].contains(&&*name(pair)) || pair.starts_with("not.");
    if from.id == to.id || others().any(is_logic) {
        return list;
    }
    // Along a key that is looked up by, from either end.
    let leads = |known: &&ForeignKey| {
        let is_column = |columns: &[String]| matches!(columns, [only] if only == *key);
        (known.from, known.to) == (from.id, to.id) && is_column(&known.to_columns)
            || (known.to, known.from) == (from.id, to.id) && is_column(&known.from_columns)
    };
    let mut keys = catalog.foreign_keys.iter().filter(leads);
    let Some(by) = keys.next() else { return list };
    // Of several ways, the name of the key says which.
    let hint = if keys.next().is_some() { format!("!{}", by.name) } else { String::new() };
    let columns = query.split('&').find_map(|pair| pair.strip_prefix("select=")).unwrap_or("*");
    let embedded = format!("{}{hint}({columns})", to.name);
    let (path, query) = source.shape.split_once('?').unwrap_or((&source.shape, ""));
    let mut parameters: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    match parameters.iter_mut().find(|pair| pair.starts_with("select=")) {
        Some(select) => *select = format!("{select},{embedded}"),
        None => parameters.insert(0, format!("select=*,{embedded}")),
    }
    let of_embed = others().filter(|pair| !pair.starts_with("select="));
    parameters.extend(of_embed.map(|pair| format!("{}.{pair}", to.name)));
    format!("GET {path}?{}", parameters.join("&"))
}

/// The relation that is meant, where only one has that name.
fn relation<'a>(catalog: &'a Catalog, asked: &Asked) -> Option<&'a Relation> {
    let mut named = catalog.relations.values().filter(|relation| *relation.name == *asked.route);
    let first = named.next().filter(|_| !asked.shape.starts_with("/rpc/"))?;
    named.next().is_none().then_some(&**first)
}
