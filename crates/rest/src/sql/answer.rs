//! The frame: the answer's columns over the page of rows.

use super::keyset;
use super::rows::{self, PAGE, ROW, TRACE};
use super::writer::Writer;
use super::{Answer, Counted, Form, SCALAR};
use crate::plan::{Node, Output};
use crate::read_set::Traced;

/// Where the log was written up to after the snapshot was taken, so that all it sees lies below; a standby
/// writes none.
const POSITION: &str = "case when pg_is_in_recovery() then null else pg_current_wal_insert_lsn() end::text";

pub(super) fn select(w: &mut Writer, root: &Node, answer: &Answer<'_>) {
    w.sql("select ");
    body(w, root, answer);
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
    if let Some(keyset) = &root.keyset {
        keyset::last(w, keyset);
    }
    if answer.recorded {
        w.sql(", set_config('courant.rows', (select count(*) from \"courant_written\")::text, true)");
        w.sql(" as \"recorded\"");
    }
    if answer.traced.is_empty() && answer.form == Form::Nothing {
        return rows::from(w, root, None);
    }
    w.sql(" from ");
    if answer.traced.is_empty() && root.keyset.is_none() {
        w.sql("(");
        rows::select(w, root, None);
        w.sql(") as ").numbered(ROW, 0);
    } else {
        rows::page(w, root, None, |w, first| root_trace(w, root, answer.traced, first));
    }
}

fn body(w: &mut Writer, root: &Node, answer: &Answer<'_>) {
    match answer.form {
        Form::Nothing => _ = w.sql("null::text"),
        Form::Csv => csv(w, root),
        Form::GeoJson => {
            w.sql("json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(");
            w.sql("st_asgeojson(").numbered(ROW, 0).sql(")::json), '[]'))::text");
        }
        Form::Value { binary } => raw(w, binary, |w| {
            w.sql("(array_agg(").column(ROW, 0, SCALAR).sql(if binary { "::bytea" } else { "::text" });
            w.sql("))[1]");
        }),
        Form::Handled { binary } => raw(w, binary, |w| {
            let (function, relation) = answer.handler.expect("only a handler makes such a body");
            w.name(&function.schema).sql(".").name(&function.name).sql("(").numbered(ROW, 0);
            if function.takes.is_some() {
                w.sql("::").name(&relation.schema).sql(".").name(&relation.name);
            }
            w.sql(")");
        }),
        Form::Array | Form::Object | Form::Values { .. } => json(w, answer),
    }
}

/// A text as it is, or bytes in hexadecimal digits, since the column is a text.
fn raw(w: &mut Writer, binary: bool, value: impl FnOnce(&mut Writer)) {
    w.sql("coalesce(").sql(if binary { "encode(" } else { "" });
    value(w);
    w.sql(if binary { "::bytea, 'hex')" } else { "::text" }).sql(", '')");
}

/// PostgREST's CSV: names as they are, values as PostgreSQL writes a row's.
fn csv(w: &mut Writer, root: &Node) {
    w.sql("case when count(*) > 0 then ");
    let names: Option<Vec<&str>> = root.outputs.iter().map(Output::name).collect();
    match names {
        Some(names) => _ = w.literal(&names.join(",")),
        // The catalog does not list them.
        None => {
            w.sql("(array_agg((select string_agg(\"courant_key\", ',') from json_object_keys(row_to_json(");
            w.numbered(ROW, 0).sql(")) as \"courant_key\")))[1]");
        }
    }
    w.sql(" else '' end || chr(10) || coalesce(string_agg(substring(").numbered(ROW, 0);
    w.sql("::text, 2, length(").numbered(ROW, 0).sql("::text) - 2), chr(10)), '')");
}

fn json(w: &mut Writer, answer: &Answer<'_>) {
    let stripped = answer.media.strips_nulls();
    w.sql(if stripped { "json_strip_nulls(" } else { "" });
    match answer.form {
        Form::Array => w.sql("coalesce(json_agg(").numbered(ROW, 0).sql("), '[]')"),
        Form::Values { set: true } => w.sql("coalesce(json_agg(").column(ROW, 0, SCALAR).sql("), '[]')"),
        Form::Values { set: false } => {
            w.sql("coalesce(json_agg(").column(ROW, 0, SCALAR).sql(")->0, 'null')")
        }
        _ => w.sql("coalesce(json_agg(").numbered(ROW, 0).sql(")->0, 'null')"),
    };
    w.sql(if stripped { ")::text" } else { "::text" });
}

fn total(w: &mut Writer, root: &Node, answer: &Answer<'_>) {
    if answer.inserted {
        w.sql("(select count(*) from \"courant_written\" where \"courant_inserted\")");
    } else if answer.counted == Counted::No {
        w.sql("null::int8");
    } else if let Counted::Within(rows_max) = answer.counted {
        w.sql("(select count(*) from (select 1");
        rows::from_where(w, root, None);
        w.sql(" limit ").bind(rows_max.saturating_add(1).min(i64::MAX as u64).to_string());
        w.sql(") as \"courant_counted\")");
    } else if root.distinct.is_some() {
        w.sql("(select count(*) from (");
        rows::every(w, root);
        w.sql(") as \"courant_counted\")");
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
