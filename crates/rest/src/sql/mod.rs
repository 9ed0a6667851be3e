//! The one writer of SQL: a plan's tree to one statement that returns one row.
//!
//! Every statement has the same frame, `select <answer> from <page>`, with what it calls or writes before
//! it as a common table expression. Input is resolved; nothing here can fail.

mod answer;
mod batch;
mod call;
mod condition;
mod embed;
mod keyset;
mod rows;
mod write;
mod writer;

use std::sync::Arc;

use pg::catalog::{Function, Relation};
use pg::{Canonical, Statement};

use crate::media::Media;
use crate::plan::{Call, Node, Write};
use crate::read_set::Traced;
use writer::Writer;

pub use batch::Batchable;
pub(crate) use condition::array_literal;

/// The column of rows that are scalars.
pub(crate) const SCALAR: &str = "pgrst_scalar";

/// What the answer's row is to hold.
pub(crate) struct Answer<'a> {
    pub(crate) form: Form,
    pub(crate) media: &'a Media,
    /// The aggregate that makes the body, and of which relation's rows.
    pub(crate) handler: Option<(&'a Function, &'a Relation)>,
    pub(crate) counted: Counted,
    /// What is returned beside the body of the root's rows and of those below them.
    pub(crate) traced: &'a Traced,
    /// Whether the snapshot is told.
    pub(crate) read: bool,
    /// Whether the total is that of the rows which an upsert inserted, as opposed to updated.
    pub(crate) inserted: bool,
    /// Whether the number of written rows is left for the audit log.
    pub(crate) recorded: bool,
}

/// How many rows there are, whatever the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Not asked.
    No,
    /// All of them are counted.
    Exact,
    /// They are counted until they are more than these.
    Within(u64),
}

/// The form of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An array of objects.
    Array,
    /// The first object.
    Object,
    /// The column [`SCALAR`] alone, of all rows or of the first.
    Values { set: bool },
    /// The column [`SCALAR`] of the first row as it is: a text, or bytes in hexadecimal digits.
    Value { binary: bool },
    /// A line of names, then a line for each row.
    Csv,
    /// A collection of features (PostGIS).
    GeoJson,
    /// What [`Answer::handler`] makes of all rows: a text, or bytes in hexadecimal digits.
    Handled { binary: bool },
    /// None.
    Nothing,
}

impl Form {
    /// Of rows that have columns.
    pub(crate) fn of_rows(media: &Media) -> Form {
        match media {
            Media::Json { singular: true, .. } => Form::Object,
            Media::Json { singular: false, .. } => Form::Array,
            Media::Csv => Form::Csv,
            Media::GeoJson => Form::GeoJson,
            Media::Own { binary, .. } => Form::Handled { binary: *binary },
        }
    }
}

/// A column whose values are returned as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) column: String,
    /// The form in which the log prints it, where that matters.
    pub(crate) canonical: Option<Canonical>,
}

/// `GET` of a relation, and what it takes to ask it for several requests at once, if that may be.
pub(crate) fn read(root: &Node, answer: &Answer<'_>) -> (Statement, Option<Batchable>) {
    let mut writer = Writer::default();
    answer::select(&mut writer, root, answer);
    let batchable = writer.places().and_then(|places| Batchable::new(root, places));
    (writer.finish(), batchable)
}

/// The rows of which a read shows a page, for the planner to estimate.
pub(crate) fn estimated(root: &Node) -> Statement {
    let mut writer = Writer::default();
    writer.sql("select 1");
    rows::from_where(&mut writer, root, None);
    writer.finish()
}

/// A call of a function.
pub(crate) fn call(call: &Call, root: &Node, answer: &Answer<'_>) -> Statement {
    let mut writer = Writer::default();
    writer.sql("with \"courant_called\" as (");
    call::call(&mut writer, call);
    writer.sql(") ");
    answer::select(&mut writer, root, answer);
    writer.finish()
}

/// A write to a relation.
pub(crate) fn write(
    relation: &Relation,
    (write, computed): (&Write, &[Arc<Function>]),
    root: &Node,
    answer: &Answer<'_>,
) -> Statement {
    let mut writer = Writer::default();
    writer.sql("with \"courant_written\" as (");
    let returned = write::Returned::of(relation, root, computed, answer);
    write::write(&mut writer, relation, write, &returned);
    writer.sql(") ");
    answer::select(&mut writer, root, answer);
    writer.finish()
}
