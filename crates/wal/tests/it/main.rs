//! The change stream against a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

mod changes;
mod login;
mod schema;
mod session;
mod source;
mod streamed;
