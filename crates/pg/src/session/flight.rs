//! A connection during one transaction, and what becomes of it when the request goes away.

use futures_util::future::join;
use tokio_postgres::Statement;

use super::Session;
use crate::Error;
use crate::pool::{Connection, Lease, Mode, Refused, Remains};

/// How far a flight has got, which says what is to be done if it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Grounded,
    Running,
    Committing,
}

/// One transaction on a lent connection. Dropped before its end, it has its statement cancelled, unless a
/// COMMIT is on its way.
pub(super) struct Flight<'a> {
    lease: Option<Lease>,
    stage: Stage,
    session: &'a Session<'a>,
    mode: Mode,
    number: u64,
    begun: bool,
}

impl<'a> Flight<'a> {
    pub(super) fn new(mut lease: Lease, session: &'a Session<'a>, mode: Mode) -> Flight<'a> {
        let number = lease.connection_mut().next_flight();
        Flight { lease: Some(lease), stage: Stage::Grounded, session, mode, number, begun: false }
    }

    pub(super) fn connection(&self) -> &Connection {
        self.lease.as_ref().expect("it leaves the flight only when the flight ends").connection()
    }

    /// From here on, the server may be busy with it.
    pub(super) fn is_running(&mut self) {
        self.stage = Stage::Running;
    }

    /// From here on, it must not be cancelled.
    pub(super) fn is_committing(&mut self) {
        self.stage = Stage::Committing;
    }

    /// The prepared form of the statement. If this connection has not prepared it yet, begins the
    /// transaction first: only as its role, and with its search path, may the statement be parsed.
    pub(super) async fn statement(&mut self, sql: &str) -> Result<Statement, Error> {
        let lease = self.lease.as_mut().expect("it leaves the flight only when the flight ends");
        if let Some(statement) = lease.connection_mut().statements.get(self.session.role, sql) {
            return Ok(statement);
        }
        self.is_running();
        let connection = self.connection();
        let (begun, prepared) = join(self.begin(), connection.client.prepare(sql)).await;
        if let Err(refused) = begun {
            return Err(self.refused(refused));
        }
        match prepared {
            Ok(statement) => {
                self.begun = true;
                let lease = self.lease.as_mut().expect("it leaves the flight only when the flight ends");
                lease.connection_mut().statements.put(self.session.role, sql, statement.clone());
                Ok(statement)
            }
            Err(error) => {
                self.leave(Remains::Open);
                Err(error.into())
            }
        }
    }

    /// Begins the transaction, unless preparing the statement has.
    pub(super) async fn begin(&self) -> Result<(), Refused> {
        match self.begun {
            true => Ok(()),
            false => self.connection().begin(self.session, self.mode, self.number).await,
        }
    }

    /// Deals with a transaction that did not begin well and was not ended either.
    pub(super) fn refused(&mut self, refused: Refused) -> Error {
        match refused {
            Refused::Begin(error) => {
                self.abandon();
                error
            }
            Refused::Settings(error) => {
                self.leave(Remains::Open);
                error
            }
        }
    }

    /// The transaction has ended as asked: the connection is clean.
    pub(super) fn land(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// Everything was answered, but something is left to clean.
    pub(super) fn leave(&mut self, remains: Remains) {
        if let Some(lease) = self.lease.take() {
            lease.reclaim(remains);
        }
    }

    /// The connection is beyond use.
    pub(super) fn abandon(&mut self) {
        drop(self.lease.take());
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        match self.stage {
            Stage::Grounded => lease.give_back(),
            Stage::Running => lease.reclaim(Remains::Running),
            Stage::Committing => lease.reclaim(Remains::Committing),
        }
    }
}
