//! A page that goes on from a place in its order, read by index ranges however deep the place is.
//!
//! What comes after a place with the values `a, b` is what has the same `a` and a later `b`, and what has a later
//! `a`: each is a branch of its own, which an index on the order reads from its first row on, and gives at most a
//! page. Where all columns go in one direction and hold no nulls, one comparison of rows says it all.

use super::condition::expression;
use super::rows::{PAGE, direction, from_where, order_range, paged, range};
use super::writer::Writer;
use crate::plan::{Keyset, Node, OrderKey};

/// A column by which the page is ordered.
const SORT: &str = "sort_";

/// What must hold of one key.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The same value, or null as well.
    Same(Option<&'a str>),
    /// A later value.
    After(&'a str),
    Null,
    NotNull,
}

/// The page, with the values by which it is ordered as columns.
pub(super) fn page(w: &mut Writer, node: &Node, keyset: &Keyset, more: &impl Fn(&mut Writer, bool)) {
    let Some(values) = &keyset.after else { return branch(w, (node, keyset), more, None) };
    if keyset.is_one_comparison() {
        return branch(w, (node, keyset), more, Some(&|w| compared(w, keyset, values)));
    }
    let branches = branches(&keyset.keys, values);
    if branches.is_empty() {
        // Nothing comes after nulls that come last.
        return branch(w, (node, keyset), more, Some(&|w| _ = w.sql("false")));
    }
    w.sql("select * from (");
    w.list(" union all ", &branches, |w, places| {
        w.sql("(");
        let holds = |w: &mut Writer| {
            w.list(" and ", places.iter().enumerate(), |w, (key, place)| holds(w, &keyset.keys[key], *place));
        };
        branch(w, (node, keyset), more, Some(&holds));
        w.sql(")");
    });
    w.sql(") as \"courant_branches\" order by ");
    w.list(", ", node.order.iter().enumerate(), |w, (position, term)| {
        w.numbered(SORT, position);
        direction(w, term);
    });
    range(w, node);
}

/// The first rows for which one more condition holds.
fn branch(
    w: &mut Writer,
    (node, keyset): (&Node, &Keyset),
    more: &impl Fn(&mut Writer, bool),
    further: Option<&dyn Fn(&mut Writer)>,
) {
    paged(w, node, more);
    for (position, key) in keyset.keys.iter().enumerate() {
        w.sql(", ");
        expression(w, node.number, &key.column);
        w.sql(" as ").numbered(SORT, position);
    }
    from_where(w, node, None);
    if let Some(further) = further {
        w.sql(if node.conditions.is_empty() { " where " } else { " and " });
        further(w);
    }
    order_range(w, node);
}

/// `(a, b) > ($1, $2)`
fn compared(w: &mut Writer, keyset: &Keyset, values: &[Option<String>]) {
    w.sql("(");
    w.list(", ", &keyset.keys, |w, key| expression(w, 0, &key.column));
    w.sql(if keyset.keys.iter().any(|key| key.descending) { ") < (" } else { ") > (" });
    w.list(", ", values, |w, value| {
        w.bind(value.clone().unwrap_or_default());
    });
    w.sql(")");
}

/// What comes after these values, nearest first: the same in all keys but the last, and later in that.
fn branches<'a>(keys: &[OrderKey], values: &'a [Option<String>]) -> Vec<Vec<Place<'a>>> {
    let mut branches = Vec::new();
    for (last, key) in keys.iter().enumerate().rev() {
        let later = match values[last].as_deref() {
            Some(value) if key.nullable && !key.nulls_first => vec![Place::After(value), Place::Null],
            Some(value) => vec![Place::After(value)],
            None if key.nulls_first => vec![Place::NotNull],
            None => Vec::new(),
        };
        for place in later {
            let same = values[..last].iter().map(|value| Place::Same(value.as_deref()));
            branches.push(same.chain([place]).collect());
        }
    }
    branches
}

fn holds(w: &mut Writer, key: &OrderKey, place: Place<'_>) {
    expression(w, 0, &key.column);
    match place {
        Place::Same(None) | Place::Null => _ = w.sql(" is null"),
        Place::NotNull => _ = w.sql(" is not null"),
        Place::Same(Some(value)) => _ = w.sql(" = ").bind(value.to_owned()),
        Place::After(value) => {
            _ = w.sql(if key.descending { " < " } else { " > " }).bind(value.to_owned());
        }
    }
}

/// The values of the page's last row, as texts in an array of JSON.
pub(super) fn last(w: &mut Writer, keyset: &Keyset) {
    w.sql(", (array_agg(json_build_array(");
    w.list(", ", 0..keyset.keys.len(), |w, position| {
        w.numbered(PAGE, 0).sql(".").numbered(SORT, position).sql("::text");
    });
    w.sql(")::text))[count(*)::int4] as \"cursor\"");
}
