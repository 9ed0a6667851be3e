//! The rows of one relation and, by lateral joins, of those embedded in it.

use std::sync::Arc;

use pg::Canonical;
use pg::catalog::Function;

use super::condition::{condition, expression};
use super::writer::Writer;
use super::{Key, embed, keyset};
use crate::grammar::Nulls;
use crate::plan::{Alike, Column, Join, Node, Operand, OrderedBy, Ordering, Output, Source, TypeName};
use crate::read_set::{Below, Traced};

/// The alias of a relation.
pub(super) const SOURCE: &str = "courant_";
/// The alias of rows as they are shown.
pub(super) const ROW: &str = "courant_row_";
/// The alias of an embed's lateral join.
pub(super) const EMBED: &str = "courant_embed_";
/// The alias of a junction.
const JUNCTION: &str = "courant_junction_";
/// The alias of rows with what is told of them beside their being shown.
pub(super) const PAGE: &str = "courant_page_";
/// The column that tells it.
pub(super) const TRACE: &str = "trace";

/// Selects the outputs under their names.
pub(super) fn select(w: &mut Writer, node: &Node, parent: Option<(usize, &Join)>) {
    shown(w, node);
    from_where(w, node, parent);
    grouping(w, node);
    order_range(w, node);
}

/// All rows that are shown page by page, in no order.
pub(super) fn every(w: &mut Writer, node: &Node) {
    shown(w, node);
    from_where(w, node, None);
    grouping(w, node);
}

fn shown(w: &mut Writer, node: &Node) {
    w.sql("select ");
    distinct_on(w, node);
    outputs(w, node);
}

fn distinct_on(w: &mut Writer, node: &Node) {
    if let Some(Alike::On(columns)) = &node.distinct {
        w.sql("distinct on (");
        w.list(", ", columns, |w, column| expression(w, node.number, column));
        w.sql(") ");
    }
}

/// Groups by everything that is no aggregate, where there are any.
fn grouping(w: &mut Writer, node: &Node) {
    if !node.is_grouped() {
        return;
    }
    let by = node.outputs.iter().filter(|output| !matches!(output, Output::Aggregate { .. }));
    for (position, of) in by.enumerate() {
        w.sql(if position == 0 { " group by " } else { ", " });
        match of {
            // What is shown as another type is grouped, and may be ordered by, as it is.
            Output::Column { column, .. } => expression(w, node.number, column),
            _ => output(w, node, of),
        }
    }
}

pub(super) fn outputs(w: &mut Writer, node: &Node) {
    w.list(", ", &node.outputs, |w, of| {
        output(w, node, of);
        if let Some(name) = of.name() {
            w.sql(" as ").name(name);
        }
    });
}

/// One output, without its name.
pub(super) fn output(w: &mut Writer, node: &Node, output: &Output) {
    match output {
        Output::All => {
            w.numbered(SOURCE, node.number).sql(".*");
        }
        Output::Column { column, cast, .. } => cast_to(w, node, column, cast.as_ref()),
        Output::Aggregate { function, of, cast, filter, .. } => {
            w.sql(if cast.is_some() { "(" } else { "" }).sql(function.name()).sql("(");
            match of {
                Operand::Rows => _ = w.sql("*"),
                Operand::Column { column, cast } => cast_to(w, node, column, cast.as_ref()),
                Operand::Spread { embed, output } => spread(w, node, *embed, *output),
            }
            w.sql(")");
            if !filter.is_empty() {
                w.sql(" filter (where ");
                w.list(" and ", filter, |w, of| condition(w, node.number, &node.embeds, of));
                w.sql(")");
            }
            if let Some(cast) = cast {
                w.sql(")::").type_name(cast);
            }
        }
        Output::Present { .. } => _ = w.sql("true"),
        Output::Embed { embed, .. } => {
            let embed = &node.embeds[*embed];
            // PostgreSQL can tell whether two values are equal of `jsonb` only.
            let grouped = if node.is_grouped() { "::jsonb" } else { "" };
            if embed.to_one {
                w.column(EMBED, embed.node.number, "value").sql(grouped);
            } else {
                w.sql("coalesce(").column(EMBED, embed.node.number, "value").sql(grouped).sql(", '[]')");
            }
        }
        Output::Spread { embed, output, .. } => spread(w, node, *embed, *output),
    }
}

fn cast_to(w: &mut Writer, node: &Node, column: &Column, cast: Option<&TypeName>) {
    let shown = |w: &mut Writer| w.converted(column.shown(), |w| expression(w, node.number, column));
    let Some(cast) = cast else { return shown(w) };
    w.sql("(");
    shown(w);
    w.sql(")::").type_name(cast);
}

/// What a spread embed contributes.
fn spread(w: &mut Writer, node: &Node, embed: usize, output: usize) {
    let embed = &node.embeds[embed];
    w.numbered(EMBED, embed.node.number).sql(".").numbered("column_", output);
    if !embed.to_one && node.is_grouped() && node.enclosed {
        w.sql("::jsonb");
    }
}

/// The relation, its embeds and all conditions; as an embed itself, those that join it to its parent.
pub(super) fn from_where(w: &mut Writer, node: &Node, parent: Option<(usize, &Join)>) {
    from(w, node, parent);
    conditions(w, node, parent);
}

pub(super) fn from(w: &mut Writer, node: &Node, parent: Option<(usize, &Join)>) {
    w.sql(" from ");
    match &node.source {
        _ if let Some((number, Join::Computed { function, row_of })) = parent => {
            embed::computed_rows(w, number, function, row_of.as_deref());
            &mut *w
        }
        Source::Relation(relation) => w.name(&relation.schema).sql(".").name(&relation.name),
        Source::Called => w.sql("\"courant_called\""),
        Source::Written => w.sql("\"courant_written\""),
    };
    w.sql(" as ").numbered(SOURCE, node.number);
    if let Some((_, Join::Through { junction, far, .. })) = parent {
        w.sql(" inner join ").name(&junction.schema).sql(".").name(&junction.name);
        w.sql(" as ").numbered(JUNCTION, node.number).sql(" on ");
        w.list(" and ", far, |w, (junction, embedded)| {
            w.column(JUNCTION, node.number, junction).sql(" = ").column(SOURCE, node.number, embedded);
        });
    }
    for embed in &node.embeds {
        embed::lateral(w, node, embed);
    }
}

/// Computed fields of the root's rows under their names, after other columns or as the `first` ones.
pub(super) fn computed(w: &mut Writer, functions: &[Arc<Function>], first: bool) {
    for (position, function) in functions.iter().enumerate() {
        w.sql(if first && position == 0 { "" } else { ", " });
        w.name(&function.schema).sql(".").name(&function.name);
        w.sql("(").numbered(SOURCE, 0).sql(") as ").name(&function.name);
    }
}

pub(super) fn conditions(w: &mut Writer, node: &Node, parent: Option<(usize, &Join)>) {
    let mut first = true;
    let mut and = |w: &mut Writer| {
        w.sql(if std::mem::take(&mut first) { " where " } else { " and " });
    };
    if let Some((number, join)) = parent {
        let (pairs, alias) = match join {
            Join::Direct(pairs) => (pairs.as_slice(), SOURCE),
            Join::Through { near, .. } => (near.as_slice(), JUNCTION),
            Join::Computed { .. } => (&[][..], SOURCE),
        };
        for (of_parent, own) in pairs {
            and(w);
            w.column(alias, node.number, own).sql(" = ").column(SOURCE, number, of_parent);
        }
    }
    for of in &node.conditions {
        and(w);
        condition(w, node.number, &node.embeds, of);
    }
}

/// Rows to be shown under [`ROW`], and beside them, under [`PAGE`], what `more` writes: so that may have any
/// name, and is not shown. `more` is told whether it writes the first column.
pub(super) fn page(
    w: &mut Writer,
    node: &Node,
    parent: Option<(usize, &Join)>,
    more: impl Fn(&mut Writer, bool),
) {
    w.sql("(");
    match &node.keyset {
        Some(keyset) => keyset::page(w, node, keyset, &more),
        None => {
            paged(w, node, &more);
            from_where(w, node, parent);
            order_range(w, node);
        }
    }
    w.sql(") as ").numbered(PAGE, node.number).sql(" cross join lateral (select ");
    w.list(", ", node.outputs.iter().enumerate(), |w, (position, output)| {
        w.numbered(PAGE, node.number).sql(".").numbered("column_", position);
        w.sql(" as ").name(output.name().expect("a relation's outputs have names"));
    });
    w.sql(") as ").numbered(ROW, node.number);
}

/// The rows' columns by number, and what `more` writes.
pub(super) fn paged(w: &mut Writer, node: &Node, more: &impl Fn(&mut Writer, bool)) {
    w.sql("select ");
    distinct_on(w, node);
    w.list(", ", node.outputs.iter().enumerate(), |w, (position, of)| {
        output(w, node, of);
        w.sql(" as ").numbered("column_", position);
    });
    more(w, node.outputs.is_empty());
}

/// What is told of one row: its returned columns, then what is below it.
pub(super) fn trace(w: &mut Writer, node: &Node, traced: &Traced) {
    w.sql("json_build_array(");
    w.list(", ", &traced.columns, |w, key| key_text(w, node.number, key));
    for (position, (of, traced)) in traced.below.iter().enumerate() {
        w.sql(if position == 0 && traced.columns.is_empty() { "" } else { ", " });
        below(w, node, *of, traced);
    }
    w.sql(")");
}

/// What is below one row: the traces of the embedded rows, or the junction's rows, shown or not.
pub(super) fn below(w: &mut Writer, node: &Node, below: Below, traced: &Traced) {
    let (Below::Embed(number) | Below::Junction(number)) = below;
    let embed = &node.embeds[number];
    match (below, &embed.join) {
        (Below::Junction(_), Join::Through { junction, near, .. }) => {
            let number = embed.node.number;
            w.sql("(select json_agg(")
                .column(JUNCTION, number, TRACE)
                .sql(") from (select json_build_array(");
            w.list(", ", &traced.columns, |w, key| text(w, JUNCTION, number, key));
            w.sql(") as ").name(TRACE).sql(" from ").name(&junction.schema).sql(".").name(&junction.name);
            w.sql(" as ").numbered(JUNCTION, number).sql(" where ");
            w.list(" and ", near, |w, (of_parent, own)| {
                w.column(JUNCTION, number, own).sql(" = ").column(SOURCE, node.number, of_parent);
            });
            w.sql(" limit ")
                .bind(traced.told_max.to_string())
                .sql(") as ")
                .numbered(JUNCTION, number)
                .sql(")");
        }
        _ => _ = w.column(EMBED, embed.node.number, TRACE),
    }
}

/// A column's value as text.
pub(super) fn key_text(w: &mut Writer, number: usize, key: &Key) {
    text(w, SOURCE, number, key);
}

/// The text that the log has for the value: a boolean is `t` there, but `true` by a cast.
fn text(w: &mut Writer, alias: &'static str, number: usize, key: &Key) {
    if key.canonical == Some(Canonical::Boolean) {
        w.sql("case when ").column(alias, number, &key.column).sql(" then 't' else 'f' end");
    } else {
        w.column(alias, number, &key.column).sql("::text");
    }
}

/// The order and the range.
pub(super) fn order_range(w: &mut Writer, node: &Node) {
    if !node.order.is_empty() {
        w.sql(" order by ");
        w.list(", ", &node.order, |w, term| {
            match &term.target {
                OrderedBy::Own(column) => expression(w, node.number, column),
                OrderedBy::Count => _ = w.sql("count(*)"),
                OrderedBy::Related { embed, column } => {
                    let number = node.embeds[*embed].node.number;
                    w.numbered(EMBED, number).sql(".").numbered("order_", *column);
                }
                OrderedBy::Spread { embed, output } => spread(w, node, *embed, *output),
            }
            direction(w, term);
        });
    }
    range(w, node);
}

pub(super) fn direction(w: &mut Writer, term: &Ordering) {
    w.sql(match term.descending {
        None => "",
        Some(false) => " asc",
        Some(true) => " desc",
    });
    w.sql(match term.nulls {
        None => "",
        Some(Nulls::First) => " nulls first",
        Some(Nulls::Last) => " nulls last",
    });
}

pub(super) fn range(w: &mut Writer, node: &Node) {
    if let Some(limit) = node.range.limit {
        w.sql(" limit ").bind(limit.min(i64::MAX as u64).to_string());
    }
    if node.range.offset > 0 {
        w.sql(" offset ").bind(node.range.offset.min(i64::MAX as u64).to_string());
    }
}
