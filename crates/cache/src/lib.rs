//! The always-current cache: answers, what each of them read, and the rules by which the change stream
//! keeps them true.
//!
//! Never knows HTTP, SQL text, sockets or clocks: callers hand in [`Moment`]s of one monotonic clock,
//! snapshots, read sets, and the transactions that the write-ahead log tells of. Nothing here waits.
//!
//! An answer is right because of six things, each of which the simulator (`simulate`) proves necessary:
//! a fill is stored only if its snapshot sees every logged transaction that touches what it read
//! ([`Cache::store`]); an applied transaction drops what it touches ([`Cache::apply`]); what happened
//! before the stream stood is behind a barrier ([`Cache::open`]); a transaction is forgotten only when
//! no fill can still be blind to it (`log`); a hit needs proof that the stream was followed up to a
//! recent moment (`gate`); and a new epoch begins with nothing ([`Cache::close`]).

mod cache;
mod charge;
mod coherence;
mod fill;
mod following;
mod freshness;
mod gate;
mod index;
mod key;
mod log;
mod lookup;
mod moment;
mod read_set;
mod rules;
#[cfg(any(test, feature = "simulate"))]
pub mod simulate;
mod statistics;
mod store;
mod storing;
mod tag;
mod touch;
mod upkeep;

pub use cache::Cache;
pub use coherence::Doubt;
pub use fill::{Answer, Fill, Refusal};
pub use following::{Closing, Poll};
pub use gate::{Bypass, Need};
pub use key::{Key, KeyBuilder, KeySecret, StoreId};
pub use lookup::Lookup;
pub use moment::Moment;
pub use statistics::{Statistics, StoreStatistics};
pub use store::Limits;
