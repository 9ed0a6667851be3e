//! Several statements in one transaction, each with settings of its own: all of them hold, or none.
//!
//! They are sent together. The first one that fails has the server pass over the rest; if none does, the caller
//! looks at what they returned before the transaction ends.

use super::flight::Flight;
use super::{Mode, Record, Session, Told, is_stale};
use crate::pool::Lease;
use crate::{Error, Pool, Row, Statement};

/// One statement of several.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// As whom, and with which settings, it runs.
    pub session: Session<'a>,
    /// What runs.
    pub statement: &'a Statement,
    /// Whether it must not write.
    pub reads_only: bool,
    /// Its entry in the audit log, if the transaction has written by then.
    pub record: Option<&'a Record>,
}

/// What came of a step.
#[derive(Debug)]
pub struct Ran {
    /// The rows that its statement returned.
    pub rows: Vec<Row>,
    /// What it says to the response.
    pub told: Told,
}

/// The outcome of a transaction.
#[derive(Debug)]
pub struct Transacted {
    /// What came of each step.
    pub steps: Vec<Ran>,
    /// Whether it changed anything that was committed.
    pub wrote: bool,
    /// Whether it was committed.
    pub committed: bool,
}

/// A transaction that failed, and did nothing.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Failed {
    /// The step at fault; none where all ran, and only their end failed.
    pub step: Option<usize>,
    /// Why.
    pub source: Error,
}

impl Pool {
    /// Runs all steps, each of which returns at most `rows_max` rows, and commits if the caller likes what they
    /// returned. If anything was written, a logical message with the content `mark` precedes the COMMIT.
    ///
    /// Dropping the future cancels the statement that runs, unless the COMMIT has been sent.
    pub async fn transact(
        &self,
        steps: &[Step<'_>],
        rows_max: usize,
        mark: &str,
        acceptable: &(dyn Fn(&[Ran]) -> bool + Send + Sync),
    ) -> Result<Transacted, Failed> {
        let before = |source| Failed { step: None, source };
        for (number, step) in steps.iter().enumerate() {
            step.session.check().map_err(|source| Failed { step: Some(number), source })?;
        }
        let lease = self.lease().await.map_err(before)?;
        let reused = lease.reused;
        match transact(lease, steps, rows_max, mark, acceptable).await {
            // It was refused before it ran, so it can be repeated.
            Err(Failed { source, .. }) if reused && is_stale(&source) => {
                let lease = self.lease_new().await.map_err(before)?;
                transact(lease, steps, rows_max, mark, acceptable).await
            }
            result => result,
        }
    }
}

async fn transact(
    lease: Lease,
    steps: &[Step<'_>],
    rows_max: usize,
    mark: &str,
    acceptable: &(dyn Fn(&[Ran]) -> bool + Send + Sync),
) -> Result<Transacted, Failed> {
    let nobody = Session::default();
    let mut flight = Flight::new(lease, steps.first().map_or(&nobody, |step| &step.session));
    let run = async {
        // As isolated as the first one wishes; all are of one role.
        flight.begin(true, Mode::ReadWrite)?;
        let mut left = None;
        for step in steps {
            add(&mut flight, step, left)?;
            left = if step.reads_only { left } else { Some(&step.session) };
        }
        flight.land(rows_max).await
    };
    let heard = match run.await {
        Ok(heard) => heard,
        Err(source) => {
            let step = Some(flight.completed()).filter(|step| *step < steps.len());
            return Err(Failed { step, source });
        }
    };
    let end = async {
        let steps: Vec<Ran> = heard.each()?.into_iter().map(|(rows, told)| Ran { rows, told }).collect();
        let committed = acceptable(&steps);
        if committed {
            flight.leave(super::Trail::mark(mark))?;
            flight.is_committing();
        }
        flight.command(if committed { "commit" } else { "rollback" })?;
        let wrote = flight.land(1).await?.wrote;
        Ok(Transacted { steps, wrote, committed })
    };
    let ended = end.await.map_err(|source| Failed { step: None, source });
    flight.finish();
    ended
}

/// What a reader is told of settings ends with it; what a writer `left`, and this step is not told, is taken back.
fn add<'a>(flight: &mut Flight<'a>, step: &'a Step<'a>, left: Option<&Session<'_>>) -> Result<(), Error> {
    flight.turn_to(&step.session);
    let is_told = |name: &str| step.session.settings.iter().any(|(told, _)| *told == name);
    let settings = left.map_or(&[][..], |session| session.settings);
    let old = settings.iter().map(|(name, _)| *name).filter(|name| !is_told(name));
    if step.reads_only {
        flight.command("savepoint courant_step")?;
        flight.unsettle(old)?;
        flight.settle(Mode::ReadOnly)?;
        flight.run(step.statement)?;
        flight.command("rollback to savepoint courant_step")?;
        return flight.command("release savepoint courant_step");
    }
    flight.unsettle(old)?;
    flight.settle(Mode::ReadWrite)?;
    flight.run(step.statement)?;
    step.record.map_or(Ok(()), |record| flight.record(record))
}
