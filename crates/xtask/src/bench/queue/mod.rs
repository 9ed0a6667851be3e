//! `cargo xtask bench queue`: what the queue costs. Each group of rows is one file.

mod webhook;

use anyhow::Result;
use clap::ValueEnum;

use super::Rows;
use super::report::Row;
use super::stage::Stage;

/// The groups of rows, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Webhook,
}

impl Rows for Group {
    fn is_of_example(self) -> bool {
        false
    }

    async fn measure(self, stage: &Stage) -> Result<Vec<Row>> {
        match self {
            Group::Webhook => webhook::measure(stage).await,
        }
    }
}
