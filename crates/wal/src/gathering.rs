//! What is kept of one transaction until its commit, within bounds.
//!
//! Past a bound, the relation that takes the most room collapses: its rows give way to one
//! [`Change::Whole`], and its further rows are not even decoded. Collapsing claims more than happened,
//! never less. Pure; input comes from `assembly`.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use pg::{Change, Datum, Lsn, Message, RelationId, StreamRelation, Transaction, Tuple};

/// Messages for Courant carry this at the start of their prefix; all others are dropped.
const PREFIX: &str = "courant";
/// More messages than this in one transaction, or longer ones, are dropped: nobody of ours sends them,
/// and whoever waits for one has a timeout.
const MESSAGES_MAX: usize = 1024;
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Row changes of one transaction.
    pub(crate) changes_max: usize,
    /// Bytes of the row changes of one transaction.
    pub(crate) bytes_max: usize,
    /// Bytes of the row changes of all streamed transactions together.
    pub(crate) streamed_bytes_max: usize,
}

/// A relation as described within a streamed transaction, and when, counted in descriptions.
pub(crate) struct Described {
    pub(crate) relation: Arc<StreamRelation>,
    pub(crate) arrival: u64,
}

/// What a relation takes up in a transaction.
#[derive(Default)]
struct Share {
    changes: usize,
    bytes: usize,
    collapsed: bool,
    schema_told: bool,
}

/// A transaction whose commit has not been seen.
pub(crate) struct Gathering {
    xid: u32,
    changes: Vec<Change>,
    /// The (sub)transaction of each change, so that an aborted one can be taken out.
    owners: Vec<u32>,
    messages: Vec<Message>,
    shares: HashMap<RelationId, Share>,
    /// The sum of the shares.
    counted: usize,
    bytes: usize,
    /// The bytes of all messages that came with it, kept or not.
    pub(crate) passed: usize,
    /// How a streamed transaction sees relations that it may have altered itself.
    pub(crate) described: HashMap<RelationId, Described>,
}

impl Gathering {
    pub(crate) fn new(xid: u32) -> Gathering {
        Gathering {
            xid,
            changes: Vec::new(),
            owners: Vec::new(),
            messages: Vec::new(),
            shares: HashMap::new(),
            counted: 0,
            bytes: 0,
            passed: 0,
            described: HashMap::new(),
        }
    }

    pub(crate) fn xid(&self) -> u32 {
        self.xid
    }

    /// The room that the row changes take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a row of this relation would be dropped.
    pub(crate) fn is_collapsed(&self, relation: RelationId) -> bool {
        self.shares.get(&relation).is_some_and(|share| share.collapsed)
    }

    /// Keeps a row change or a truncation, and collapses what no longer fits.
    pub(crate) fn add(&mut self, owner: u32, change: Change, limits: &Limits) {
        let Some(relation) = countable(&change) else { return };
        if self.is_collapsed(relation) {
            return;
        }
        let cost = cost(&change);
        let share = self.shares.entry(relation).or_default();
        share.changes += 1;
        share.bytes += cost;
        self.counted += 1;
        self.bytes += cost;
        self.changes.push(change);
        self.owners.push(owner);
        while self.bytes > limits.bytes_max && self.collapse_largest(|share| share.bytes) {}
        while self.counted > limits.changes_max && self.collapse_largest(|share| share.changes) {}
    }

    /// Tells, once, that the relation is not what it was.
    ///
    /// It stands even when the subtransaction that altered it aborts: one needless rebuild of a plan.
    pub(crate) fn schema_changed(&mut self, relation: RelationId) {
        let share = self.shares.entry(relation).or_default();
        if !share.schema_told {
            share.schema_told = true;
            self.changes.push(Change::Schema(relation));
            self.owners.push(self.xid);
        }
    }

    /// Keeps a logical message if it is ours.
    ///
    /// PostgreSQL gives messages in stream blocks the id of the whole transaction
    /// (`ReorderBufferApplyMessage`), so one that an aborted subtransaction emitted is kept as well.
    pub(crate) fn message(&mut self, message: Message) {
        let fits = self.messages.len() < MESSAGES_MAX
            && message.prefix.len() + message.content.len() <= MESSAGE_BYTES_MAX;
        if message.prefix.starts_with(PREFIX) && fits {
            // A copy, because a slice would keep a whole read buffer alive.
            let content = bytes::Bytes::copy_from_slice(&message.content);
            self.messages.push(Message { content, ..message });
        }
    }

    /// Collapses the relation with the most bytes; false when nothing is left to collapse.
    pub(crate) fn collapse_most_bytes(&mut self) -> bool {
        self.collapse_largest(|share| share.bytes)
    }

    /// Takes out what an aborted subtransaction did. What has collapsed stays collapsed.
    pub(crate) fn abort(&mut self, subxid: u32) {
        if !self.owners.contains(&subxid) {
            return;
        }
        let shares = &mut self.shares;
        let (mut counted, mut bytes) = (0, 0);
        retain(&mut self.changes, &mut self.owners, |change, owner| {
            if owner != subxid {
                return true;
            }
            if let Some(share) = countable(change).and_then(|relation| shares.get_mut(&relation)) {
                let cost = cost(change);
                share.changes -= 1;
                share.bytes -= cost;
                counted += 1;
                bytes += cost;
            }
            false
        });
        self.counted -= counted;
        self.bytes -= bytes;
    }

    /// The transaction as its consumers see it.
    pub(crate) fn finish(self, end: Lsn) -> Transaction {
        Transaction { xid: self.xid, end, changes: self.changes, messages: self.messages }
    }

    fn collapse_largest(&mut self, size: impl Fn(&Share) -> usize) -> bool {
        let open = self.shares.iter_mut().filter(|(_, share)| share.changes > 0);
        let Some((&relation, share)) = open.max_by_key(|(_, share)| size(share)) else { return false };
        self.counted -= share.changes;
        self.bytes -= share.bytes;
        *share = Share { collapsed: true, changes: 0, bytes: 0, ..*share };
        retain(&mut self.changes, &mut self.owners, |change, _| countable(change) != Some(relation));
        // The transaction as a whole is its owner: no subtransaction's abort takes it out.
        self.changes.push(Change::Whole(relation));
        self.owners.push(self.xid);
        true
    }
}

/// The relation to whose share a change counts. What collapsing adds looks like a truncation but is not
/// counted, for then nothing could be done about it; there is one for each relation at most.
fn countable(change: &Change) -> Option<RelationId> {
    match change {
        Change::Row { relation, .. } => Some(relation.id),
        Change::Whole(relation) => Some(*relation),
        Change::Schema(_) => None,
    }
}

/// The memory a change takes, without what it shares with others.
fn cost(change: &Change) -> usize {
    let tuple = |tuple: &Tuple| {
        let texts = tuple.0.iter().map(|datum| match datum {
            // What stands between two values in the message counts too.
            Datum::Text(text) => text.len() + 5,
            Datum::Null | Datum::Absent => 1,
        });
        size_of_val::<[Datum]>(&tuple.0) + texts.sum::<usize>()
    };
    let tuples = match change {
        Change::Row { old, new, .. } => old.as_ref().map_or(0, tuple) + new.as_ref().map_or(0, tuple),
        Change::Whole(_) | Change::Schema(_) => 0,
    };
    size_of::<Change>() + size_of::<u32>() + tuples
}

fn retain(changes: &mut Vec<Change>, owners: &mut Vec<u32>, mut keep: impl FnMut(&Change, u32) -> bool) {
    let mut old_owners = std::mem::take(owners).into_iter();
    changes.retain(|change| {
        let owner = old_owners.next().expect("each change has an owner");
        let kept = keep(change, owner);
        if kept {
            owners.push(owner);
        }
        kept
    });
    changes.shrink_to(changes.len() * 2);
}
