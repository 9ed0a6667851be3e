//! A session in replication mode: how it begins, and how it turns into a stream.

use pg::connect::Opened;
use pg::wire::{Frame, Wire};
use postgres_protocol::message::frontend;

use crate::error::Error;

/// Pieces of the stream are slices of the buffer they were read into, so that one large allocation serves
/// many.
const READ_BYTES: usize = 256 * 1024;

/// The values in the stream are text, whose form depends on these settings; databases and roles may
/// set others. Names of the catalog's columns and of everything else are UTF-8.
const SETTINGS: [(&str, &str); 8] = [
    ("replication", "database"),
    ("client_encoding", "UTF8"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("statement_timeout", "0"),
];

/// Logs in, and returns when the server is ready for a command.
pub(crate) async fn begin(opened: Opened) -> Result<Wire, Error> {
    Ok(Wire::start(opened, &SETTINGS, READ_BYTES).await?)
}

/// Runs `START_REPLICATION`, after which only pieces of the stream come.
pub(crate) async fn start_copy(wire: &mut Wire, command: &str) -> Result<(), Error> {
    frontend::query(command, wire.outbox()).map_err(Error::protocol)?;
    match wire.receive().await? {
        Frame::CopyBoth => Ok(()),
        _ => Err(Error::Protocol("replication did not start".to_owned())),
    }
}
