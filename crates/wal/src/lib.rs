//! The change stream: PostgreSQL's write-ahead log, one committed [`pg::Transaction`] at a time.
//!
//! A [`Stream`] owns one replication connection and the temporary slot that lives and dies with it. Its
//! layers, from the wire upwards: `replication` (a session in replication mode), `slot` (the replication commands), `pgoutput` (payload to messages), `gathering` (what is kept of one
//! transaction, within bounds), `assembly` (messages to transactions), `stream` (the clock and the
//! conversation).
//!
//! Never knows a consumer, never reconnects, never opens a socket: each failure ends the stream, and
//! whoever owns it decides what that means. Input comes from a
//! [`pg::connect::Opened`] socket that somebody else opened.

mod assembly;
mod error;
mod gathering;
mod pgoutput;
mod replication;
mod slot;
mod stream;

pub use error::{DecodeError, Error};
pub use stream::{Event, Handle, Stream, StreamOptions};
