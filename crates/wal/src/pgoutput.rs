//! pgoutput's messages, protocol versions 1 and 2, as PostgreSQL 14 to 18 send them
//! (<https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>).
//!
//! Pure: one message in, its parts out, values as slices of the message. Every length is checked, and
//! whatever does not fit is a [`DecodeError`]. Never knows what came before, except whether a stream
//! block is open, because messages carry a transaction id only then. Input comes from XLogData.

use bytes::Bytes;
use pg::{Datum, RelationId, StreamColumn, StreamRelation, Tuple};

use crate::error::DecodeError;

/// The first byte of each message.
pub(crate) mod tag {
    pub(crate) const BEGIN: u8 = b'B';
    pub(crate) const COMMIT: u8 = b'C';
    pub(crate) const ORIGIN: u8 = b'O';
    pub(crate) const TYPE: u8 = b'Y';
    pub(crate) const RELATION: u8 = b'R';
    pub(crate) const INSERT: u8 = b'I';
    pub(crate) const UPDATE: u8 = b'U';
    pub(crate) const DELETE: u8 = b'D';
    pub(crate) const TRUNCATE: u8 = b'T';
    pub(crate) const MESSAGE: u8 = b'M';
    pub(crate) const STREAM_START: u8 = b'S';
    pub(crate) const STREAM_STOP: u8 = b'E';
    pub(crate) const STREAM_COMMIT: u8 = b'c';
    pub(crate) const STREAM_ABORT: u8 = b'A';
}

/// `LOGICALREP_COLUMN_IS_KEY`: the column belongs to the replica identity.
const COLUMN_IS_KEY: u8 = 1;
/// `MESSAGE_TRANSACTIONAL`.
const MESSAGE_TRANSACTIONAL: u8 = 1;

/// A message that is not a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Begin {
        xid: u32,
    },
    Commit {
        end: u64,
    },
    /// Where a replicated transaction came from, or the name of a type: nothing follows from either.
    Ignored,
    Relation {
        relation: StreamRelation,
    },
    Truncate {
        subxid: Option<u32>,
        relations: Vec<RelationId>,
    },
    Message {
        transactional: bool,
        prefix: String,
        content: Bytes,
    },
    StreamStart {
        xid: u32,
        first: bool,
    },
    StreamStop,
    StreamCommit {
        xid: u32,
        end: u64,
    },
    StreamAbort {
        xid: u32,
        subxid: u32,
    },
}

/// The start of a row message, which tells whether the rest is worth decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowHead {
    /// Within a stream block, the (sub)transaction that made the change.
    pub(crate) subxid: Option<u32>,
    pub(crate) relation: RelationId,
}

/// What an old tuple holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldKind {
    /// The identity's columns; the others are sent as null, which they may not be.
    Key,
    /// The whole row.
    Whole,
}

/// An inserted, updated or deleted row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) old: Option<(OldKind, Tuple)>,
    pub(crate) new: Option<Tuple>,
}

/// Reads the start of a row message; nothing for any other message.
pub(crate) fn row_head(message: &Bytes, in_block: bool) -> Result<Option<RowHead>, DecodeError> {
    match message.first() {
        Some(&(tag::INSERT | tag::UPDATE | tag::DELETE)) => {
            let mut reader = Reader { message, at: 1 };
            let subxid = reader.subxid(in_block)?;
            Ok(Some(RowHead { subxid, relation: RelationId(reader.u32()?) }))
        }
        _ => Ok(None),
    }
}

/// Reads a whole row message.
pub(crate) fn row(message: &Bytes, in_block: bool) -> Result<Row, DecodeError> {
    let mut reader = Reader { message, at: 0 };
    let kind = reader.u8()?;
    reader.subxid(in_block)?;
    reader.u32()?;
    let part = reader.u8()?;
    let old = match (kind, part) {
        (tag::UPDATE | tag::DELETE, b'K') => Some((OldKind::Key, reader.tuple()?)),
        (tag::UPDATE | tag::DELETE, b'O') => Some((OldKind::Whole, reader.tuple()?)),
        (tag::INSERT | tag::UPDATE, b'N') => None,
        _ => return Err(DecodeError::Kind(part)),
    };
    let new = match (kind, &old) {
        (tag::DELETE, _) => None,
        (_, None) => Some(reader.tuple()?),
        (_, Some(_)) => match reader.u8()? {
            b'N' => Some(reader.tuple()?),
            part => return Err(DecodeError::Kind(part)),
        },
    };
    reader.end()?;
    Ok(Row { old, new })
}

/// Reads any other message.
pub(crate) fn control(message: &Bytes, in_block: bool) -> Result<Control, DecodeError> {
    let mut reader = Reader { message, at: 0 };
    let control = match reader.u8()? {
        tag::BEGIN => {
            reader.skip(16)?; // position and time of the commit
            Control::Begin { xid: reader.u32()? }
        }
        tag::COMMIT => {
            reader.skip(9)?; // flags, position of the commit record
            let end = reader.u64()?;
            reader.skip(8)?; // time
            Control::Commit { end }
        }
        tag::ORIGIN => {
            reader.skip(8)?;
            reader.name()?;
            Control::Ignored
        }
        tag::TYPE => {
            reader.subxid(in_block)?;
            reader.u32()?;
            reader.name()?;
            reader.name()?;
            Control::Ignored
        }
        tag::RELATION => {
            reader.subxid(in_block)?;
            Control::Relation { relation: reader.relation()? }
        }
        tag::TRUNCATE => reader.truncate(in_block)?,
        tag::MESSAGE => reader.logical_message(in_block)?,
        tag::STREAM_START => Control::StreamStart { xid: reader.u32()?, first: reader.u8()? == 1 },
        tag::STREAM_STOP => Control::StreamStop,
        tag::STREAM_COMMIT => {
            let xid = reader.u32()?;
            reader.skip(9)?; // flags, position of the commit record
            let end = reader.u64()?;
            reader.skip(8)?; // time
            Control::StreamCommit { xid, end }
        }
        tag::STREAM_ABORT => Control::StreamAbort { xid: reader.u32()?, subxid: reader.u32()? },
        unknown => return Err(DecodeError::Message(unknown)),
    };
    reader.end()?;
    Ok(control)
}

struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = *self.rest().first_chunk().ok_or(DecodeError::Truncated)?;
        self.at += N;
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A slice of the message, which keeps it alive; nothing is copied.
    fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let length = usize::try_from(self.u32()?).map_err(|_| DecodeError::Truncated)?;
        if length > self.rest().len() {
            return Err(DecodeError::Truncated);
        }
        let bytes = self.message.slice(self.at..self.at + length);
        self.at += length;
        Ok(bytes)
    }

    fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        if length > self.rest().len() {
            return Err(DecodeError::Truncated);
        }
        self.at += length;
        Ok(())
    }

    fn name(&mut self) -> Result<String, DecodeError> {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == 0).ok_or(DecodeError::Truncated)?;
        let name = std::str::from_utf8(&rest[..length]).map_err(|_| DecodeError::Name)?.to_owned();
        self.at += length + 1;
        Ok(name)
    }

    fn subxid(&mut self, in_block: bool) -> Result<Option<u32>, DecodeError> {
        if in_block { self.u32().map(Some) } else { Ok(None) }
    }

    fn end(&self) -> Result<(), DecodeError> {
        match self.rest().len() {
            0 => Ok(()),
            more => Err(DecodeError::Trailing(more)),
        }
    }

    /// A count of things that take at least `size` bytes each: no more than the message can hold, so
    /// that a wrong count cannot make us allocate.
    fn count(&self, count: usize, size: usize) -> Result<usize, DecodeError> {
        if count > self.rest().len() / size { Err(DecodeError::Truncated) } else { Ok(count) }
    }

    fn tuple(&mut self) -> Result<Tuple, DecodeError> {
        let count = usize::from(self.u16()?);
        let mut values = Vec::with_capacity(self.count(count, 1)?);
        for _ in 0..count {
            values.push(match self.u8()? {
                b'n' => Datum::Null,
                b'u' => Datum::Absent,
                b't' => Datum::Text(self.bytes()?),
                b'b' => return Err(DecodeError::Binary),
                kind => return Err(DecodeError::Kind(kind)),
            });
        }
        Ok(Tuple(values.into_boxed_slice()))
    }

    fn relation(&mut self) -> Result<StreamRelation, DecodeError> {
        let id = RelationId(self.u32()?);
        let mut schema = self.name()?;
        if schema.is_empty() {
            // How pgoutput spells it.
            "pg_catalog".clone_into(&mut schema);
        }
        let name = self.name()?;
        let identity = self.u8()?;
        let count = usize::from(self.u16()?);
        let mut columns = Vec::with_capacity(self.count(count, 10)?);
        for _ in 0..count {
            let key = self.u8()? & COLUMN_IS_KEY != 0;
            let name = self.name()?;
            let type_id = self.u32()?;
            self.skip(4)?; // type modifier
            columns.push(StreamColumn { name, type_id, key });
        }
        Ok(StreamRelation { id, schema, name, identity, columns: columns.into() })
    }

    fn truncate(&mut self, in_block: bool) -> Result<Control, DecodeError> {
        let subxid = self.subxid(in_block)?;
        let count = usize::try_from(self.u32()?).map_err(|_| DecodeError::Truncated)?;
        self.skip(1)?; // cascade, restart identity: the relations are listed in full anyway
        let count = self.count(count, 4)?;
        let relations = (0..count).map(|_| self.u32().map(RelationId)).collect::<Result<_, _>>()?;
        Ok(Control::Truncate { subxid, relations })
    }

    fn logical_message(&mut self, in_block: bool) -> Result<Control, DecodeError> {
        self.subxid(in_block)?;
        let transactional = self.u8()? & MESSAGE_TRANSACTIONAL != 0;
        self.skip(8)?; // position
        let prefix = self.name()?;
        let content = self.bytes()?;
        Ok(Control::Message { transactional, prefix, content })
    }
}

#[cfg(test)]
pub(crate) mod tests;
