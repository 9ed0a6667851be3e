//! The frame: the answer's columns over the page of rows.

use super::rows::{self, PAGE, ROW, TRACE};
use super::writer::Writer;
use super::{Answer, Form};
use crate::plan::Node;
use crate::read_set::Traced;

/// Where the log was written up to after the snapshot was taken, so that all it sees lies below; a standby
/// writes none.
const POSITION: &str = "case when pg_is_in_recovery() then null else pg_current_wal_insert_lsn() end::text";

pub(super) fn select(w: &mut Writer, root: &Node, answer: &Answer<'_>) {
    w.sql("select ");
    body(w, answer);
    w.sql(" as \"body\", count(*) as \"rows\", ");
    total(w, root, answer);
    w.sql(" as \"total\", ");
    w.sql(if answer.read { "pg_current_snapshot()::text" } else { "null::text" });
    w.sql(" as \"snapshot\", ");
    w.sql(if answer.read { POSITION } else { "null::text" });
    w.sql(" as \"position\"");
    for (position, _) in answer.traced.columns.iter().enumerate() {
        w.sql(", coalesce(array_agg(").numbered("key_", position + 1).sql("), '{}') as ");
        w.numbered("key_", position + 1);
    }
    if !answer.traced.below.is_empty() {
        w.sql(", coalesce(json_agg(").column(PAGE, 0, TRACE).sql("), '[]')::text as \"embedded\"");
    }
    if answer.traced.is_empty() && answer.form == Form::Nothing {
        return rows::from(w, root, None);
    }
    w.sql(" from ");
    if answer.traced.is_empty() {
        w.sql("(");
        rows::select(w, root, None);
        w.sql(") as ").numbered(ROW, 0);
    } else {
        rows::page(w, root, None, |w, first| root_trace(w, root, answer.traced, first));
    }
}

fn body(w: &mut Writer, answer: &Answer<'_>) {
    let stripped = answer.media.nulls_stripped && answer.form != Form::Nothing;
    if stripped {
        w.sql("json_strip_nulls(");
    }
    match answer.form {
        Form::Nothing => w.sql("null::text"),
        Form::Array => w.sql("coalesce(json_agg(").numbered(ROW, 0).sql("), '[]')"),
        Form::Object => w.sql("coalesce(json_agg(").numbered(ROW, 0).sql(")->0, 'null')"),
        Form::Values { set: true } => w.sql("coalesce(json_agg(").column(ROW, 0, "value").sql("), '[]')"),
        Form::Values { set: false } => {
            w.sql("coalesce(json_agg(").column(ROW, 0, "value").sql(")->0, 'null')")
        }
    };
    if stripped {
        w.sql(")");
    }
    if answer.form != Form::Nothing {
        w.sql("::text");
    }
}

fn total(w: &mut Writer, root: &Node, answer: &Answer<'_>) {
    if answer.inserted {
        w.sql("(select count(*) from \"courant_written\" where \"courant_inserted\")");
    } else if !answer.counted {
        w.sql("null::int8");
    } else if root.range.limit.is_none() && root.range.offset == 0 && !root.is_grouped() {
        w.sql("count(*)");
    } else {
        w.sql("(select count(*)");
        rows::from_where(w, root, None);
        w.sql(")");
    }
}

/// The root's returned columns, and what is below each row.
fn root_trace(w: &mut Writer, root: &Node, traced: &Traced, first: bool) {
    for (position, key) in traced.columns.iter().enumerate() {
        w.sql(if first && position == 0 { "" } else { ", " });
        rows::key_text(w, root.number, key);
        w.sql(" as ").numbered("key_", position + 1);
    }
    if !traced.below.is_empty() {
        w.sql(if first && traced.columns.is_empty() { "" } else { ", " });
        w.sql("json_build_array(");
        w.list(", ", &traced.below, |w, (below, of)| rows::below(w, root, *below, of));
        w.sql(") as ").name(TRACE);
    }
}
