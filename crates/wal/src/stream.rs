//! The conversation with the WAL sender: events out, positions in, status updates in time.
//!
//! Never reconnects and never spawns: all work is done inside [`Stream::next`], so whoever owns the stream
//! must keep calling it. Input comes from a replication connection and the clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pg::connect::Opened;
use pg::wire::{Frame, Wire};
use pg::{Lsn, Transaction};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::assembly::Assembly;
use crate::error::Error;
use crate::gathering::Limits;
use crate::replication;
use crate::slot::{Slot, publication_exists};

const XLOG_DATA: u8 = b'w';
const XLOG_DATA_HEAD: usize = 25;
const KEEPALIVE: u8 = b'k';
/// Status updates that the socket did not take are not added to for ever.
const OUTBOX_BYTES_MAX: usize = 4096;
/// PostgreSQL counts time from 2000-01-01.
const POSTGRES_EPOCH: Duration = Duration::from_secs(946_684_800);

/// What to stream, and within which bounds.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The publication, by its plain name.
    pub publication: String,
    /// The server hears of us at least this often. Well below `wal_sender_timeout`.
    pub status_interval: Duration,
    /// A server that is silent for this long is taken for dead. Well above `status_interval`.
    pub silence_max: Duration,
    /// How many row changes of one transaction are kept. Past it, relations are told as
    /// [`pg::Change::Whole`], the largest first.
    pub changes_max: usize,
    /// How many bytes the row changes of one transaction may take. Past it, likewise.
    pub bytes_max: usize,
    /// How many bytes the row changes of all streamed transactions together may take. Past it, likewise,
    /// in the largest transaction.
    pub streamed_bytes_max: usize,
}

impl StreamOptions {
    /// The defaults, for a publication.
    pub fn new(publication: impl Into<String>) -> StreamOptions {
        StreamOptions {
            publication: publication.into(),
            status_interval: Duration::from_secs(5),
            silence_max: Duration::from_secs(60),
            changes_max: 50_000,
            bytes_max: 32 * 1024 * 1024,
            streamed_bytes_max: 128 * 1024 * 1024,
        }
    }
}

/// What the stream tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A transaction has committed.
    Transaction(Transaction),
    /// Every transaction whose commit record ends at or before `end` has been told.
    Keepalive {
        /// Never less than in any event before.
        end: Lsn,
    },
}

/// Asks for positions from anywhere, while the stream's owner awaits [`Stream::next`].
#[derive(Clone, Debug)]
pub struct Handle {
    asked: Arc<Notify>,
}

impl Handle {
    /// Has the server asked for its position, so that an [`Event::Keepalive`] comes at once. Requests made
    /// before the question is sent share it; one made later is another question.
    pub fn request_position(&self) {
        self.asked.notify_one();
    }
}

/// A change stream: a replication connection with a temporary slot.
pub struct Stream {
    wire: Wire,
    assembly: Assembly,
    slot: Slot,
    asked: Arc<Notify>,
    status: Status,
    heard: Instant,
    silence_max: Duration,
}

impl Stream {
    /// Logs in, creates the slot and starts streaming from it.
    ///
    /// The slot is ready when each transaction that had written and was open has ended: with a forgotten
    /// one, never. Dropping the future gives up.
    ///
    /// The server counts it among its standbys: where `synchronous_standby_names` matches the login's
    /// `application_name`, commits wait for [`Stream::confirm`].
    pub async fn open(opened: Opened, options: StreamOptions) -> Result<Stream, Error> {
        let mut wire = replication::begin(opened).await?;
        publication_exists(&mut wire, &options.publication).await?;
        let slot = Slot::create(&mut wire).await?;
        slot.start(&mut wire, &options.publication).await?;
        let StreamOptions { changes_max, bytes_max, streamed_bytes_max, .. } = options;
        let now = Instant::now();
        Ok(Stream {
            wire,
            assembly: Assembly::new(Limits { changes_max, bytes_max, streamed_bytes_max }),
            status: Status {
                received: slot.consistent_point,
                confirmed: slot.consistent_point,
                interval: options.status_interval,
                due: now,
                reply_wanted: false,
            },
            slot,
            asked: Arc::default(),
            heard: now,
            silence_max: options.silence_max,
        })
    }

    /// The slot's name, as in `pg_replication_slots`.
    pub fn slot_name(&self) -> &str {
        &self.slot.name
    }

    /// Where the slot begins: transactions that committed later are told.
    pub fn consistent_point(&self) -> Lsn {
        self.slot.consistent_point
    }

    /// A handle to ask for positions with.
    pub fn handle(&self) -> Handle {
        Handle { asked: Arc::clone(&self.asked) }
    }

    /// Confirms everything up to a position, so that the server can recycle its WAL.
    ///
    /// Keepalives want to be confirmed like transactions: a server that shuts down waits until all its
    /// log is confirmed. Sent with the next status update.
    pub fn confirm(&mut self, position: Lsn) {
        self.status.confirmed = self.status.confirmed.max(position);
    }

    /// The next event. Cancel safe: what has been read stays with the stream.
    ///
    /// Rows are slices of the buffers they were read into: whoever wants to keep a few of them for long
    /// copies them.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let now = Instant::now();
            self.status.write(now, self.heard, self.wire.outbox());
            self.wire.offer().await;
            while let Some(frame) = self.wire.frame()? {
                if let Some(event) = self.take(frame)? {
                    return Ok(event);
                }
            }
            let silent = self.heard + self.silence_max;
            tokio::select! {
                biased;
                () = self.asked.notified() => self.status.ask(now),
                read = self.wire.exchange() => {
                    read?;
                    self.heard = Instant::now();
                }
                // Polled last: a caller who was away for long finds what came meanwhile, not silence.
                () = sleep_until(self.status.due.min(silent)) => {
                    if silent <= Instant::now() {
                        return Err(Error::Silent(self.silence_max));
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Event>, Error> {
        let Frame::CopyData(mut piece) = frame else {
            // CopyDone or CommandComplete: a server that shuts down says goodbye.
            return Err(Error::Closed { reason: "the server ended the stream".to_owned(), source: None });
        };
        match piece.first() {
            Some(&XLOG_DATA) if piece.len() > XLOG_DATA_HEAD => {
                piece.advance(XLOG_DATA_HEAD);
                let Some(transaction) = self.assembly.push(piece)? else { return Ok(None) };
                self.status.received = self.status.received.max(transaction.end);
                Ok(Some(Event::Transaction(transaction)))
            }
            Some(&KEEPALIVE) => self.keepalive(piece).map(Some),
            _ => Err(Error::Protocol("unknown piece in the stream".to_owned())),
        }
    }

    /// The position that a keepalive carries is where decoding stands. While a commit is being sent it is
    /// that commit's beginning, and a streamed transaction's blocks are sent at positions before its
    /// commit; so all that lies before it has been told, whenever the keepalive comes.
    fn keepalive(&mut self, mut piece: Bytes) -> Result<Event, Error> {
        if piece.len() != 18 {
            return Err(Error::Protocol("a keepalive of the wrong length".to_owned()));
        }
        piece.advance(1);
        self.status.received = self.status.received.max(Lsn(piece.get_u64()));
        piece.advance(8); // the server's clock
        if piece.get_u8() == 1 {
            // Answered by the next call, when this event may have been confirmed.
            self.status.due = Instant::now();
        }
        Ok(Event::Keepalive { end: self.status.received })
    }
}

/// What the server is to hear of us, and when.
struct Status {
    received: Lsn,
    confirmed: Lsn,
    interval: Duration,
    due: Instant,
    reply_wanted: bool,
}

impl Status {
    fn ask(&mut self, now: Instant) {
        self.reply_wanted = true;
        self.due = now;
    }

    /// Writes a standby status update if one is due. A server with nothing to say is asked to say so.
    fn write(&mut self, now: Instant, heard: Instant, outbox: &mut BytesMut) {
        if self.due > now {
            return;
        }
        self.due = now + self.interval;
        if outbox.len() > OUTBOX_BYTES_MAX {
            return; // It does not read; what it would read first is as good.
        }
        self.reply_wanted |= heard + self.interval <= now;
        let clock = SystemTime::now().duration_since(UNIX_EPOCH + POSTGRES_EPOCH).unwrap_or_default();
        outbox.put_u8(b'd');
        outbox.put_u32(38);
        outbox.put_u8(b'r');
        outbox.put_u64(self.received.max(self.confirmed).0); // written
        outbox.put_u64(self.confirmed.0); // flushed
        outbox.put_u64(self.confirmed.0); // applied
        outbox.put_u64(u64::try_from(clock.as_micros()).unwrap_or_default());
        outbox.put_u8(self.reply_wanted.into());
        self.reply_wanted = false;
    }
}
