//! Treatment: applies what a report proposes, measures it by running statements, and takes back what did not help.
//!
//! Every change stands in the ledger before it begins, with what takes it back; whoever comes after a kill cleans up first.
//! An index is kept where some statement reads fewer blocks and is faster beyond the noise, and none is slower by a tenth.
//! Runs statements of the user's only here, read-only, under a time limit: those of the workload that was given.

mod index;
mod judgement;
mod ledger;
mod measure;
mod plan;
mod treat;

use serde::Serialize;

pub use judgement::Comparison;
pub use plan::{Plan, Refused, plan};
pub use treat::{apply, undo};

/// What is being done at the moment.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something that a killed run left was cleaned up.
    Recovered(&'a str),
    /// Statements are run, so many times each.
    Measuring {
        /// For which finding.
        finding: &'a str,
        /// How many statements.
        statements: usize,
    },
    /// A change begins.
    Applying(&'a str),
    /// A lock did not come free; it will be tried again.
    Waiting {
        /// For what.
        what: &'a str,
        /// How often it was tried.
        tries: u32,
    },
    /// A finding is done with.
    Done(&'a Outcome),
}

/// What became of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It stays.
    Kept,
    /// It did not help, or hurt: everything is as before.
    TakenBack,
    /// It was not tried.
    Refused,
    /// It could not be done; everything is as before.
    Failed,
    /// `undo` took it back.
    Undone,
}

/// What became of a finding's fix, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The finding.
    pub finding: String,
    /// What became of it.
    pub state: State,
    /// Why, in a line.
    pub why: String,
    /// What was measured.
    pub measured: Vec<Comparison>,
}

/// Where events go.
pub type Told<'a> = &'a mut (dyn FnMut(Event<'_>) + Send);
