//! The shadow planner: a private, throw-away cluster that plans as the source does and holds no rows.
//!
//! It has the source's schema, settings and statistics, and its relations have the source's sizes, in sparse files
//! that take no room on disk. Hypothetical indexes are real catalog entries over such files: the planner sees no
//! difference, whatever their access method. Never writes to the source.
//!
//! A table has two files: the one it was made with, which is empty, and a sparse one of the source's size. Indexes
//! are made while `pg_class` points to the empty one, so that nothing is scanned.

mod file;
mod hypothetical;
mod schema;
mod statistics;

use std::collections::HashMap;
use std::path::PathBuf;

use pg::cluster::{Binaries, Cluster, ClusterSettings};
use pg::connect::ConnectOptions;

use crate::AdviceError;
use crate::plan::Plan;
use crate::session::{Session, literal};
use crate::source::Source;
use crate::workload::Statement;

pub(crate) use hypothetical::{IndexId, Sized};

/// The database in the private cluster.
const DATABASE: &str = "shadow";

/// A table of the shadow's.
#[derive(Debug)]
struct ShadowTable {
    oid: u32,
    /// The number of its empty file.
    empty: u32,
    /// The number of its sparse one.
    sparse: u32,
    planned_pages: i64,
    planned_tuples: f64,
    visible_pages: i64,
}

/// A cluster that plans as the source does.
pub(crate) struct Shadow {
    session: Session,
    data: PathBuf,
    tables: HashMap<(String, String), ShadowTable>,
    indexes: Vec<hypothetical::Made>,
    /// Which of them the planner sees now, in order.
    shown: Vec<IndexId>,
    /// The role and path that the session has now.
    role: Option<String>,
    /// What of the schema could not be made here, and why.
    pub(crate) missing: Vec<String>,
    // Last, so that the session is closed before its server goes.
    _cluster: Cluster,
}

impl Shadow {
    /// Makes it. Needs server programs of the source's major version on this machine.
    pub(crate) async fn make(source: &Source, binaries: &Binaries) -> Result<Shadow, AdviceError> {
        if binaries.version() != source.server.major {
            return Err(AdviceError::Unlike(format!(
                "it is version {}, and the programs on this machine are version {} (name others in COURANT_PG_BIN)",
                source.server.major,
                binaries.version()
            )));
        }
        let programs = binaries.clone();
        let started = tokio::task::spawn_blocking(move || {
            let settings = ClusterSettings::for_tests()
                .with("autovacuum", "off")
                .with("synchronous_commit", "off")
                // With `minimal`, a new file's pages are read back into memory when its transaction commits, and
                // stay there as they were before this process wrote to them.
                .with("wal_level", "replica")
                .with("shared_buffers", "64MB")
                // From 18 pages carry checksums unless told otherwise, and made-up pages have none.
                .with("ignore_checksum_failure", "on");
            Cluster::throwaway(&programs, "shadow", settings)
        });
        let mut cluster = started.await.map_err(|error| AdviceError::Unlike(error.to_string()))??;
        let options = |database: &str| ConnectOptions::parse(Some(&cluster.uri(database)), &|_| None);
        let mut first = Session::open(&options("postgres")?, &[]).await?;
        let mut missing = schema::database(&mut first, &source.server, DATABASE).await?;
        let quiet = [
            ("client_min_messages", "error"),
            ("check_function_bodies", "off"),
            // To choose workers, CREATE INDEX reads the first page of the table's other indexes, which then stays
            // in memory as it was before this process wrote to it.
            ("max_parallel_maintenance_workers", "0"),
        ];
        let mut session = Session::open(&options(DATABASE)?, &quiet).await?;
        missing.extend(schema::make(&mut session, &source.schema).await?);
        session.rows("prepare the statistics", include_str!("shadow/prepare.sql")).await?;
        statistics::copy(&mut session, &source.statistics).await?;
        let data = cluster.directory().join("data");
        let tables = file::sizes(&mut session, &data, source).await?;
        drop(session);
        // To check foreign keys, the server looked at pages that were written to since: it starts with no memory of them.
        let restarted = tokio::task::spawn_blocking(move || cluster.restart().map(|()| cluster));
        let cluster = restarted.await.map_err(|error| AdviceError::Unlike(error.to_string()))??;
        let uri = ConnectOptions::parse(Some(&cluster.uri(DATABASE)), &|_| None)?;
        let mut session = Session::open(&uri, &quiet).await?;
        for (name, value) in &source.settings {
            let set = format!("select set_config({}, {}, false)", literal(name), literal(value));
            if let Err(said) = session.attempt("set a setting", &set).await? {
                missing.push(format!("setting {name}: {said}"));
            }
        }
        let (indexes, shown, role) = (Vec::new(), Vec::new(), None);
        Ok(Shadow { session, data, tables, indexes, shown, role, missing, _cluster: cluster })
    }

    /// What the planner makes of a statement when it sees these hypothetical indexes and no others; or why it refuses.
    pub(crate) async fn plan(
        &mut self,
        statement: &Statement,
        wanted: &[IndexId],
        verbose: bool,
    ) -> Result<Result<Plan, String>, AdviceError> {
        let before = (self.shown.clone(), self.role.clone());
        let mut commands = self.show(wanted);
        commands.push_str(&self.role(statement.role.as_deref()));
        commands.push_str(&statement.explain(verbose));
        let answer = self.session.attempt("plan", &commands).await?;
        if answer.is_err() {
            // What was sent with it was taken back with it.
            (self.shown, self.role) = before;
        }
        Ok(answer.and_then(|rows| {
            let text = rows.last().map(|row| row.text(0)).unwrap_or_default();
            Plan::parse(text).map_err(|error| error.to_string())
        }))
    }

    /// What makes the session the role's; nothing where it is so already.
    fn role(&mut self, wanted: Option<&str>) -> String {
        if self.role.as_deref() == wanted {
            return String::new();
        }
        self.role = wanted.map(str::to_owned);
        match wanted {
            Some(role) => format!("set role {};", crate::session::identifier(role)),
            None => "reset role;".to_owned(),
        }
    }
}
