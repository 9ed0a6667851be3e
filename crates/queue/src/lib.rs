//! Jobs in PostgreSQL, enqueued in the app's own transaction and run at least once.
//!
//! An app enqueues by SQL (`courant.enqueue`); [`Lane`] claims what waits in one queue; [`work`] runs it with handlers,
//! and [`Pulls`] hands it to workers outside; [`Reports`] tells the database how it ended; [`Leases`] keeps what runs
//! and hears of cancellations; [`housekeep`] does what has its time; [`webhook`] keeps what others' servers tell, once
//! each, as jobs. `docs/queue.md` has the state machine.
//!
//! Never knows HTTP, and never holds a job only in memory: whatever this process forgets, a lease gives back. Input is
//! the database, the configuration, and news from the log ([`News`]).

mod backoff;
mod batch;
mod behind;
mod control;
mod error;
mod job;
mod lane;
mod leases;
mod news;
mod periodic;
mod places;
mod pull;
mod rate;
mod reports;
pub mod schema;
mod sql_handler;
mod store;
mod survey;
mod upkeep;
pub mod webhook;
mod worker;

pub use backoff::Backoff;
pub use control::Which;
pub use error::QueueError;
pub use job::{Claimed, Outcome, Run};
pub use lane::{Lane, LaneSettings};
pub use leases::Leases;
pub use news::News;
pub use periodic::{Periodic, PeriodicError, Schedule};
pub use pull::Pulls;
pub use rate::{Rate, RateLimit};
pub use reports::Reports;
pub use sql_handler::{SqlHandler, SqlHandlers};
pub use store::{Extended, Store, Waiting};
pub use upkeep::{Retention, housekeep};
pub use worker::{Finished, Work, work};
