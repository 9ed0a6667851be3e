//! What the database says while requests go on: which statements were run in which moments.
//!
//! From `pg_stat_statements`, or, where it is not there, from what sessions say that they asked last
//! (`pg_stat_activity`) and which tables were scanned (`pg_stat_user_tables`). Only ever reads statistics and the
//! catalog: no table of the user's. Texts are read for the tables in them and dropped.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result};
use pg::catalog::{self, Catalog};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::journal::Journal;
use super::statement::{self, Statement};
use crate::config::Config;
use crate::control::Control;
use crate::node;

/// Between two looks while requests go on, at least.
const LOOK_MIN: Duration = Duration::from_millis(2);
/// So many times as long as a look took: the server has other things to do.
const REST: u32 = 4;
/// Between two looks while nothing happens.
const LOOK_MAX: Duration = Duration::from_millis(500);
/// Moments kept.
const MOMENTS_MAX: usize = 100_000;
/// Different statements kept.
const STATEMENTS_MAX: usize = 5_000;

/// A span of time between two looks, and what was run in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) from: Duration,
    pub(super) to: Duration,
    /// Their numbers, and how often each was run.
    pub(super) statements: Vec<(usize, u32)>,
}

/// What the database said.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) moments: Vec<Moment>,
    pub(super) statements: Vec<Statement>,
    /// Tables that were scanned in the time, of which no statement may have told.
    pub(super) scanned: BTreeSet<String>,
    /// From `pg_stat_statements`: then no statement was missed.
    pub(super) is_complete: bool,
    /// What it could not say, for the user.
    pub(super) lacks: Vec<String>,
}

/// The database under watch.
pub(super) struct Database {
    client: Client,
    pub(super) catalog: Catalog,
    /// Schemas in which names without one are looked for.
    pub(super) searched: Vec<String>,
    has_statements: bool,
    sees_all: bool,
}

/// What is kept between two looks.
#[derive(Default)]
struct Looking {
    told: Told,
    /// Of `pg_stat_statements`: calls so far, by the server's number.
    calls: HashMap<i64, i64>,
    /// Of `pg_stat_activity`: when each session asked last.
    last: HashMap<i64, i64>,
    /// Our number of a statement, by the server's, or by its text.
    numbers: HashMap<i64, Option<usize>>,
    by_text: HashMap<String, usize>,
    is_first: bool,
}

impl Database {
    /// Connects, and reads the catalog once.
    pub(super) async fn connect(config: &Config, tasks: &TaskTracker) -> Result<Database> {
        let options = node::options(config)?.with_defaults(&[], "courant init");
        let control = Control::connect(&options, tasks).await;
        let client = control.with_context(|| format!("cannot reach {options}"))?.client;
        let row = client.query_one(include_str!("sql/statistics.sql"), &[]).await?;
        let schemas: Vec<String> = row.try_get("schemas")?;
        let catalog = catalog::load(&client, &schemas).await?;
        let mut has_statements: bool = row.try_get("has_statements")?;
        if has_statements && client.query(include_str!("sql/calls.sql"), &[]).await.is_err() {
            // Created, and not loaded: shared_preload_libraries lacks it.
            has_statements = false;
        }
        let sees_all = row.try_get("sees_all")?;
        Ok(Database { client, catalog, searched: row.try_get("searched")?, has_statements, sees_all })
    }

    /// In a line: where statements are told from.
    pub(super) fn source(&self) -> &'static str {
        if self.has_statements { "pg_stat_statements" } else { "pg_stat_activity and pg_stat_user_tables" }
    }

    /// Looks again and again until the watch is over.
    pub(super) async fn watch(&self, journal: &Journal, stirred: &Notify, over: &CancellationToken) -> Told {
        let mut looking = Looking { is_first: true, ..Looking::default() };
        let scans = self.scans().await.unwrap_or_default();
        let mut from = journal.now();
        loop {
            let is_over = over.is_cancelled();
            let sent = journal.now();
            match self.look(&mut looking).await {
                Ok(statements) => {
                    looking.note(Moment { from, to: journal.now(), statements });
                    from = sent;
                }
                Err(error) => {
                    looking.told.lacks.push(format!("the database did not answer to the end: {error}"));
                    break;
                }
            }
            if is_over {
                break;
            }
            sleep(LOOK_MIN.max((journal.now() - sent) * REST)).await;
            tokio::select! {
                _ = timeout(LOOK_MAX, stirred.notified()) => {}
                () = over.cancelled() => {}
            }
        }
        let mut told = looking.told;
        told.is_complete = self.has_statements;
        if !self.has_statements {
            told.scanned = self.scanned_since(&scans).await.unwrap_or_default();
            told.lacks.push(
                "pg_stat_statements is missing, and what sessions asked last is no more than a sample: create extension \
                 pg_stat_statements; with shared_preload_libraries = 'pg_stat_statements'"
                    .to_owned(),
            );
        }
        if !self.sees_all {
            told.lacks.push(
                "statements of other roles are hidden from this one: grant pg_read_all_stats to it, or watch as the app's \
                 own role"
                    .to_owned(),
            );
        }
        told
    }

    /// The statements run since the look before, by our numbers, and how often.
    async fn look(&self, looking: &mut Looking) -> Result<Vec<(usize, u32)>, tokio_postgres::Error> {
        if !self.has_statements {
            return self.look_at_sessions(looking).await;
        }
        let mut risen = Vec::new();
        for row in self.client.query(include_str!("sql/calls.sql"), &[]).await? {
            let (statement, calls): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let before = looking.calls.insert(statement, calls).unwrap_or_default();
            if before != calls && !looking.is_first {
                // Fewer than before: the statistics were reset, and what is there came since.
                risen.push((statement, if calls > before { calls - before } else { calls }));
            }
        }
        looking.is_first = false;
        let unknown: Vec<i64> = risen
            .iter()
            .map(|(statement, _)| *statement)
            .filter(|statement| !looking.numbers.contains_key(statement))
            .collect();
        if !unknown.is_empty() {
            for row in self.client.query(include_str!("sql/texts.sql"), &[&unknown]).await? {
                let (statement, text): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
                let number = looking.number(text);
                looking.numbers.insert(statement, number);
            }
        }
        let known = |statement: &i64| looking.numbers.get(statement).copied().flatten();
        let counted = |(statement, calls): &(i64, i64)| {
            Some((known(statement)?, u32::try_from(*calls).unwrap_or(u32::MAX)))
        };
        Ok(risen.iter().filter_map(counted).collect())
    }

    async fn look_at_sessions(
        &self,
        looking: &mut Looking,
    ) -> Result<Vec<(usize, u32)>, tokio_postgres::Error> {
        let mut risen = Vec::new();
        for row in self.client.query(include_str!("sql/activity.sql"), &[]).await? {
            let (session, started, text): (i64, i64, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if looking.last.insert(session, started) != Some(started) && !looking.is_first {
                risen.extend(looking.number(text).map(|number| (number, 1)));
            }
        }
        looking.is_first = false;
        Ok(risen)
    }

    async fn scans(&self) -> Result<HashMap<i64, i64>, tokio_postgres::Error> {
        let rows = self.client.query(include_str!("sql/scans.sql"), &[]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn scanned_since(
        &self,
        before: &HashMap<i64, i64>,
    ) -> Result<BTreeSet<String>, tokio_postgres::Error> {
        let after = self.scans().await?;
        let risen =
            after.into_iter().filter(|(table, scans)| before.get(table).is_none_or(|then| then < scans));
        let ids: Vec<i64> = risen.map(|(table, _)| table).collect();
        let tables = self.catalog.tables.iter().filter(|table| ids.contains(&i64::from(table.id.0)));
        Ok(tables.map(|table| format!("{}.{}", table.schema, table.name)).collect())
    }
}

impl Looking {
    /// Our number for a statement; none for one that reads no table, and for questions about the server itself.
    fn number(&mut self, text: String) -> Option<usize> {
        if let Some(known) = self.by_text.get(&text) {
            return Some(*known);
        }
        let statement = statement::read(&text);
        let mut names = statement.reads.iter().chain(&statement.writes);
        let is_empty =
            statement.reads.is_empty() && statement.writes.is_empty() && statement.functions.is_empty();
        let of_server = |name: &String| name.starts_with("pg_") || name.starts_with("information_schema.");
        if is_empty || names.any(of_server) || statement.functions.iter().any(of_server) {
            return None;
        }
        // Texts with values in them are as many as there are values: what they say of tables is what counts.
        if let Some(known) = self.told.statements.iter().position(|known| *known == statement) {
            return Some(known);
        }
        if self.told.statements.len() >= STATEMENTS_MAX {
            return None;
        }
        self.told.statements.push(statement);
        let number = self.told.statements.len() - 1;
        if self.by_text.len() < STATEMENTS_MAX {
            self.by_text.insert(text, number);
        }
        Some(number)
    }

    fn note(&mut self, moment: Moment) {
        if self.told.moments.len() < MOMENTS_MAX {
            self.told.moments.push(moment);
        }
    }
}
