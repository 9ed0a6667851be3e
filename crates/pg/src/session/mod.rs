//! One transaction per request: begun, told who asks, run and ended in a single flight to the server.
//!
//! Never runs a statement outside its transaction or as another role, and never decodes what it returns.
//! Input: a [`Statement`], the role and settings of the request, and what is to run before it.

mod flight;
mod isolation;
mod settings;
mod trail;
mod transact;

use crate::pool::Lease;
use crate::{DatabaseError, Error, Pool, Row, Statement};
use flight::{Flight, Heard};
pub use isolation::Isolation;
pub use trail::{Record, Trail};
pub use transact::{Failed, Ran, Step, Transacted};

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    ReadOnly,
    /// As the database says of transactions by default.
    ReadWrite,
}

/// As whom, and with which settings, a transaction runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session<'a> {
    /// The role; none is the login's.
    pub role: Option<&'a str>,
    /// Settings by name, for the transaction only.
    pub settings: &'a [(&'a str, &'a str)],
    /// How far it is isolated from others; none as the database says of transactions by default.
    pub isolation: Option<Isolation>,
    /// A statement without parameters that runs as the role, before the request's own. It may change the role.
    pub before: Option<&'a str>,
    /// Whether what the transaction says to the response is wanted ([`Told`]).
    pub is_heard: bool,
}

/// What the transaction says to the response, by its settings `response.headers` and `response.status`. Empty where
/// nobody listened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The text of `response.headers`.
    pub headers: Option<String>,
    /// The text of `response.status`.
    pub status: Option<String>,
}

impl Told {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.headers.is_none() && self.status.is_none()
    }
}

impl Session<'_> {
    /// Refuses the role `none`: PostgreSQL would take the word for "no role", and so for the login's.
    fn check(&self) -> Result<(), Error> {
        if self.role != Some("none") {
            return Ok(());
        }
        let message = "role \"none\" does not exist".to_owned();
        let code = "22023".to_owned();
        Err(Error::Database(Box::new(DatabaseError { code, message, ..DatabaseError::default() })))
    }
}

/// Whether to commit.
#[derive(Clone, Copy)]
pub enum Commit<'a> {
    /// If the statement succeeds. The COMMIT is sent along with it.
    Always,
    /// If the statement succeeds and its row is to the caller's liking. Costs a round trip.
    If(&'a (dyn Fn(&Row) -> bool + Send + Sync)),
}

/// The outcome of a write.
#[derive(Debug)]
pub struct Written {
    /// The row that the statement returned.
    pub row: Row,
    /// Whether the transaction changed anything that was committed.
    pub wrote: bool,
    /// Whether it was committed.
    pub committed: bool,
    /// What it says to the response.
    pub told: Told,
}

impl Pool {
    /// Runs a statement that returns exactly one row, in a read-only transaction.
    ///
    /// Dropping the future cancels the statement.
    pub async fn read(&self, session: Session<'_>, statement: &Statement) -> Result<Row, Error> {
        self.heard(session, &[statement], 1).await?.row()
    }

    /// The same, with what the transaction says to the response.
    pub async fn read_told(&self, session: Session<'_>, statement: &Statement) -> Result<(Row, Told), Error> {
        let mut heard = self.heard(session, &[statement], 1).await?;
        let told = heard.told();
        Ok((heard.row()?, told))
    }

    /// The same with a statement that returns exactly `count` rows.
    pub async fn read_rows(
        &self,
        session: Session<'_>,
        statement: &Statement,
        count: usize,
    ) -> Result<Vec<Row>, Error> {
        self.heard(session, &[statement], count).await?.rows(count)
    }

    /// The same with several statements in one transaction, each of which returns at most `rows_max` rows.
    pub async fn read_each(
        &self,
        session: Session<'_>,
        statements: &[&Statement],
        rows_max: usize,
    ) -> Result<Vec<Vec<Row>>, Error> {
        self.heard(session, statements, rows_max).await?.all()
    }

    async fn heard(
        &self,
        session: Session<'_>,
        statements: &[&Statement],
        rows: usize,
    ) -> Result<Heard, Error> {
        session.check()?;
        let lease = self.lease().await?;
        let reused = lease.reused;
        match read(lease, &session, statements, rows).await {
            // The connection may have died while it was idle, and a read can be repeated.
            Err(error) if reused && (is_stale(&error) || matches!(error, Error::Lost(_))) => {
                read(self.lease_new().await?, &session, statements, rows).await
            }
            result => result,
        }
    }

    /// Runs a statement that returns exactly one row, in a transaction that may write. If it has written, its
    /// trail precedes the COMMIT.
    ///
    /// Dropping the future cancels the statement, unless the COMMIT has been sent, which for
    /// [`Commit::Always`] is from the beginning. With [`Commit::Always`], a statement that returns no row or
    /// several is committed although the result is [`Error::RowCount`].
    pub async fn write(
        &self,
        session: Session<'_>,
        statement: &Statement,
        trail: Trail<'_>,
        decide: Commit<'_>,
    ) -> Result<Written, Error> {
        session.check()?;
        let lease = self.lease().await?;
        let reused = lease.reused;
        match write(lease, &session, statement, trail, decide).await {
            // The statement was refused before it ran, so it can be repeated.
            Err(error) if reused && is_stale(&error) => {
                write(self.lease_new().await?, &session, statement, trail, decide).await
            }
            result => result,
        }
    }
}

fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.is_stale_plan())
}

async fn read(
    lease: Lease,
    session: &Session<'_>,
    statements: &[&Statement],
    rows: usize,
) -> Result<Heard, Error> {
    let mut flight = Flight::new(lease, session);
    let begun = flight.begin(false, Mode::ReadOnly)?;
    flight.settle(Mode::ReadOnly)?;
    statements.iter().try_for_each(|statement| flight.run(statement))?;
    if begun {
        flight.command("commit")?;
    }
    let heard = flight.land(rows).await?;
    flight.finish();
    Ok(heard)
}

async fn write(
    lease: Lease,
    session: &Session<'_>,
    statement: &Statement,
    trail: Trail<'_>,
    decide: Commit<'_>,
) -> Result<Written, Error> {
    let mut flight = Flight::new(lease, session);
    let Commit::If(decide) = decide else {
        let begun = flight.begin(false, Mode::ReadWrite)?;
        flight.settle(Mode::ReadWrite)?;
        flight.run(statement)?;
        flight.leave(trail)?;
        flight.is_committing();
        if begun {
            flight.command("commit")?;
        }
        let mut heard = flight.land(1).await?;
        flight.finish();
        let (wrote, told) = (heard.wrote, heard.told());
        return Ok(Written { row: heard.row()?, wrote, committed: true, told });
    };
    // Begun explicitly, it is not over with the first Sync.
    flight.begin(true, Mode::ReadWrite)?;
    flight.settle(Mode::ReadWrite)?;
    flight.run(statement)?;
    let mut heard = flight.land(1).await?;
    let told = heard.told();
    let row = match heard.row() {
        Ok(row) => row,
        Err(error) => {
            flight.finish();
            return Err(error);
        }
    };
    let committed = decide(&row);
    if committed {
        flight.leave(trail)?;
        flight.is_committing();
    }
    flight.command(if committed { "commit" } else { "rollback" })?;
    let wrote = flight.land(1).await?.wrote;
    flight.finish();
    Ok(Written { row, wrote, committed, told })
}
