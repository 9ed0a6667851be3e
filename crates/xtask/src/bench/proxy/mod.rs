//! `cargo xtask bench proxy`: Courant in front of a backend, beside nginx and Varnish in front of the same one.
//!
//! The backend is hyper and nothing else, on the load's core: who stands in front of it has the other for itself.
//! Each group of rows is one file.

mod apps;
mod declared;
mod front;
mod hit;
mod miss;
mod stream;

use anyhow::Result;
use clap::ValueEnum;

use super::Rows;
use super::report::Row;
use super::stage::Stage;

/// The groups of rows, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Hit,
    Declared,
    Miss,
    Stream,
    Apps,
}

impl Rows for Group {
    fn is_of_example(self) -> bool {
        false
    }

    async fn measure(self, stage: &Stage) -> Result<Vec<Row>> {
        match self {
            Group::Hit => hit::measure(stage).await,
            Group::Declared => declared::measure(stage).await,
            Group::Miss => miss::measure(stage).await,
            Group::Stream => stream::measure(stage).await,
            Group::Apps => apps::measure(stage).await,
        }
    }
}
