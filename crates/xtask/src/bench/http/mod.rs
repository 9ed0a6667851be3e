//! `cargo xtask bench http`: Courant's own API beside what serves the same from the same PostgreSQL.
//!
//! Each group of rows is one file.

mod bulk;
mod cached;
mod catalog;
mod dashboard;
mod freshness;
mod hits;
mod idle;
mod language;
mod memory;
mod point;
mod sequence;

use anyhow::Result;
use clap::ValueEnum;

use super::Rows;
use super::report::Row;
use super::stage::Stage;

/// The groups of rows, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Cached,
    Point,
    Language,
    Dashboard,
    Freshness,
    Bulk,
    Memory,
    Hits,
    Idle,
    Catalog,
}

impl Rows for Group {
    fn is_of_example(self) -> bool {
        matches!(self, Group::Dashboard | Group::Idle)
    }

    async fn measure(self, stage: &Stage) -> Result<Vec<Row>> {
        match self {
            Group::Cached => cached::measure(stage).await,
            Group::Point => point::measure(stage).await,
            Group::Language => language::measure(stage).await,
            Group::Dashboard => dashboard::measure(stage).await,
            Group::Freshness => freshness::measure(stage).await,
            Group::Bulk => bulk::measure(stage).await,
            Group::Memory => memory::measure(stage).await,
            Group::Hits => hits::measure(stage).await,
            Group::Idle => idle::measure(stage).await,
            Group::Catalog => catalog::measure(stage).await,
        }
    }
}
