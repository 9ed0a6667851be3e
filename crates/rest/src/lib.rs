//! PostgREST's language as a pure function: request → plan → SQL and read set; rows → status and headers.
//!
//! Never does I/O, never reads a clock, never pastes text into SQL. Input comes from a request, from the
//! catalog and from the configuration ([`Rules`]); what comes out is one statement per request, what it
//! reads in the log's terms, and how to answer.
//!
//! The flow is [`plan`](fn@plan): `grammar` reads query strings and headers into a typed tree, `plan`
//! resolves every name in it against the catalog, `sql` writes the one statement, `read_set` says what it
//! reads. [`respond`](fn@respond) turns the counts of the answer's row into a head.

mod database_error;
mod error;
mod grammar;
mod media;
mod openapi;
mod overrides;
mod plan;
mod read_set;
mod request;
mod respond;
mod shown;
mod similar;
mod sql;

pub use error::Error;
pub use overrides::Overrides;
pub use plan::{Access, Estimate, Plan, plan};
pub use read_set::{Reads, Returned, Tracked};
pub use request::{
    Declared, Lifetime, Limits, OpenApi, OpenApiMode, Request, RootFunction, Rules, TransactionEnd,
};
pub use respond::{AnswerRules, Counts, Field, Head, respond};
pub use sql::Batchable;
