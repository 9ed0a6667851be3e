//! `cargo xtask bench queue`: Courant's queue beside graphile-worker and pg-boss on the same PostgreSQL, and BullMQ on
//! Redis.
//!
//! Whoever works on jobs has the load's core, Courant's node among them; the stores have the other. All workers are
//! JavaScript in the same Node.js and do nothing with their jobs; Courant's is one outside, over HTTP. Each group of
//! rows is one file, and `roles.mjs` says what a worker is asked to do.

mod beside;
mod drain;
mod enqueue;
mod latency;
mod many;
mod webhook;
mod worker;

use anyhow::Result;
use clap::ValueEnum;

use super::Rows;
use super::report::Row;
use super::stage::{Peers, Stage};

/// The groups of rows, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Drain,
    Pinned,
    Latency,
    Enqueue,
    Beside,
    Many,
    Webhook,
}

impl Rows for Group {
    fn is_of_example(self) -> bool {
        false
    }

    fn peers() -> Peers {
        Peers::Queues
    }

    async fn measure(self, stage: &Stage) -> Result<Vec<Row>> {
        match self {
            Group::Drain => drain::measure(stage, false).await,
            Group::Pinned => drain::measure(stage, true).await,
            Group::Latency => latency::measure(stage).await,
            Group::Enqueue => enqueue::measure(stage).await,
            Group::Beside => beside::measure(stage).await,
            Group::Many => many::measure(stage).await,
            Group::Webhook => webhook::measure(stage).await,
        }
    }
}
