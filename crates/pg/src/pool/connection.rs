//! One connection: its client, its driver, and the statements it has prepared; and the parts of a flight.
//!
//! A flight is a transaction of which all parts are sent before any answer is awaited. tokio-postgres sends
//! when a future is first polled, so the parts are futures that the caller polls in order, once each, before
//! it waits; `futures_util::future::join…` does that (`tokio::join!` may begin anywhere).

use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::join;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Row, Statement};

use super::Shared;
use super::statements::Statements;
use crate::connect::Route;
use crate::session::{Session, Text};
use crate::{Error, Parameter};

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadWrite,
}

/// Why a transaction did not begin as it should.
pub(crate) enum Refused {
    /// There is no transaction, and the server has ended the connection.
    Begin(Error),
    /// There is one, failed, because its role or a setting could not be set.
    Settings(Error),
}

pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) route: Route,
    driver: AbortHandle,
    pub(crate) statements: Statements,
    settings: Statement,
    mark: Statement,
    /// Tells the flights of this connection apart.
    flights: u64,
}

impl Connection {
    /// Logs in and prepares what every flight needs.
    pub(crate) async fn make(shared: &Shared) -> Result<Connection, Error> {
        let connected = shared.options.establish().await?;
        let driver = shared.spawn(async move {
            if let Err(error) = connected.driver.await {
                // Whoever uses the connection is told; this is for those that nobody used.
                tracing::debug!(%error, "a database connection ended");
            }
        });
        let client = connected.client;
        let (settings, mark) = join(
            client.prepare(include_str!("../session/settings.sql")),
            client.prepare(include_str!("../session/mark.sql")),
        )
        .await;
        Ok(Connection {
            settings: settings?,
            mark: mark?,
            client,
            route: connected.route,
            driver,
            statements: Statements::default(),
            flights: 0,
        })
    }

    /// Ends the connection at once, whatever the server is doing on it. (Merely dropped, it would first wait
    /// for the server to finish.)
    pub(crate) fn abort(self) {
        self.driver.abort();
    }

    /// Numbers the next flight.
    pub(crate) fn next_flight(&mut self) -> u64 {
        self.flights += 1;
        self.flights
    }

    /// Begins the transaction and sets its settings and, last, its role.
    ///
    /// What follows in the flight is already under way when an error of these two comes back. A failed
    /// setting fails the transaction, and so everything after it. A failed `begin` would let what follows run
    /// outside any transaction as the login role; so `begin` leaves its flight's number in a local setting,
    /// and the next statement ends the connection unless it finds that number. `begin` is sent as plain text,
    /// since a prepared one could be gone (`deallocate all`).
    pub(crate) async fn begin(&self, session: &Session<'_>, mode: Mode, flight: u64) -> Result<(), Refused> {
        let begin = match mode {
            Mode::ReadOnly => "begin read only",
            // Not "read write": what the database says of transactions by default holds.
            Mode::ReadWrite => "begin",
        };
        let begin = format!("{begin}; set local courant.flight = '{flight}'");
        let flight = flight.to_string();
        let (mut names, mut values): (Vec<&str>, Vec<Option<&str>>) =
            session.settings.iter().map(|(name, value)| (*name, Some(*value))).unzip();
        names.push("role");
        // Null means the login's default, in case a function changed the role for the whole session.
        values.push(session.role);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&flight, &names, &values];
        let (begun, set) =
            join(self.client.batch_execute(&begin), self.client.execute(&self.settings, &parameters)).await;
        begun.map_err(|error| Refused::Begin(error.into()))?;
        set.map_err(|error| Refused::Settings(error.into()))?;
        Ok(())
    }

    /// Runs a statement that returns exactly one row.
    pub(crate) async fn row(&self, statement: &Statement, parameters: &[Parameter]) -> Result<Row, Error> {
        let parameters = parameters.iter().map(Text);
        let mut rows = pin!(self.client.query_raw(statement, parameters).await?);
        let row = rows.try_next().await?.ok_or(Error::RowCount)?;
        match rows.try_next().await? {
            None => Ok(row),
            Some(_) => Err(Error::RowCount),
        }
    }

    /// Emits the mark if the transaction has written, and says whether it has.
    pub(crate) async fn mark(&self, mark: Option<&str>) -> Result<bool, Error> {
        let row = self.client.query_one(&self.mark, &[&mark]).await?;
        Ok(row.try_get(0)?)
    }

    /// Ends the transaction.
    pub(crate) async fn end(&self, command: &'static str) -> Result<(), Error> {
        Ok(self.client.batch_execute(command).await?)
    }
}
