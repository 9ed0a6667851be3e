//! A row, and the columns that its statement has.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, RowDescriptionBody};
use tokio_postgres::types::{FromSql, Type};

use crate::wire::WireError;

/// A column of a statement.
#[derive(Debug)]
pub(crate) struct Column {
    name: Box<str>,
    /// None for a type that the database has not built in.
    type_: Option<Type>,
}

/// The columns that a statement has.
pub(crate) fn columns(description: &RowDescriptionBody) -> Result<Arc<[Column]>, WireError> {
    let column = description
        .fields()
        .map(|field| Ok(Column { name: field.name().into(), type_: Type::from_oid(field.type_oid()) }));
    Ok(column.collect::<Vec<_>>().map_err(WireError::protocol)?.into())
}

/// A value that is not what it was taken for.
#[derive(Debug, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct DecodeError {
    column: usize,
    reason: String,
}

/// One row that a statement returned, in PostgreSQL's binary format.
pub struct Row {
    columns: Arc<[Column]>,
    values: Vec<Option<Range<usize>>>,
    bytes: Bytes,
}

impl Row {
    pub(crate) fn new(columns: Arc<[Column]>, body: &DataRowBody) -> Result<Row, WireError> {
        let values: Vec<_> = body.ranges().collect().map_err(WireError::protocol)?;
        if values.len() != columns.len() {
            return Err(WireError::Protocol("a row with other columns than its statement's".to_owned()));
        }
        Ok(Row { columns, values, bytes: body.buffer_bytes().clone() })
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.name)
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The value of a column of texts, or of JSON, whose binary format is its text.
    pub fn text(&self, column: usize) -> Result<&str, DecodeError> {
        let wrong = |reason: &str| DecodeError { column, reason: reason.to_owned() };
        let of = self.columns.get(column).and_then(|column| column.type_.as_ref());
        if !matches!(of, Some(&Type::TEXT | &Type::JSON)) {
            return Err(wrong("it is no column of texts"));
        }
        let raw = self.values.get(column).cloned().flatten().and_then(|range| self.bytes.get(range));
        std::str::from_utf8(raw.ok_or_else(|| wrong("it is null"))?).map_err(|_| wrong("it is not UTF-8"))
    }

    /// The value of a column, by its number from zero.
    pub fn get<'a, T: FromSql<'a>>(&'a self, column: usize) -> Result<T, DecodeError> {
        let wrong = |reason: String| DecodeError { column, reason };
        let (Some(of), Some(range)) = (self.columns.get(column), self.values.get(column)) else {
            return Err(wrong("there is no such column".to_owned()));
        };
        let Some(type_) = of.type_.as_ref().filter(|type_| T::accepts(type_)) else {
            return Err(wrong(format!("a value of type {:?} is not what is asked for", of.type_)));
        };
        let raw = range.clone().and_then(|range| self.bytes.get(range));
        T::from_sql_nullable(type_, raw).map_err(|error| wrong(error.to_string()))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
