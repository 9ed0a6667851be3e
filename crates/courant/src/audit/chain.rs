//! Walks the chain, row by row, and says where it was changed. Pure: rows are given to it in the order of their
//! numbers, as they stood in one snapshot.
//!
//! Each row holds the hash of its number, its entry and the hash before it. Times and the entries' own numbers are
//! never compared: clocks go back and numbers are rolled back without anybody having changed anything.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

/// A row of the chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) seq: i64,
    pub(super) entry: String,
    pub(super) previous: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

/// Where the chain should begin and end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) first_seq: i64,
    pub(super) first_previous: Vec<u8>,
    pub(super) last_seq: i64,
    pub(super) last_hash: Vec<u8>,
}

/// The end of the chain as somebody noted it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) seq: i64,
    pub(super) hash: Vec<u8>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The row, or its hash, is not what was linked.
    Edited(i64),
    /// Rows are missing, the first and the last of them.
    Removed(i64, i64),
    /// Nobody linked the row.
    Inserted(i64),
    /// The row stands where another was linked.
    Reordered { seq: i64, linked_as: i64 },
    /// The row is not the one that was noted elsewhere: it, or some row before it, was linked anew.
    Rewritten(i64),
    /// Nothing says where the chain begins and ends.
    Unended,
}

impl Finding {
    /// One word of a closed list, and the row.
    pub(super) fn told(&self) -> (&'static str, Option<i64>) {
        match self {
            Finding::Edited(seq) => ("edited", Some(*seq)),
            Finding::Removed(from, _) => ("removed", Some(*from)),
            Finding::Inserted(seq) => ("inserted", Some(*seq)),
            Finding::Reordered { seq, .. } => ("reordered", Some(*seq)),
            Finding::Rewritten(seq) => ("rewritten", Some(*seq)),
            Finding::Unended => ("unended", None),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Edited(seq) => write!(f, "row {seq} was edited"),
            Finding::Removed(from, to) if from == to => write!(f, "row {from} was removed"),
            Finding::Removed(from, to) => write!(f, "rows {from} to {to} were removed"),
            Finding::Inserted(seq) => write!(f, "row {seq} was inserted"),
            Finding::Reordered { seq, linked_as } => {
                write!(f, "rows were reordered: row {seq} was linked as row {linked_as}")
            }
            Finding::Rewritten(seq) => {
                write!(f, "row {seq} is not the one of --head: it or a row before it was rewritten")
            }
            Finding::Unended => write!(f, "the row of courant.audit_chain was removed"),
        }
    }
}

/// A walk along the chain.
pub(super) struct Walk {
    ends: Ends,
    /// What was noted elsewhere and has not been passed.
    head: Option<Head>,
    next: i64,
    previous: Vec<u8>,
    /// What the latest pruning said of itself: through which row, and its hash.
    pruned: Option<(i64, String)>,
}

impl Walk {
    pub(super) fn new(ends: Ends, head: Option<Head>) -> Walk {
        let (next, previous) = (ends.first_seq, ends.first_previous.clone());
        Walk { ends, head, next, previous, pruned: None }
    }

    /// How many rows were passed.
    pub(super) fn rows(&self) -> i64 {
        self.next - self.ends.first_seq
    }

    /// Passes a row. Where that cannot be, the row after it helps to tell why ([`Walk::explain`]).
    pub(super) fn step(&mut self, link: &Link) -> Result<(), Finding> {
        let Link { seq, .. } = *link;
        if seq < self.next || seq > self.ends.last_seq {
            return Err(Finding::Inserted(seq));
        }
        if seq > self.next {
            return Err(Finding::Removed(self.next, seq - 1));
        }
        if link.hash != link.hash_as(seq) {
            return Err(match self.linked_as(link) {
                // The row that was let through before took its place.
                Some(linked_as) if linked_as == seq - 1 => Finding::Inserted(linked_as),
                Some(linked_as) => Finding::Reordered { seq, linked_as },
                None => Finding::Edited(seq),
            });
        }
        if link.previous != self.previous {
            return Err(match seq == self.ends.first_seq {
                true if seq > 1 => Finding::Removed(1, seq - 1),
                true => Finding::Edited(seq),
                // The row before is sound in itself, and not the one that this one was linked to.
                false => Finding::Edited(seq - 1),
            });
        }
        if self.head.as_ref().is_some_and(|head| head.seq == seq && head.hash != link.hash) {
            return Err(Finding::Rewritten(seq));
        }
        self.next += 1;
        self.previous.clone_from(&link.hash);
        self.pruned = pruning(&link.entry).or(self.pruned.take());
        Ok(())
    }

    /// Tells more of what was found, with the row behind it.
    pub(super) fn explain(&self, found: Finding, after: Option<&Link>) -> Finding {
        let Some(after) = after else { return found };
        let linked_as = if after.hash == after.hash_as(after.seq) { None } else { self.linked_as(after) };
        match found {
            Finding::Edited(seq) if linked_as == Some(seq) => Finding::Inserted(seq),
            // Everything behind it has moved up by as much.
            Finding::Reordered { seq, linked_as: was } if was > seq && linked_as == Some(was + 1) => {
                Finding::Removed(seq, was - 1)
            }
            found => found,
        }
    }

    /// All rows were passed: that they are all there, and that those before them went in due form.
    pub(super) fn end(&self) -> Result<(), Finding> {
        let last = self.next - 1;
        if last < self.ends.last_seq {
            return Err(Finding::Removed(self.next, self.ends.last_seq));
        }
        if self.previous != self.ends.last_hash {
            return Err(Finding::Edited(last));
        }
        if let Some(head) = self.head.as_ref().filter(|head| head.seq > last) {
            return Err(Finding::Removed(self.next, head.seq));
        }
        let before = self.ends.first_seq - 1;
        if before > 0 && self.pruned != Some((before, hexadecimal(&self.ends.first_previous))) {
            return Err(Finding::Removed(1, before));
        }
        Ok(())
    }

    /// The number with which a row's hash would be right.
    fn linked_as(&self, link: &Link) -> Option<i64> {
        (self.ends.first_seq..=self.ends.last_seq).find(|seq| link.hash == link.hash_as(*seq))
    }
}

impl Link {
    /// Its hash if this were its number (`courant.audit_hash`).
    fn hash_as(&self, seq: i64) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        context.update(&self.previous);
        context.update(&seq.to_be_bytes());
        context.update(self.entry.as_bytes());
        context.finish().as_ref().to_vec()
    }
}

/// What an entry says of a pruning, if it is one. Entries that arrive through the inbox have no such keys.
fn pruning(entry: &str) -> Option<(i64, String)> {
    if !entry.contains("\"through\"") {
        return None;
    }
    let entry: Value = serde_json::from_str(entry).ok()?;
    let is_pruning = entry["event"] == "pruned";
    is_pruning.then(|| Some((entry["through"].as_i64()?, entry["hash"].as_str()?.to_owned()))).flatten()
}

/// As PostgreSQL's `encode(…, 'hex')` has it.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `SEQ:HASH`, as the log and `courant audit verify` print it.
pub(super) fn head(text: &str) -> Result<Head, &'static str> {
    const EXPECTED: &str = "expected a row's number and its hash, like 1234:9f86d0…";
    let (seq, hash) = text.split_once(':').ok_or(EXPECTED)?;
    let seq = seq.parse().map_err(|_| EXPECTED)?;
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(EXPECTED);
    }
    let byte = |at: usize| u8::from_str_radix(&hash[at..at + 2], 16);
    let hash = (0..64).step_by(2).map(byte).collect::<Result<_, _>>().map_err(|_| EXPECTED)?;
    Ok(Head { seq, hash })
}
