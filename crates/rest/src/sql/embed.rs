//! Embedded rows, each joined to its parent laterally.
//!
//! An embed is joined as one row with the column `value`: the object, or the array of objects, or null
//! where nothing was found. PostgREST makes it `jsonb`, and what it shows are that type's spaces and its order
//! of keys; one conversion of the outermost value gives the same bytes as one at every level.

use pg::catalog::{Function, Relation};

use super::condition::expression;
use super::rows::{
    EMBED, PAGE, ROW, SOURCE, TRACE, conditions, from, from_where, order_range, output, outputs, page,
    select, trace,
};
use super::writer::Writer;
use crate::plan::{Embed, Node};

pub(super) fn lateral(w: &mut Writer, parent: &Node, embed: &Embed) {
    let node = &embed.node;
    w.sql(if embed.inner { " inner join lateral (" } else { " left join lateral (" });
    if embed.spread && !embed.to_one {
        spread_many(w, parent, embed);
    } else if embed.to_one && node.is_grouped() {
        w.sql("select row_to_json(").numbered(ROW, node.number).sql(")");
        w.sql(if parent.enclosed { "" } else { "::jsonb" }).sql(" as \"value\" from (");
        select(w, node, Some((parent.number, &embed.join)));
        w.sql(") as ").numbered(ROW, node.number);
    } else if embed.to_one {
        to_one(w, parent, embed);
    } else {
        w.sql("select json_agg(").numbered(ROW, node.number).sql(")");
        w.sql(if parent.enclosed { "" } else { "::jsonb" }).sql(" as \"value\"");
        let joined = Some((parent.number, &embed.join));
        if embed.traced.is_empty() {
            w.sql(" from (");
            select(w, node, joined);
            w.sql(") as ").numbered(ROW, node.number);
        } else {
            w.sql(", json_agg(").column(PAGE, node.number, TRACE).sql(") as ").name(TRACE);
            w.sql(" from ");
            page(w, node, joined, |w, first| {
                w.sql(if first { "" } else { ", " });
                trace(w, node, &embed.traced);
                w.sql(" as ").name(TRACE);
            });
        }
    }
    w.sql(") as ").numbered(EMBED, node.number);
    if embed.inner && !embed.to_one {
        w.sql(" on ").column(EMBED, node.number, "value").sql(" is not null");
    } else {
        w.sql(" on true");
    }
}

/// The rows column by column, each as an array.
fn spread_many(w: &mut Writer, parent: &Node, embed: &Embed) {
    let node = &embed.node;
    w.sql("select case when count(*) > 0 then true end as \"value\"");
    for position in 0..node.outputs.len() {
        w.sql(", coalesce(json_agg(").numbered(ROW, node.number).sql(".").numbered("column_", position);
        w.sql("), '[]')").sql(if parent.enclosed { "" } else { "::jsonb" });
        w.sql(" as ").numbered("column_", position);
    }
    w.sql(" from (select ");
    w.list(", ", node.outputs.iter().enumerate(), |w, (position, of)| {
        output(w, node, of);
        w.sql(" as ").numbered("column_", position);
    });
    from_where(w, node, Some((parent.number, &embed.join)));
    order_range(w, node);
    w.sql(") as ").numbered(ROW, node.number);
}

/// The one row: as an object, or column by column where it is spread; and what the parent is ordered by.
fn to_one(w: &mut Writer, parent: &Node, embed: &Embed) {
    let node = &embed.node;
    w.sql("select ");
    if embed.spread {
        w.sql("true as \"value\"");
        for (position, of) in node.outputs.iter().enumerate() {
            w.sql(", ");
            output(w, node, of);
            w.sql(" as ").numbered("column_", position);
        }
    } else {
        w.sql("row_to_json(").numbered(ROW, node.number).sql(")");
        w.sql(if parent.enclosed { "" } else { "::jsonb" }).sql(" as \"value\"");
    }
    if !embed.traced.is_empty() {
        w.sql(", json_build_array(");
        trace(w, node, &embed.traced);
        w.sql(") as ").name(TRACE);
    }
    for (position, column) in embed.ordered_by.iter().enumerate() {
        w.sql(", ");
        expression(w, node.number, column);
        w.sql(" as ").numbered("order_", position);
    }
    from(w, node, Some((parent.number, &embed.join)));
    if !embed.spread {
        // The row is made beside the relation, so that columns to order by stay out of it.
        w.sql(" cross join lateral (select ");
        outputs(w, node);
        w.sql(") as ").numbered(ROW, node.number);
    }
    conditions(w, node, Some((parent.number, &embed.join)));
    order_range(w, node);
}

/// The rows that a function finds for its parent's.
pub(super) fn computed_rows(w: &mut Writer, number: usize, function: &Function, row_of: Option<&Relation>) {
    w.name(&function.schema).sql(".").name(&function.name).sql("(");
    match row_of {
        Some(relation) => {
            w.sql("row(");
            w.list(", ", &relation.columns, |w, column| {
                w.column(SOURCE, number, &column.name);
            });
            w.sql(")::").name(&relation.schema).sql(".").name(&relation.name);
        }
        None => _ = w.numbered(SOURCE, number),
    }
    w.sql(")");
}
