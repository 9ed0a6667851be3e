//! A statement with its parameters, ready to be sent.

use bytes::Bytes;

/// SQL text and the values of its parameters.
///
/// The same text is prepared once per connection, so whatever varies between requests belongs in the
/// parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    /// One SQL statement with `$1`, `$2`, … in it.
    pub sql: String,
    /// A value for each of them.
    pub parameters: Vec<Parameter>,
}

/// A parameter, in PostgreSQL's text format; the server infers its type from where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// SQL null.
    Null,
    /// The text that the type's input function reads.
    Text(Bytes),
}
