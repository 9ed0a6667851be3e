//! Writers that wait until the change loop has passed their own transaction.
//!
//! A write through this node emits a logical message, its mark, before it commits. When the loop has
//! applied the transaction that carries the mark, every cached answer that the write made old is gone, and
//! the writer may be told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pg::{Lsn, Transaction};
use tokio::sync::oneshot;

/// The prefix of a mark's logical message.
pub(crate) const PREFIX: &str = "courant";

/// The marks that are waited for.
pub(crate) struct Marks {
    /// Tells this node's marks from another's.
    node: u64,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

/// Who waits, and whether there is anything to wait for.
#[derive(Default)]
struct Waiting {
    followed: bool,
    by_number: HashMap<u64, oneshot::Sender<Lsn>>,
}

/// One writer's mark; forgotten when dropped.
pub(crate) struct Mark<'a> {
    marks: &'a Marks,
    number: u64,
    passed: oneshot::Receiver<Lsn>,
}

impl Marks {
    /// None waiting, under a number that no other node has.
    pub(crate) fn new() -> Marks {
        let node = std::hash::BuildHasher::hash_one(&foldhash::fast::RandomState::default(), "node");
        Marks { node, next: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// A new mark, to be emitted by the transaction about to run. Nobody waits for it while no stream is
    /// followed.
    pub(crate) fn set(&self) -> Mark<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, passed) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.followed {
            waiting.by_number.insert(number, sender);
        }
        drop(waiting);
        Mark { marks: self, number, passed }
    }

    /// Wakes the writer of this transaction, which has been applied.
    pub(crate) fn pass(&self, transaction: &Transaction) {
        for message in transaction.messages.iter().filter(|message| message.prefix == PREFIX) {
            let Ok(text) = std::str::from_utf8(&message.content) else { continue };
            let Some((node, number)) = text.split_once('-') else { continue };
            let (Ok(node), Ok(number)) = (u64::from_str_radix(node, 16), number.parse::<u64>()) else {
                continue;
            };
            if node == self.node
                && let Some(writer) = self.waiting.lock().by_number.remove(&number)
            {
                // The writer may have given up; then nobody needs to know.
                let _ = writer.send(transaction.end);
            }
        }
    }

    /// A stream is followed from here on: writers may wait for it.
    pub(crate) fn follow(&self) {
        self.waiting.lock().followed = true;
    }

    /// Lets every writer go: there is no stream to wait for. A later one may tell of writes that are under
    /// way now, and nobody will have waited for those.
    pub(crate) fn release(&self) {
        *self.waiting.lock() = Waiting::default();
    }
}

impl Mark<'_> {
    /// The message's content.
    pub(crate) fn text(&self) -> String {
        format!("{:x}-{}", self.marks.node, self.number)
    }

    /// Waits until the transaction was applied; `None` when nobody can tell whether it was.
    pub(crate) async fn passed(&mut self) -> Option<Lsn> {
        (&mut self.passed).await.ok()
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.marks.waiting.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg::Message;

    fn transaction(text: &str) -> Transaction {
        let message = Message { prefix: PREFIX.to_owned(), content: text.to_owned().into() };
        Transaction { xid: 1, end: Lsn(9), changes: Vec::new(), messages: vec![message] }
    }

    #[tokio::test]
    async fn a_writer_wakes_when_its_own_transaction_was_applied() {
        let (marks, others) = (Marks::new(), Marks::new());
        marks.follow();
        others.follow();
        let (mut mine, foreign) = (marks.set(), others.set());
        marks.pass(&transaction(&foreign.text()));
        assert_eq!(marks.waiting.lock().by_number.len(), 1);
        marks.pass(&transaction(&mine.text()));
        assert_eq!(mine.passed().await, Some(Lsn(9)));
    }

    #[tokio::test]
    async fn no_writer_waits_for_a_stream_that_ended() {
        let marks = Marks::new();
        marks.follow();
        let mut mark = marks.set();
        marks.release();
        assert_eq!(mark.passed().await, None);
        assert_eq!(marks.set().passed().await, None);
        drop(mark);
        assert!(marks.waiting.lock().by_number.is_empty());
    }
}
