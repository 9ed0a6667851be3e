//! Runs jobs by SQL functions: each in a transaction that completes the job too, so that its effects happen exactly
//! once, or not at all.
//!
//! The function is called with the job's arguments, as the role that is configured for it. What it raises fails the
//! job, except for two codes of its choice: `CQ001` discards the job, `CQ002` puts it off by the seconds in its message.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pg::identifier;
use tokio_postgres::Client;

use crate::QueueError;
use crate::job::{Claimed, Outcome};
use crate::store::Store;

const DISCARD: &str = "CQ001";
const SNOOZE: &str = "CQ002";
/// The longest that a function may put its job off.
const SNOOZE_MAX_S: f64 = 365.0 * 86_400.0;

/// A function that handles a kind of job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlHandler {
    /// Its name with its schema.
    pub function: (String, String),
    /// The role it runs as; the login's own where there is none.
    pub role: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Connections for handlers in SQL.
pub struct SqlHandlers {
    store: Arc<Store>,
    keep_completed: bool,
    idle: Mutex<Vec<Client>>,
}

impl SqlHandlers {
    /// Connects when first asked, once for each job that runs at once.
    pub fn new(store: Arc<Store>, keep_completed: bool) -> SqlHandlers {
        SqlHandlers { store, keep_completed, idle: Mutex::default() }
    }

    /// Runs a job.
    pub async fn run(&self, handler: &SqlHandler, job: &Claimed) -> Outcome {
        match self.try_run(handler, job).await {
            Ok(outcome) => outcome,
            Err(error) => failed(&error),
        }
    }

    async fn try_run(&self, handler: &SqlHandler, job: &Claimed) -> Result<Outcome, QueueError> {
        let taken = self.idle.lock().pop().filter(|client| !client.is_closed());
        let client = match taken {
            Some(client) => client,
            None => {
                let client = self.store.connect().await?;
                // A query whose worker went away is ended by the server.
                client.batch_execute("set client_connection_check_interval = '1s'").await?;
                client
            }
        };
        // Dropped in the middle, the connection goes with it, and its transaction.
        let outcome = self.transaction(&client, handler, job).await;
        if outcome.is_err() {
            client.batch_execute("rollback").await?;
        }
        self.idle.lock().push(client);
        outcome
    }

    async fn transaction(
        &self,
        client: &Client,
        handler: &SqlHandler,
        job: &Claimed,
    ) -> Result<Outcome, QueueError> {
        let (schema, function) = (identifier(&handler.function.0), identifier(&handler.function.1));
        let time_ms = handler.timeout.as_millis();
        let mut begin =
            format!("begin isolation level read committed; set local statement_timeout = {time_ms}");
        if let Some(role) = &handler.role {
            begin.push_str(&format!("; set local role {}", identifier(role)));
        }
        let call = format!("select from {schema}.{function}($1::text::jsonb)");
        client.batch_execute(&begin).await?;
        client.query_typed(&call, &[(&job.args, tokio_postgres::types::Type::TEXT)]).await?;
        if handler.role.is_some() {
            client.batch_execute("reset role").await?;
        }
        let (ids, attempts, keep) = ([job.run.id], [job.run.attempt], self.keep_completed);
        let row = client
            .query_typed_one(
                include_str!("store/complete.sql"),
                &[
                    (&&ids[..], tokio_postgres::types::Type::INT8_ARRAY),
                    (&&attempts[..], tokio_postgres::types::Type::INT4_ARRAY),
                    (&keep, tokio_postgres::types::Type::BOOL),
                    (&None::<&[&str]>, tokio_postgres::types::Type::TEXT_ARRAY),
                ],
            )
            .await?;
        if row.try_get::<_, Vec<i64>>(0)?.is_empty() {
            // Somebody else has the job: what was done here must not be.
            client.batch_execute("rollback").await?;
            return Ok(Outcome::Failed { error: "its lease ended while it ran".to_owned(), after: None });
        }
        client.batch_execute("commit").await?;
        Ok(Outcome::Settled)
    }
}

fn failed(error: &QueueError) -> Outcome {
    let QueueError::Refused(said) = error else {
        return Outcome::Failed { error: error.to_string(), after: None };
    };
    match &*said.code {
        DISCARD => Outcome::Discarded { error: said.message.clone() },
        SNOOZE => match said.message.trim().parse::<f64>() {
            Ok(seconds) if (0.0..=SNOOZE_MAX_S).contains(&seconds) => {
                Outcome::Snoozed(Duration::from_secs_f64(seconds))
            }
            _ => Outcome::Failed {
                error: format!("{SNOOZE}: expected seconds, found {:?}", said.message),
                after: None,
            },
        },
        _ => Outcome::Failed { error: told(said), after: None },
    }
}

fn told(said: &pg::DatabaseError) -> String {
    match &said.detail {
        Some(detail) => format!("{said}: {detail}"),
        None => said.to_string(),
    }
}
