//! One transaction per request: begun, told who asks, run and ended in a single flight to the server.
//!
//! Never runs a statement outside its transaction or as another role, and never decodes what it returns.
//! Input: a [`Statement`], and the role and settings of the request.

mod flight;
mod parameter;

use futures_util::future::{join, join3, join4};
use tokio_postgres::Row;

pub(crate) use parameter::Text;

use crate::pool::{Lease, Mode, Refused, Remains};
use crate::{DatabaseError, Error, Pool, Statement};
use flight::Flight;

/// As whom, and with which settings, a transaction runs.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The role; none is the login's.
    pub role: Option<&'a str>,
    /// Settings by name, for the transaction only.
    pub settings: &'a [(&'a str, &'a str)],
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
}

impl Pool {
    /// Runs a statement that returns exactly one row, in a read-only transaction.
    ///
    /// Dropping the future cancels the statement.
    pub async fn read(&self, session: Session<'_>, statement: &Statement) -> Result<Row, Error> {
        session.check()?;
        let lease = self.lease().await?;
        let reused = lease.reused;
        match read(lease, &session, statement).await {
            // The connection may have died while it was idle, and a read can be repeated.
            Err(error) if reused && (is_stale(&error) || matches!(error, Error::Lost(_))) => {
                read(self.lease_new().await?, &session, statement).await
            }
            result => result,
        }
    }

    /// Runs a statement that returns exactly one row, in a transaction that may write. If it has written,
    /// a logical message with the content `mark` precedes the COMMIT.
    ///
    /// Dropping the future cancels the statement, unless the COMMIT has been sent, which for
    /// [`Commit::Always`] is from the beginning. With [`Commit::Always`], a statement that returns no row or
    /// several is committed although the result is [`Error::RowCount`].
    pub async fn write(
        &self,
        session: Session<'_>,
        statement: &Statement,
        mark: Option<&str>,
        decide: Commit<'_>,
    ) -> Result<Written, Error> {
        session.check()?;
        let lease = self.lease().await?;
        let reused = lease.reused;
        match write(lease, &session, statement, mark, decide).await {
            // The statement was refused before it ran, so it can be repeated.
            Err(error) if reused && is_stale(&error) => {
                write(self.lease_new().await?, &session, statement, mark, decide).await
            }
            result => result,
        }
    }
}

fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.is_stale_plan())
}

async fn read(lease: Lease, session: &Session<'_>, statement: &Statement) -> Result<Row, Error> {
    let mut flight = Flight::new(lease, session, Mode::ReadOnly);
    let prepared = flight.statement(&statement.sql).await?;
    flight.is_running();
    let connection = flight.connection();
    let row = connection.row(&prepared, &statement.parameters);
    let (begun, row, ended) = join3(flight.begin(), row, connection.end("commit")).await;
    conclude(&mut flight, begun, row, Ok(()), ended).map(|(row, ())| row)
}

async fn write(
    lease: Lease,
    session: &Session<'_>,
    statement: &Statement,
    mark: Option<&str>,
    decide: Commit<'_>,
) -> Result<Written, Error> {
    let mut flight = Flight::new(lease, session, Mode::ReadWrite);
    let prepared = flight.statement(&statement.sql).await?;
    let Commit::If(decide) = decide else {
        flight.is_committing();
        let connection = flight.connection();
        let row = connection.row(&prepared, &statement.parameters);
        let (begun, row, wrote, ended) =
            join4(flight.begin(), row, connection.mark(mark), connection.end("commit")).await;
        let (row, wrote) = conclude(&mut flight, begun, row, wrote, ended)?;
        return Ok(Written { row, wrote, committed: true });
    };
    flight.is_running();
    let connection = flight.connection();
    let (begun, row) = join(flight.begin(), connection.row(&prepared, &statement.parameters)).await;
    if let Err(refused) = begun {
        return Err(flight.refused(refused));
    }
    let row = match row {
        Ok(row) => row,
        Err(error) => {
            flight.leave(Remains::Open);
            return Err(error);
        }
    };
    flight.is_committing();
    let connection = flight.connection();
    if decide(&row) {
        let (wrote, ended) = join(connection.mark(mark), connection.end("commit")).await;
        let (row, wrote) = conclude(&mut flight, Ok(()), Ok(row), wrote, ended)?;
        return Ok(Written { row, wrote, committed: true });
    }
    let ended = connection.end("rollback").await;
    let (row, ()) = conclude(&mut flight, Ok(()), Ok(row), Ok(()), ended)?;
    Ok(Written { row, wrote: false, committed: false })
}

/// Ends the flight, and finds the error that counts: the first, since the later ones follow from it.
fn conclude<R, W>(
    flight: &mut Flight<'_>,
    begun: Result<(), Refused>,
    row: Result<R, Error>,
    wrote: Result<W, Error>,
    ended: Result<(), Error>,
) -> Result<(R, W), Error> {
    let stale = row.as_ref().is_err_and(is_stale) || wrote.as_ref().is_err_and(is_stale);
    match (&begun, &ended) {
        (Err(Refused::Begin(_)), _) => flight.abandon(),
        (Err(Refused::Settings(error)), _) if is_stale(error) => flight.abandon(),
        // Other statements of this connection may be stale as well.
        _ if stale => flight.abandon(),
        (_, Ok(())) => flight.land(),
        // Where COMMIT itself failed, the transaction is over, or failed and still open.
        (_, Err(Error::Database(_))) => flight.leave(Remains::Unknown),
        (_, Err(_)) => flight.abandon(),
    }
    begun.map_err(|(Refused::Begin(error) | Refused::Settings(error))| error)?;
    let (row, wrote) = (row?, wrote?);
    ended?;
    Ok((row, wrote))
}
