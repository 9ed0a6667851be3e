//! Inserts, updates and deletes, and what they return to the rest of the statement.

use std::sync::Arc;

use bytes::Bytes;
use pg::catalog::{Function, Relation};

use super::Answer;
use super::condition::condition;
use super::rows::{SOURCE, computed};
use super::writer::Writer;
use crate::plan::{Assigned, Condition, Conflict, Join, Node, OrderedBy, Output, TypeName, Write};

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
        Write::Insert { columns, json, array, conflict } => {
            w.sql("insert into ");
            table(w);
            insert(w, columns, json, *array, conflict.as_ref());
        }
        Write::Update { assigned, json, array, conditions } => {
            w.sql("update ");
            table(w);
            update(w, assigned, json, *array);
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
    if returned.inserted {
        // A row that was there has been locked by the update, which leaves its mark in `xmax`.
        w.sql(", ").numbered(SOURCE, 0).sql(".xmax = 0 as \"courant_inserted\"");
    }
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

fn insert(
    w: &mut Writer,
    columns: &[(String, TypeName)],
    json: &Bytes,
    array: bool,
    conflict: Option<&Conflict>,
) {
    let names = |w: &mut Writer| {
        w.list(", ", columns, |w, (name, _)| {
            w.name(name);
        });
    };
    match (columns.is_empty(), array) {
        (true, false) => {
            w.sql(" default values");
        }
        // One row of defaults for each element.
        (true, true) => {
            w.sql(" select from json_array_elements(").bind(json.clone()).sql(") as \"courant_body\"");
        }
        (false, _) => {
            w.sql(" (");
            names(w);
            w.sql(") select ");
            w.list(", ", columns, |w, (name, _)| {
                w.sql("\"courant_body\".").name(name);
            });
            w.sql(" from ");
            body(w, columns.iter().map(|(name, type_name)| (name, type_name)), json, array);
        }
    }
    let Some(conflict) = conflict else { return };
    w.sql(" on conflict (");
    w.list(", ", &conflict.target, |w, name| {
        w.name(name);
    });
    if !conflict.merge || columns.is_empty() {
        w.sql(") do nothing");
        return;
    }
    w.sql(") do update set ");
    w.list(", ", columns, |w, (name, _)| {
        w.name(name).sql(" = excluded.").name(name);
    });
}

fn update(w: &mut Writer, assigned: &[(String, Assigned)], json: &Bytes, array: bool) {
    w.sql(" set ");
    w.list(", ", assigned, |w, (name, value)| {
        w.name(name);
        match value {
            Assigned::Body(_) => w.sql(" = \"courant_body\".").name(name),
            Assigned::Default => w.sql(" = default"),
        };
    });
    let of_body = assigned.iter().filter_map(|(name, value)| match value {
        Assigned::Body(type_name) => Some((name, type_name)),
        Assigned::Default => None,
    });
    if of_body.clone().next().is_none() {
        return;
    }
    if array {
        // Only the first object counts.
        w.sql(" from (select * from ");
        body(w, of_body, json, true);
        w.sql(" limit 1) as \"courant_body\"");
    } else {
        w.sql(" from ");
        body(w, of_body, json, false);
    }
}

/// The body as rows of these columns.
fn body<'a>(
    w: &mut Writer,
    columns: impl Iterator<Item = (&'a String, &'a TypeName)>,
    json: &Bytes,
    array: bool,
) {
    w.sql(if array { "json_to_recordset(" } else { "json_to_record(" });
    w.bind(json.clone()).sql(") as \"courant_body\"(");
    w.list(", ", columns, |w, (name, type_name)| {
        w.name(name).sql(" ").type_name(type_name);
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
