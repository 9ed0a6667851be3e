//! pgoutput messages into whole transactions, in commit order.
//!
//! An ordinary transaction comes in one piece between Begin and Commit. A large one is streamed while it
//! runs: in blocks, several such transactions interleaved, each change with the id of its
//! subtransaction, until a Stream Commit or Stream Abort tells how it ended. Pure; bounded by [`Limits`].
//!
//! Never guesses: whatever does not fit is an error, after which the stream is not to be trusted.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use pg::{Change, Datum, Lsn, Message, RelationId, StreamRelation, Transaction, Tuple};

use crate::error::DecodeError;
use crate::gathering::{Described, Gathering, Limits};
use crate::pgoutput::{self, Control, OldKind, Row, RowHead};

/// Descriptions of relations are small and never withdrawn; a database that makes relations without end
/// gets a new stream now and then.
const RELATIONS_MAX: usize = 100_000;

/// Gathers the messages of one change stream.
pub(crate) struct Assembly {
    limits: Limits,
    /// As last described by a transaction that is known to have committed.
    relations: HashMap<RelationId, Described>,
    /// How many descriptions have arrived.
    arrivals: u64,
    /// Between Begin and Commit.
    open: Option<Gathering>,
    /// Between Stream Start and Stream Stop.
    block: Option<u32>,
    /// Streamed transactions that have neither committed nor aborted.
    streamed: HashMap<u32, Gathering>,
    streamed_bytes: usize,
    /// Relations that changed outside any transaction; told with the next one.
    changed_outside: BTreeSet<RelationId>,
}

impl Assembly {
    pub(crate) fn new(limits: Limits) -> Assembly {
        Assembly {
            limits,
            relations: HashMap::new(),
            arrivals: 0,
            open: None,
            block: None,
            streamed: HashMap::new(),
            streamed_bytes: 0,
            changed_outside: BTreeSet::new(),
        }
    }

    /// Takes the next message, and returns the transaction that it ends.
    pub(crate) fn push(&mut self, message: Bytes) -> Result<Option<Transaction>, DecodeError> {
        let in_block = self.block.is_some();
        if let Some(open) = &mut self.open {
            open.passed = open.passed.saturating_add(message.len());
        }
        if let Some(head) = pgoutput::row_head(&message, in_block)? {
            self.row(head, message)?;
            return Ok(None);
        }
        let kind = message.first().copied().unwrap_or_default();
        let out_of_place = Err(DecodeError::OutOfPlace(kind));
        match pgoutput::control(&message, in_block)? {
            Control::Ignored => {}
            Control::Relation { relation } => self.relation(relation)?,
            Control::Truncate { subxid, relations } => {
                self.change(kind, |gathering, limits| {
                    for relation in relations {
                        let owner = subxid.unwrap_or(gathering.xid());
                        gathering.add(owner, Change::Whole(relation), limits);
                    }
                })?;
            }
            // One that is not part of a transaction is told when it is read, not when it is true.
            Control::Message { transactional: false, .. } => {}
            Control::Message { prefix, content, .. } => self.change(kind, |gathering, _| {
                gathering.message(Message { prefix, content });
            })?,
            Control::Begin { xid } => {
                if self.open.is_some() || in_block {
                    return out_of_place;
                }
                self.open = Some(Gathering::new(xid));
            }
            Control::Commit { end } => match self.open.take() {
                Some(gathering) if !in_block => return self.commit(gathering, end).map(Some),
                _ => return out_of_place,
            },
            Control::StreamStart { xid, first } => {
                if self.open.is_some() || in_block {
                    return out_of_place;
                }
                self.stream_start(xid, first)?;
            }
            Control::StreamStop => {
                if self.block.take().is_none() {
                    return out_of_place;
                }
            }
            Control::StreamCommit { xid, end } => {
                if self.open.is_some() || in_block {
                    return out_of_place;
                }
                let gathering = self.streamed.remove(&xid).ok_or(DecodeError::UnknownTransaction(xid))?;
                self.streamed_bytes -= gathering.bytes();
                return self.commit(gathering, end).map(Some);
            }
            Control::StreamAbort { xid, subxid } => {
                if self.open.is_some() || in_block {
                    return out_of_place;
                }
                self.stream_abort(xid, subxid);
            }
        }
        Ok(None)
    }

    fn row(&mut self, head: RowHead, message: Bytes) -> Result<(), DecodeError> {
        let in_block = self.block.is_some();
        let relations = &self.relations;
        let gathering = current(&mut self.open, self.block, &mut self.streamed);
        let gathering = gathering.ok_or(DecodeError::OutOfPlace(message[0]))?;
        if gathering.is_collapsed(head.relation) {
            return Ok(());
        }
        // A slice keeps its whole read buffer alive, which is well while the buffers are full of this very
        // transaction; kept rows far between dropped or foreign messages would pin many times their size.
        let copied = in_block || gathering.passed > self.limits.bytes_max;
        let message = if copied { Bytes::copy_from_slice(&message) } else { message };
        let Row { old, new } = pgoutput::row(&message, in_block)?;
        let known = gathering.described.get(&head.relation).or_else(|| relations.get(&head.relation));
        let relation = &known.ok_or(DecodeError::UnknownRelation(head.relation))?.relation;
        let change = row_change(Arc::clone(relation), old, new)?;
        self.change(message[0], |gathering, limits| {
            gathering.add(head.subxid.unwrap_or(gathering.xid()), change, limits);
        })
    }

    /// Applies a change to the transaction at hand, then keeps the streamed ones within their bound.
    fn change(&mut self, kind: u8, apply: impl FnOnce(&mut Gathering, &Limits)) -> Result<(), DecodeError> {
        let gathering = current(&mut self.open, self.block, &mut self.streamed);
        let gathering = gathering.ok_or(DecodeError::OutOfPlace(kind))?;
        let before = gathering.bytes();
        apply(gathering, &self.limits);
        if self.block.is_none() {
            return Ok(());
        }
        self.streamed_bytes = self.streamed_bytes - before + gathering.bytes();
        while self.streamed_bytes > self.limits.streamed_bytes_max {
            let Some(largest) = self.streamed.values_mut().max_by_key(|gathering| gathering.bytes()) else {
                break;
            };
            let before = largest.bytes();
            if !largest.collapse_most_bytes() {
                break;
            }
            self.streamed_bytes = self.streamed_bytes - before + largest.bytes();
        }
        Ok(())
    }

    /// A relation is described before its first row, and again after anything about it may have changed.
    fn relation(&mut self, relation: StreamRelation) -> Result<(), DecodeError> {
        let id = relation.id;
        let gathering = current(&mut self.open, self.block, &mut self.streamed);
        let own = gathering.as_ref().and_then(|gathering| gathering.described.get(&id));
        let known = own.or_else(|| self.relations.get(&id));
        let changed = known.is_some_and(|known| *known.relation != relation);
        self.arrivals += 1;
        let described = Described { relation: Arc::new(relation), arrival: self.arrivals };
        match gathering {
            Some(gathering) => {
                if changed {
                    gathering.schema_changed(id);
                }
                // Others may not see it so until this transaction commits, and it may abort.
                gathering.described.insert(id, described);
                if gathering.described.len() > RELATIONS_MAX {
                    return Err(DecodeError::TooManyRelations(RELATIONS_MAX));
                }
                Ok(())
            }
            None => {
                if changed {
                    self.changed_outside.insert(id);
                }
                self.describe(id, described)
            }
        }
    }

    /// The latest description counts, wherever it came from: the server sends another only when it has
    /// reason to, and a streamed transaction may commit long after what it described.
    fn describe(&mut self, id: RelationId, described: Described) -> Result<(), DecodeError> {
        let full = self.relations.len() >= RELATIONS_MAX;
        match self.relations.get_mut(&id) {
            Some(known) if known.arrival > described.arrival => {}
            Some(known) => *known = described,
            None if full => return Err(DecodeError::TooManyRelations(RELATIONS_MAX)),
            None => {
                self.relations.insert(id, described);
            }
        }
        Ok(())
    }

    fn commit(&mut self, mut gathering: Gathering, end: u64) -> Result<Transaction, DecodeError> {
        for (id, described) in std::mem::take(&mut gathering.described) {
            self.describe(id, described)?;
        }
        let mut transaction = gathering.finish(Lsn(end));
        let changed = std::mem::take(&mut self.changed_outside);
        transaction.changes.splice(0..0, changed.into_iter().map(Change::Schema));
        Ok(transaction)
    }

    fn stream_start(&mut self, xid: u32, first: bool) -> Result<(), DecodeError> {
        if first == self.streamed.contains_key(&xid) {
            return Err(DecodeError::UnknownTransaction(xid));
        }
        if first {
            self.streamed.insert(xid, Gathering::new(xid));
        }
        self.block = Some(xid);
        Ok(())
    }

    /// Of a transaction that sent nothing yet there is nothing to drop.
    fn stream_abort(&mut self, xid: u32, subxid: u32) {
        if xid == subxid {
            self.streamed_bytes -= self.streamed.remove(&xid).map_or(0, |gathering| gathering.bytes());
        } else if let Some(gathering) = self.streamed.get_mut(&xid) {
            let before = gathering.bytes();
            gathering.abort(subxid);
            self.streamed_bytes = self.streamed_bytes - before + gathering.bytes();
        }
    }
}

/// The transaction that messages belong to now.
fn current<'a>(
    open: &'a mut Option<Gathering>,
    block: Option<u32>,
    streamed: &'a mut HashMap<u32, Gathering>,
) -> Option<&'a mut Gathering> {
    match block {
        Some(xid) => streamed.get_mut(&xid),
        None => open.as_mut(),
    }
}

/// Puts a row in its relation's terms.
fn row_change(
    relation: Arc<StreamRelation>,
    old: Option<(OldKind, Tuple)>,
    new: Option<Tuple>,
) -> Result<Change, DecodeError> {
    let width = relation.columns.len();
    let fits = |tuple: &Tuple| tuple.0.len() == width;
    if !old.as_ref().is_none_or(|(_, tuple)| fits(tuple)) || !new.as_ref().is_none_or(fits) {
        return Err(DecodeError::Width(relation.id));
    }
    let (mut old, mut new) = (old, new);
    match (&mut old, &mut new) {
        (Some((OldKind::Key, old)), _) => {
            // pgoutput says null where it says nothing.
            for (datum, column) in old.0.iter_mut().zip(&relation.columns) {
                if !column.key {
                    *datum = Datum::Absent;
                }
            }
        }
        (Some((OldKind::Whole, old)), Some(new)) => {
            // An unchanged out-of-line value is left out of the new row; the old one has it.
            for (datum, before) in new.0.iter_mut().zip(&old.0) {
                if *datum == Datum::Absent {
                    datum.clone_from(before);
                }
            }
        }
        _ => {}
    }
    Ok(Change::Row { relation, old: old.map(|(_, tuple)| tuple), new })
}

#[cfg(test)]
mod tests;
