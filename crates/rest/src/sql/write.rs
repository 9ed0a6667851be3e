//! Inserts, updates and deletes, and what they return to the rest of the statement.

use std::sync::Arc;

use pg::catalog::{Function, Relation, RelationKind};

use super::Answer;
use super::condition::condition;
use super::rows::{SOURCE, computed};
use super::writer::Writer;
use crate::plan::{Column, Condition, Conflict, Filled, Join, Node, OrderedBy, Output, Payload, Write};

/// What the rest of the statement needs of the written rows, and nothing else: to return a column takes the
/// right to read it.
pub(super) struct Returned<'a> {
    columns: Vec<String>,
    computed: &'a [Arc<Function>],
    /// Whether each row says if it was inserted.
    inserted: bool,
}

impl<'a> Returned<'a> {
    pub(super) fn of(
        relation: &Relation,
        root: &Node,
        computed: &'a [Arc<Function>],
        answer: &Answer<'_>,
    ) -> Returned<'a> {
        let mut columns: Vec<&str> = answer.traced.columns.iter().map(|key| key.column.as_str()).collect();
        columns.extend(root.outputs.iter().filter_map(Output::column).map(|column| column.name.as_str()));
        for condition in root.outputs.iter().flat_map(Output::filter) {
            condition.columns(&mut |column| columns.push(&column.name));
        }
        columns.extend(root.embeds.iter().flat_map(|embed| embed.join.parent_columns()));
        columns.extend(root.order.iter().filter_map(|term| match &term.target {
            OrderedBy::Own(column) => Some(column.name.as_str()),
            OrderedBy::Count | OrderedBy::Related { .. } | OrderedBy::Spread { .. } => None,
        }));
        columns.retain(|column| computed.iter().all(|function| function.name != **column));
        if root.embeds.iter().any(|embed| matches!(embed.join, Join::Computed { .. })) {
            // The function may look at any of them.
            columns.extend(relation.columns.iter().map(|column| column.name.as_str()));
        }
        let mut unique: Vec<String> = Vec::new();
        for column in columns {
            if unique.iter().all(|known| known != column) {
                unique.push(column.to_owned());
            }
        }
        Returned { columns: unique, computed, inserted: answer.inserted }
    }
}

pub(super) fn write(w: &mut Writer, relation: &Relation, write: &Write, returned: &Returned<'_>) {
    let table = |w: &mut Writer| {
        w.name(&relation.schema).sql(".").name(&relation.name).sql(" as ").numbered(SOURCE, 0);
    };
    match write {
        Write::Insert { payload, conflict, named } => {
            w.sql("insert into ");
            table(w);
            insert(w, payload, named);
            on_conflict(w, payload, conflict.as_ref());
        }
        Write::Update { payload, conditions } => {
            w.sql("update ");
            table(w);
            update(w, payload);
            wheres(w, conditions);
        }
        Write::Delete { conditions } => {
            w.sql("delete from ");
            table(w);
            wheres(w, conditions);
        }
        Write::Nothing => {
            w.sql("select ");
            returning(w, returned);
            w.sql(" from ");
            table(w);
            w.sql(" where false");
            return;
        }
    }
    w.sql(" returning ");
    returning(w, returned);
    if let (true, Write::Insert { conflict: Some(conflict), .. }) = (returned.inserted, write) {
        w.sql(", ");
        inserted(w, relation, conflict);
        w.sql(" as \"courant_inserted\"");
    }
}

/// Whether a row that was written had not been there.
fn inserted(w: &mut Writer, relation: &Relation, conflict: &Conflict) {
    if relation.kind == RelationKind::Table {
        // One that was there has been locked by the update, which leaves its mark in `xmax`.
        w.numbered(SOURCE, 0).sql(".xmax = 0");
        return;
    }
    // Only a table's own rows have it. What is looked up here is as it was before the statement.
    w.sql("not exists (select from ").name(&relation.schema).sql(".").name(&relation.name);
    w.sql(" as \"courant_before\" where ");
    w.list(" and ", &conflict.target, |w, column| {
        w.sql("\"courant_before\".").name(column).sql(" = ").column(SOURCE, 0, column);
    });
    w.sql(")");
}

fn returning(w: &mut Writer, returned: &Returned<'_>) {
    if returned.columns.is_empty() && returned.computed.is_empty() {
        w.sql("1 as \"courant_one\"");
    }
    w.list(", ", &returned.columns, |w, column| {
        w.column(SOURCE, 0, column);
    });
    computed(w, returned.computed, returned.columns.is_empty());
}

fn insert(w: &mut Writer, payload: &Payload, named: &[(Column, String)]) {
    if payload.columns.is_empty() {
        if payload.array {
            // One row of defaults for each element.
            w.sql(" select from json_array_elements(").bind(payload.json.clone());
            w.sql(") as \"courant_body\"");
        } else {
            w.sql(" default values");
        }
        return;
    }
    w.sql(" (");
    w.list(", ", &payload.columns, |w, column| {
        w.name(&column.name);
    });
    w.sql(") select ");
    w.list(", ", &payload.columns, value);
    w.sql(" from ");
    body(w, payload);
    for (position, (column, wanted)) in named.iter().enumerate() {
        w.sql(if position == 0 { " where " } else { " and " });
        let filled = payload.columns.iter().find(|filled| filled.name == column.name);
        value(w, filled.expect("the body of a put fills what its filters name"));
        w.sql(" = ");
        let cast = if column.of_text().is_some() { "::text" } else { "" };
        w.converted(column.of_text(), |w| _ = w.bind(wanted.clone()).sql(cast));
    }
}

fn on_conflict(w: &mut Writer, payload: &Payload, conflict: Option<&Conflict>) {
    let Some(conflict) = conflict else { return };
    w.sql(" on conflict (");
    w.list(", ", &conflict.target, |w, name| {
        w.name(name);
    });
    if !conflict.merge || payload.columns.is_empty() {
        w.sql(") do nothing");
        return;
    }
    w.sql(") do update set ");
    w.list(", ", &payload.columns, |w, column| {
        w.name(&column.name).sql(" = excluded.").name(&column.name);
    });
}

fn update(w: &mut Writer, payload: &Payload) {
    w.sql(" set ");
    w.list(", ", &payload.columns, |w, column| {
        w.name(&column.name).sql(" = ");
        value(w, column);
    });
    if payload.array {
        // Only the first object counts.
        w.sql(" from (select * from ");
        body(w, payload);
        w.sql(" limit 1) as \"courant_body\"");
    } else {
        w.sql(" from ");
        body(w, payload);
    }
}

/// What the body says of a column.
fn value(w: &mut Writer, column: &Filled) {
    w.converted(column.of_json(), |w| _ = w.sql("\"courant_body\".").name(&column.name));
}

/// The body as rows of its columns.
fn body(w: &mut Writer, payload: &Payload) {
    let with_default =
        || payload.columns.iter().filter_map(|column| Some((&column.name, column.default.as_ref()?)));
    let defaults = with_default().next().is_some();
    match (defaults, payload.array) {
        (false, true) => _ = w.sql("json_to_recordset(").bind(payload.json.clone()),
        (false, false) => _ = w.sql("json_to_record(").bind(payload.json.clone()),
        (true, array) => {
            w.sql(if array { "jsonb_to_recordset((select jsonb_agg(" } else { "jsonb_to_record(" });
            w.sql("jsonb_build_object(");
            w.list(", ", with_default(), |w, (name, default)| {
                w.literal(name).sql(", ").default_value(default);
            });
            w.sql(") || ");
            if array {
                w.sql("\"courant_row\") from jsonb_array_elements(").bind(payload.json.clone());
                w.sql(") as \"courant_row\")");
            } else {
                w.bind(payload.json.clone());
            }
        }
    }
    w.sql(") as \"courant_body\"(");
    w.list(", ", &payload.columns, |w, column| {
        w.name(&column.name).sql(" ").type_name(&column.type_name);
    });
    w.sql(")");
}

/// The conditions of an update or a delete, none of which speaks of an embed.
fn wheres(w: &mut Writer, conditions: &[Condition]) {
    for (position, of) in conditions.iter().enumerate() {
        w.sql(if position == 0 { " where " } else { " and " });
        condition(w, 0, &[], of);
    }
}
