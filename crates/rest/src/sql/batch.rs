//! One statement for several requests that differ in nothing but their parameters.
//!
//! Each request's own statement stands in a lateral join, where its parameters are columns of a list; so each
//! row of the result is what the request's own statement would have returned. Only for rows named by their
//! whole primary key: what costs an index lookup each, and no more together than apart.
//!
//! The list is JSON and no array: of an array PostgreSQL counts the elements to plan by, finds that fewer cost less than
//! the ten of its generic plan, and so plans anew each time, which takes longer than the query.

use std::ops::Range;

use pg::catalog::{Relation, RelationKind};
use pg::{Parameter, Statement};
use serde_json::Value;

use crate::grammar::{Comparison, Test};
use crate::plan::{Column, Condition, Node, Source};

/// A type whose literals PostgreSQL reads alike in a comparison and in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    Text,
    Uuid,
}

impl Scalar {
    /// The type that PostgreSQL infers for a literal that is compared with such a column.
    pub(super) fn of(type_id: u32) -> Option<Scalar> {
        match type_id {
            16 => Some(Scalar::Bool),
            20 => Some(Scalar::Int8),
            21 => Some(Scalar::Int2),
            23 => Some(Scalar::Int4),
            25 | 1043 => Some(Scalar::Text),
            2950 => Some(Scalar::Uuid),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Scalar::Bool => "bool",
            Scalar::Int2 => "int2",
            Scalar::Int4 => "int4",
            Scalar::Int8 => "int8",
            Scalar::Text => "text",
            Scalar::Uuid => "uuid",
        }
    }
}

/// Where a parameter stands in a statement, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Range<usize>,
    pub(super) scalar: Scalar,
}

/// What it takes to ask a statement for several requests at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batchable {
    places: Box<[Place]>,
}

impl Batchable {
    /// Of a read whose every parameter is one of these.
    pub(super) fn new(root: &Node, places: Vec<Place>) -> Option<Batchable> {
        let Source::Relation(relation) = &root.source else { return None };
        let stored = matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned);
        let plain = root.embeds.is_empty() && !root.is_collapsed() && root.computed().is_empty();
        let plain = plain && root.keyset.is_none();
        let is_cheap = stored && plain && is_point(relation, &root.conditions);
        is_cheap.then(|| Batchable { places: places.into() })
    }

    /// The statement for requests with these parameters, each as many as the one request's statement `one`
    /// has. It returns a row for each, with its number from one on as the last column, `nth int8`.
    pub fn statement(&self, one: &str, asked: &[Vec<Parameter>]) -> Statement {
        let mut sql = String::with_capacity(one.len() + 256);
        sql.push_str("select \"courant_one\".*, \"courant_batch\".\"nth\" from rows from (");
        for number in 1..=self.places.len() {
            let between = if number > 1 { ", " } else { "" };
            sql.push_str(&format!("{between}json_array_elements_text(${number})"));
        }
        sql.push_str(") with ordinality as \"courant_batch\" (");
        (0..self.places.len()).for_each(|number| sql.push_str(&format!("\"p{number}\", ")));
        sql.push_str("\"nth\"), lateral (");
        let mut from = 0;
        for (number, place) in self.places.iter().enumerate() {
            sql.push_str(&one[from..place.at.start]);
            sql.push_str(&format!("\"courant_batch\".\"p{number}\"::{}", place.scalar.name()));
            from = place.at.end;
        }
        sql.push_str(&one[from..]);
        sql.push_str(") as \"courant_one\"");
        let list = |number: usize| {
            let texts: Vec<Value> = asked.iter().map(|parameters| value(&parameters[number])).collect();
            Parameter::Text(Value::from(texts).to_string().into())
        };
        Statement { sql, parameters: (0..self.places.len()).map(list).collect() }
    }
}

fn value(parameter: &Parameter) -> Value {
    match parameter {
        Parameter::Text(text) => Value::from(String::from_utf8_lossy(text)),
        Parameter::Null => Value::Null,
    }
}

/// Whether the conditions name one row by its whole primary key.
fn is_point(relation: &Relation, conditions: &[Condition]) -> bool {
    let names = |key: &String| conditions.iter().any(|condition| compares(condition, key));
    !relation.primary_key.is_empty() && relation.primary_key.iter().all(names)
}

fn compares(condition: &Condition, key: &str) -> bool {
    let Condition::Test { column: Column { name, path, .. }, negated: false, test } = condition else {
        return false;
    };
    let equal = matches!(test, Test::Compare { comparison: Comparison::Equal, quantifier: None, .. });
    equal && path.is_empty() && name == key
}
