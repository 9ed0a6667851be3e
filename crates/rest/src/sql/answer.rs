//! The frame: the answer's columns over the page of rows.

use pg::Canonical;

use super::rows::{self, ROW};
use super::writer::Writer;
use super::{Answer, Form, Key};
use crate::plan::Node;

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
    for (position, _) in answer.keys.iter().enumerate() {
        w.sql(", coalesce(array_agg(").numbered("key_", position + 1).sql("), '{}') as ");
        w.numbered("key_", position + 1);
    }
    if answer.keys.is_empty() && answer.form == Form::Nothing {
        return rows::from(w, root, None);
    }
    w.sql(" from ");
    if answer.keys.is_empty() {
        w.sql("(");
        rows::select(w, root, None);
        w.sql(") as ").numbered(ROW, 0);
    } else {
        page_with_keys(w, root, answer.keys);
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
    } else if root.range.limit.is_none() && root.range.offset == 0 {
        w.sql("count(*)");
    } else {
        w.sql("(select count(*)");
        rows::from_where(w, root, None);
        w.sql(")");
    }
}

/// The page's columns and keys under names of Courant's own, and the row to be shown made of the former:
/// so a key need not be selected, and may have any name.
fn page_with_keys(w: &mut Writer, root: &Node, keys: &[Key]) {
    w.sql("(select ");
    w.list(", ", root.outputs.iter().enumerate(), |w, (position, output)| {
        rows::output(w, root, output);
        w.sql(" as ").numbered("column_", position);
    });
    for (position, key) in keys.iter().enumerate() {
        w.sql(if position == 0 && root.outputs.is_empty() { "" } else { ", " });
        key_text(w, key);
        w.sql(" as ").numbered("key_", position + 1);
    }
    rows::from_where(w, root, None);
    rows::order_range(w, root);
    w.sql(") as \"courant_page\" cross join lateral (select ");
    w.list(", ", root.outputs.iter().enumerate(), |w, (position, output)| {
        w.sql("\"courant_page\".").numbered("column_", position);
        w.sql(" as ").name(output.name().expect("a relation's outputs have names"));
    });
    w.sql(") as ").numbered(ROW, 0);
}

/// The text that the log has for the value: a boolean is `t` there, but `true` by a cast.
fn key_text(w: &mut Writer, key: &Key) {
    if key.canonical == Some(Canonical::Boolean) {
        w.sql("case when ").column(rows::SOURCE, 0, &key.column).sql(" then 't' else 'f' end");
    } else {
        w.column(rows::SOURCE, 0, &key.column).sql("::text");
    }
}
