//! The shadow planner: a private, throw-away cluster that plans as the source does and holds no rows.
//!
//! It has the source's schema, settings and statistics, and its relations have the source's sizes, in sparse files
//! that take no room on disk. Hypothetical indexes are real catalog entries over such files: the planner sees no
//! difference, whatever their access method. Never writes to the source.
//!
//! A table has two files: the one it was made with, which is empty, and a sparse one of the source's size. Indexes
//! are made while `pg_class` points to the empty one, so that nothing is scanned.

mod file;
mod hypopg;
mod hypothetical;
mod planner;
mod schema;
mod statistics;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use pg::cluster::{Binaries, Cluster, ClusterSettings};
use pg::connect::ConnectOptions;

use crate::AdviceError;
use crate::plan::Plan;
use crate::session::{Session, literal};
use crate::source::{self, Source};
use crate::workload::Statement;

use hypopg::OnServer;
pub(crate) use hypothetical::{IndexId, Sized};
use planner::{Planner, Tables};

/// What the databases in the private cluster are called; a number follows.
const DATABASE: &str = "shadow";

/// Who is asked for plans.
pub(crate) struct Shadow {
    place: Place,
    /// What of the schema could not be made here, and why.
    pub(crate) missing: Vec<String>,
}

enum Place {
    /// A cluster that plans as the source does.
    Private {
        /// Each in a database of its own, so that what one is shown is none of the others' business.
        planners: Vec<Planner>,
        // Last, so that the sessions are closed before their server goes.
        _cluster: Cluster,
    },
    /// The source itself, with an extension of its own.
    Server(OnServer),
}

/// A statement, and the hypothetical indexes that the planner is to see.
pub(crate) type Question<'a> = (&'a Statement, Vec<IndexId>);

/// What became of a question: a plan, or why there is none.
pub(crate) type Answered = Result<Plan, String>;

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
        let quiet = [
            ("client_min_messages", "error"),
            ("check_function_bodies", "off"),
            // To choose workers, CREATE INDEX reads the first page of the table's other indexes, which then stays
            // in memory as it was before this process wrote to it.
            ("max_parallel_maintenance_workers", "0"),
        ];
        let data = cluster.directory().join("data");
        let mut first = Session::open(&options("postgres")?, &[]).await?;
        // All databases share their roles, and none may come to make one that another has made.
        let (roles, schema): (Vec<String>, Vec<String>) =
            source.schema.iter().cloned().partition(|statement| statement.starts_with("create role "));
        let mut missing = schema::make(&mut first, &roles).await?;
        let (mut names, mut made) = (Vec::new(), Vec::new());
        for number in 0..planners() {
            let name = format!("{DATABASE}_{number}");
            let lacks = schema::database(&mut first, &source.server, &name).await?;
            if number == 0 {
                missing.extend(lacks);
            }
            made.push(fill(options(&name)?, &quiet, &data, (source, &schema)));
            names.push(name);
        }
        let made = try_join_all(made).await?;
        missing.extend(made.first().into_iter().flat_map(|(_, missing)| missing.clone()));
        drop(first);
        // To check foreign keys, the server looked at pages that were written to since: it starts with no memory of them.
        let restarted = tokio::task::spawn_blocking(move || cluster.restart().map(|()| cluster));
        let cluster = restarted.await.map_err(|error| AdviceError::Unlike(error.to_string()))??;
        let mut planners = Vec::new();
        for (name, (tables, _)) in names.iter().zip(made) {
            let uri = ConnectOptions::parse(Some(&cluster.uri(name)), &|_| None)?;
            let mut session = Session::open(&uri, &quiet).await?;
            let refused = set(&mut session, &source.settings).await?;
            if planners.is_empty() {
                missing.extend(refused);
            }
            planners.push(Planner::new(session, data.clone(), tables));
        }
        Ok(Shadow { place: Place::Private { planners, _cluster: cluster }, missing })
    }

    /// Asks the source itself, where it has HypoPG; none where it has not.
    pub(crate) async fn on_server(options: &ConnectOptions) -> Result<Option<Shadow>, AdviceError> {
        let server = OnServer::new(source::session(options).await?).await?;
        let shadow = |server| Shadow { place: Place::Server(server), missing: Vec::new() };
        Ok(server.map(shadow))
    }

    /// Whether plans are the source's own.
    pub(crate) fn is_source(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// What the planner makes of a statement when it sees these hypothetical indexes and no others; or why it refuses.
    pub(crate) async fn plan(
        &mut self,
        statement: &Statement,
        wanted: &[IndexId],
        verbose: bool,
    ) -> Result<Answered, AdviceError> {
        match &mut self.place {
            Place::Private { planners, .. } => {
                let planner = planners.first_mut().expect("a shadow is made with one planner at least");
                planner.plan(statement, wanted, verbose).await
            }
            Place::Server(server) => server.plan(statement, wanted, verbose).await,
        }
    }

    /// The same for many, each answered by whichever planner is free; in the order of the questions.
    pub(crate) async fn plans(
        &mut self,
        questions: &[Question<'_>],
        verbose: bool,
    ) -> Result<Vec<Answered>, AdviceError> {
        let planners = match &mut self.place {
            Place::Private { planners, .. } => planners,
            Place::Server(server) => {
                let mut answers = Vec::with_capacity(questions.len());
                for (statement, wanted) in questions {
                    answers.push(server.plan(statement, wanted, verbose).await?);
                }
                return Ok(answers);
            }
        };
        let next = AtomicUsize::new(0);
        let work = planners.iter_mut().map(async |planner| {
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((statement, wanted)) = questions.get(at) else {
                    return Ok::<_, AdviceError>(answers);
                };
                answers.push((at, planner.plan(statement, wanted, verbose).await?));
            }
        });
        let mut answers: Vec<(usize, Answered)> =
            try_join_all(work).await?.into_iter().flatten().collect::<Vec<_>>();
        answers.sort_by_key(|(at, _)| *at);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Makes indexes, hidden at first; `None` for one that PostgreSQL refuses.
    pub(crate) async fn create(&mut self, wanted: &[Sized]) -> Result<Vec<Option<IndexId>>, AdviceError> {
        let planners = match &mut self.place {
            Place::Private { planners, .. } => planners,
            Place::Server(server) => return server.create(wanted).await,
        };
        let made = try_join_all(planners.iter_mut().map(|planner| planner.create(wanted))).await?;
        if made.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(AdviceError::Answer(
                "one of the shadow's planners refused what another took".to_owned(),
            ));
        }
        Ok(made.into_iter().next().unwrap_or_default())
    }

    /// Drops indexes that are of no more use: the planner looks at every one that is there, hidden or not.
    pub(crate) async fn drop(&mut self, useless: &[IndexId]) -> Result<(), AdviceError> {
        match &mut self.place {
            Place::Private { planners, .. } => {
                try_join_all(planners.iter_mut().map(|planner| planner.drop(useless))).await?;
            }
            Place::Server(server) => server.forget(useless),
        }
        Ok(())
    }
}

/// One for each processor, which is all that a planner needs; each takes a database on disk and some memory.
fn planners() -> usize {
    /// The schema is made in each.
    const PLANNERS_MAX: usize = 4;
    std::thread::available_parallelism().map_or(1, usize::from).min(PLANNERS_MAX)
}

/// Gives a database the source's schema, statistics and sizes; its tables, and what could not be made.
async fn fill(
    database: ConnectOptions,
    quiet: &[(&str, &str)],
    data: &Path,
    (source, schema): (&Source, &[String]),
) -> Result<(Tables, Vec<String>), AdviceError> {
    let mut session = Session::open(&database, quiet).await?;
    let missing = schema::make(&mut session, schema).await?;
    session.rows("prepare the statistics", include_str!("shadow/prepare.sql")).await?;
    statistics::copy(&mut session, &source.statistics).await?;
    Ok((file::sizes(&mut session, data, source).await?, missing))
}

/// Sets what the planner looks at; the settings that could not be set, and why.
async fn set(session: &mut Session, settings: &[(String, String)]) -> Result<Vec<String>, AdviceError> {
    let mut refused = Vec::new();
    for (name, value) in settings {
        let set = format!("select set_config({}, {}, false)", literal(name), literal(value));
        if let Err(said) = session.attempt("set a setting", &set).await? {
            refused.push(format!("setting {name}: {said}"));
        }
    }
    // EXPLAIN prepares the execution as well; of a dear plan, with code that is generated and thrown away.
    session.rows("switch off what plans do not need", "set jit = off").await?;
    Ok(refused)
}
