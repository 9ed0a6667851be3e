//! Pages that go on from where the last one ended, by the values of its last row.
//!
//! A cursor is an order and those values, no more: what it asks is what filters on the same columns could ask, so that
//! one which somebody made up yields nothing that the client might not read anyway. The order is made whole by the
//! primary key, in which no two rows tie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use pg::catalog::RelationKind;

use super::read::known;
use super::tree::{Column, Node, OrderedBy, Ordering};
use crate::Error;
use crate::grammar::{Nulls, Step};

/// Where a page goes on, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct Keyset {
    /// What the page is ordered by: no two rows have the same.
    pub(crate) keys: Vec<OrderKey>,
    /// The values of the last row of the page before; none for the first page.
    pub(crate) after: Option<Vec<Option<String>>>,
    /// The order as a text, by which a cursor of another one is known.
    pub(crate) order: String,
}

/// One column of an order.
#[derive(Clone, Debug)]
pub(crate) struct OrderKey {
    pub(crate) column: Column,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
    pub(crate) nullable: bool,
}

impl Keyset {
    /// Whether a comparison of rows says what comes after.
    pub(crate) fn is_one_comparison(&self) -> bool {
        let alike = self.keys.windows(2).all(|pair| pair[0].descending == pair[1].descending);
        alike && self.keys.iter().all(|key| !key.nullable)
    }
}

/// Has the root's page go on from a cursor, and its order end in the primary key.
pub(super) fn settle(root: &mut Node, cursor: &str) -> Result<(), Error> {
    let relation = root.relation.clone();
    let table = relation.filter(|of| {
        matches!(of.kind, RelationKind::Table | RelationKind::Partitioned) && !of.primary_key.is_empty()
    });
    let Some(table) = table else { return Err(refused("a cursor needs a table with a primary key")) };
    if root.range.limit.is_none() || root.range.offset > 0 {
        return Err(refused("a cursor needs a limit, and takes no offset"));
    }
    if root.is_collapsed() {
        return Err(refused("a cursor goes through a table's own rows, not through groups of them"));
    }
    let direction = root.order.last().and_then(|term| term.descending);
    for name in &table.primary_key {
        let named = |term: &Ordering| matches!(&term.target, OrderedBy::Own(column) if column.name == *name && column.path.is_empty());
        if let Some(column) = table.column(name).filter(|_| !root.order.iter().any(named)) {
            let target = OrderedBy::Own(known(column, Vec::new()));
            root.order.push(Ordering { target, descending: direction, nulls: None });
        }
    }
    let mut keys = Vec::with_capacity(root.order.len());
    for term in &root.order {
        let OrderedBy::Own(column) = &term.target else {
            return Err(refused("a cursor needs an order by the table's own columns"));
        };
        let descending = term.descending.unwrap_or(false);
        let nulls_first = term.nulls.map_or(descending, |nulls| nulls == Nulls::First);
        let plain = column.path.is_empty() && column.computed.is_none();
        let nullable = !plain || table.column(&column.name).is_none_or(|column| column.nullable);
        keys.push(OrderKey { column: column.clone(), descending, nulls_first, nullable });
    }
    let order = keys.iter().map(told).collect::<Vec<_>>().join(",");
    let after = if cursor.is_empty() { None } else { Some(decoded(cursor, &order, keys.len())?) };
    root.keyset = Some(Keyset { keys, after, order });
    Ok(())
}

fn told(key: &OrderKey) -> String {
    let OrderKey { column, descending, nulls_first, .. } = key;
    let path: String = column
        .path
        .iter()
        .map(|arrow| match &arrow.step {
            Step::Key(step) => format!("->{step:?}"),
            Step::Index(step) => format!("->{step}"),
        })
        .collect();
    let direction = if *descending { "desc" } else { "asc" };
    let nulls = if *nulls_first { "nullsfirst" } else { "nullslast" };
    format!("{:?}{path}.{direction}.{nulls}", column.name)
}

/// The cursor for what comes after a row with these values, an array of JSON.
pub(crate) fn encoded(order: &str, values: &str) -> Option<String> {
    let values: Vec<Option<String>> = serde_json::from_str(values).ok()?;
    let text = serde_json::to_string(&(order, values)).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text))
}

fn decoded(cursor: &str, order: &str, count: usize) -> Result<Vec<Option<String>>, Error> {
    let unknown = || refused("the cursor is none of this server's");
    let text = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unknown())?;
    let (of, values): (String, Vec<Option<String>>) = serde_json::from_slice(&text).map_err(|_| unknown())?;
    if values.iter().flatten().any(|value| value.contains('\0')) {
        return Err(unknown());
    }
    if of != order || values.len() != count {
        return Err(refused("the cursor is of another order"));
    }
    Ok(values)
}

fn refused(details: &str) -> Error {
    Error::new(StatusCode::BAD_REQUEST, "COURANT002", "The cursor cannot be followed").details(details)
}
