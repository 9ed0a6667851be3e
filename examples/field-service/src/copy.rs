//! Rows on their way into the database: COPY's binary format, written into one buffer and sent as it fills.
//!
//! Never holds more than one buffer's worth of rows: sending waits for the connection. Rows come from a
//! function of their number.

use std::fmt::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::{Client, CopyInSink};

use crate::{Error, Progress, Summary};

const BUFFER_BYTES: usize = 256 * 1024;
/// PostgreSQL counts from the year 2000.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
const TEXT_OID: i32 = 25;

/// A table, and those of its columns that are filled, in order.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
}

/// Rows in COPY's binary format. A row is begun, then its fields follow in the order of the columns.
pub(crate) struct Rows {
    buffer: BytesMut,
    columns: i16,
    begun: u64,
}

impl Rows {
    /// Begins a row.
    pub(crate) fn row(&mut self) -> &mut Rows {
        self.buffer.put_i16(self.columns);
        self.begun += 1;
        self
    }

    pub(crate) fn null(&mut self) -> &mut Rows {
        self.buffer.put_i32(-1);
        self
    }

    /// What `write` writes of a value, or null.
    pub(crate) fn maybe<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Rows, T) -> &mut Rows,
    ) -> &mut Rows {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    pub(crate) fn uuid(&mut self, value: u128) -> &mut Rows {
        self.buffer.put_i32(16);
        self.buffer.put_u128(value);
        self
    }

    pub(crate) fn bigint(&mut self, value: u64) -> &mut Rows {
        self.buffer.put_i32(8);
        self.buffer.put_u64(value);
        self
    }

    pub(crate) fn integer(&mut self, value: i32) -> &mut Rows {
        self.buffer.put_i32(4);
        self.buffer.put_i32(value);
        self
    }

    pub(crate) fn boolean(&mut self, value: bool) -> &mut Rows {
        self.buffer.put_i32(1);
        self.buffer.put_u8(u8::from(value));
        self
    }

    /// A moment in microseconds since 1970.
    pub(crate) fn timestamp(&mut self, moment: i64) -> &mut Rows {
        self.buffer.put_i32(8);
        self.buffer.put_i64(moment - EPOCH_MICROS);
        self
    }

    /// A day counted from 1970.
    pub(crate) fn date(&mut self, day: i32) -> &mut Rows {
        self.integer(day - EPOCH_DAYS)
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Rows {
        self.buffer.put_i32(length(value.len()));
        self.buffer.put_slice(value.as_bytes());
        self
    }

    /// Text that is put together in place.
    pub(crate) fn format(&mut self, value: fmt::Arguments<'_>) -> &mut Rows {
        self.write(|out| write_into(out, value))
    }

    /// Text that `write` writes in place.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut BytesMut)) -> &mut Rows {
        let at = self.buffer.len();
        self.buffer.put_i32(0);
        write(&mut self.buffer);
        let size = length(self.buffer.len() - at - 4);
        self.buffer[at..at + 4].copy_from_slice(&size.to_be_bytes());
        self
    }

    /// A document, as JSON text that `write` writes in place.
    pub(crate) fn jsonb(&mut self, write: impl FnOnce(&mut BytesMut)) -> &mut Rows {
        self.write(|out| {
            // The version of jsonb's binary form, which is its text.
            out.put_u8(1);
            write(out);
        })
    }

    pub(crate) fn text_array(&mut self, values: &[&str]) -> &mut Rows {
        self.write(|out| {
            out.put_i32(i32::from(!values.is_empty()));
            out.put_i32(0);
            out.put_i32(TEXT_OID);
            if !values.is_empty() {
                out.put_i32(length(values.len()));
                out.put_i32(1);
            }
            for value in values {
                out.put_i32(length(value.len()));
                out.put_slice(value.as_bytes());
            }
        })
    }

    /// An amount of money as a `numeric` with two decimals. Its digits are of base 10,000.
    pub(crate) fn cents(&mut self, cents: u32) -> &mut Rows {
        let digits = [cents / 100 / 10_000, cents / 100 % 10_000, cents % 100 * 100];
        self.buffer.put_i32(8 + 2 * 3);
        self.buffer.put_i16(3);
        self.buffer.put_i16(1);
        self.buffer.put_i16(0);
        self.buffer.put_i16(2);
        for digit in digits {
            self.buffer.put_i16(digit as i16);
        }
        self
    }
}

fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a field is a few kilobytes at most")
}

/// Writes formatted text to the end of a buffer.
pub(crate) fn write_into(out: &mut BytesMut, value: fmt::Arguments<'_>) {
    out.write_fmt(value).expect("a buffer that grows takes any text");
}

/// Loads tables one after another.
pub(crate) struct Loader<'a> {
    client: &'a Client,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    summary: Summary,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(client: &'a Client, progress: &'a mut (dyn FnMut(Progress) + Send)) -> Loader<'a> {
        Loader { client, progress, summary: Summary { tables: Vec::new() } }
    }

    /// Loads a table: `write` is called with the numbers from 0 to `total`, and begins a row for each or none.
    pub(crate) async fn load(
        &mut self,
        table: &Table,
        total: u64,
        write: impl FnMut(u64, &mut Rows) + Send,
    ) -> Result<(), Error> {
        let rows = self
            .stream(table, total, write)
            .await
            .map_err(|source| Error::Load { table: table.name, source })?;
        self.summary.tables.push((table.name, rows));
        Ok(())
    }

    async fn stream(
        &mut self,
        table: &Table,
        total: u64,
        mut write: impl FnMut(u64, &mut Rows) + Send,
    ) -> Result<u64, tokio_postgres::Error> {
        // The names are this crate's own constants, fit to stand in SQL as they are, but for one that is a word
        // of the language.
        let columns = table.columns.join("\", \"");
        // Frozen rows need no hint bits later, so that the first reads measure the same as the others.
        let command =
            format!("copy public.{} (\"{columns}\") from stdin with (format binary, freeze)", table.name);
        let sink: CopyInSink<Bytes> = self.client.copy_in(&command).await?;
        let mut sink = std::pin::pin!(sink);
        let columns = i16::try_from(table.columns.len()).expect("a table has a dozen columns");
        let mut rows = Rows { buffer: BytesMut::with_capacity(BUFFER_BYTES + 8192), columns, begun: 0 };
        rows.buffer.put_slice(b"PGCOPY\n\xff\r\n\0");
        rows.buffer.put_u64(0);
        for number in 0..total {
            write(number, &mut rows);
            if rows.buffer.len() >= BUFFER_BYTES {
                sink.send(rows.buffer.split().freeze()).await?;
                rows.buffer.reserve(BUFFER_BYTES + 8192);
                (self.progress)(Progress { table: table.name, done: number + 1, total });
            }
        }
        rows.buffer.put_i16(-1);
        sink.send(rows.buffer.freeze()).await?;
        let stored = sink.finish().await?;
        debug_assert_eq!(stored, rows.begun, "COPY stores every row it is sent");
        (self.progress)(Progress { table: table.name, done: total, total });
        Ok(stored)
    }

    pub(crate) fn finish(self) -> Summary {
        self.summary
    }
}
