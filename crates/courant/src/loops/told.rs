//! Loops as JSON, each with the one call that would do: an embedded resource where a foreign key leads from the one relation
//! to the other, else a list of keys.

use pg::catalog::{Catalog, ForeignKey, Relation};
use serde_json::{Value, json};

use super::{Asked, Loops};

/// Everything seen, the most calls first.
pub(crate) fn told(loops: &Loops, catalog: &Catalog) -> Value {
    let seen = loops.seen.lock();
    let mut all: Vec<_> = seen.found.iter().collect();
    all.sort_by(|(a, x), (b, y)| y.calls.cmp(&x.calls).then_with(|| a.1.shape.cmp(&b.1.shape)));
    let told = all.into_iter().map(|((source, lookup), counts)| {
        json!({
            "source": { "relation": *source.route, "shape": *source.shape },
            "lookup": { "relation": *lookup.route, "shape": *lookup.shape },
            "traces": counts.traces,
            "calls": counts.calls,
            "instead": instead(source, lookup, catalog),
        })
    });
    json!({ "loops": told.collect::<Vec<_>>(), "calls_unnamed": seen.unnamed })
}

/// The one call that replaces the loop.
fn instead(source: &Asked, lookup: &Asked, catalog: &Catalog) -> String {
    let (path, query) = lookup.shape.split_once('?').unwrap_or((&lookup.shape, ""));
    let keys: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_suffix("=eq.$")).collect();
    let [key] = keys[..] else { return "one call that asks for all of them".to_owned() };
    let others: String =
        query.split('&').filter(|pair| !pair.ends_with("=eq.$")).map(|pair| format!("&{pair}")).collect();
    let list = format!("GET {path}?{key}=in.($,$,…){others}");
    let (Some(from), Some(to)) = (relation(catalog, source), relation(catalog, lookup)) else {
        return list;
    };
    // Along a key that is looked up by, from either end.
    let leads = |known: &&ForeignKey| {
        let is_column = |columns: &[String]| matches!(columns, [only] if only == key);
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
    format!("GET {path}?{}", parameters.join("&"))
}

/// The relation that is meant, where only one has that name.
fn relation<'a>(catalog: &'a Catalog, asked: &Asked) -> Option<&'a Relation> {
    let mut named = catalog.relations.values().filter(|relation| *relation.name == *asked.route);
    let first = named.next().filter(|_| !asked.shape.starts_with("/rpc/"))?;
    named.next().is_none().then_some(&**first)
}
