//! A job as a worker sees it, and how a run of it can end.

use std::time::Duration;

/// One run of a job. Only who names it may report on it, and only until another run of the job has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The job.
    pub id: i64,
    /// Which claim of it.
    pub attempt: i32,
}

/// A job that was claimed.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The run that begins.
    pub run: Run,
    /// Its place in the order of its queue and priority.
    pub seq: i64,
    /// From 0, the first, to 9.
    pub priority: i16,
    /// What is to be done.
    pub kind: String,
    /// With what: JSON.
    pub args: String,
    /// Runs that were put off, which do not count as attempts.
    pub snoozes: i32,
    /// Attempts after which it is discarded.
    pub max_attempts: i32,
    /// Whether it runs alone among those of its key.
    pub is_serial: bool,
    /// Whether somebody wants it cancelled.
    pub cancel_requested: bool,
    /// Whether its last worker never reported.
    pub was_lost: bool,
    /// How long it was available before.
    pub waited: Duration,
}

impl Claimed {
    /// The attempt as a user counts it: what was put off is none.
    pub fn tries(&self) -> i32 {
        self.run.attempt - self.snoozes
    }

    /// As workers outside are told of it. Its arguments stand in it as they are: numbers of any length among them.
    pub fn json(&self) -> String {
        let head = serde_json::json!({
            "id": self.run.id,
            "attempt": self.run.attempt,
            "tries": self.tries(),
            "max_attempts": self.max_attempts,
            "kind": self.kind,
        });
        let head = head.to_string();
        format!("{},\"args\":{}}}", head.trim_end_matches('}'), self.args)
    }

    /// Whether its last attempt was lost with its worker.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.tries() > self.max_attempts
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// Done, and the handler has told the database in its own transaction.
    Settled,
    /// Not done: to be tried again after that time, or after a time of the queue's choice, while attempts are left.
    Failed {
        /// What went wrong.
        error: String,
        /// When to try again.
        after: Option<Duration>,
    },
    /// Not done, and trying again would not help.
    Discarded {
        /// What went wrong.
        error: String,
    },
    /// Not now: to be run after that time, and not counted as an attempt.
    Snoozed(Duration),
}

impl Outcome {
    /// For statistics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Completed | Outcome::Settled => "completed",
            Outcome::Failed { .. } => "failed",
            Outcome::Discarded { .. } => "discarded",
            Outcome::Snoozed(_) => "snoozed",
        }
    }
}
