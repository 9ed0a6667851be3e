//! What the tests ask of a private cluster: a patient made with some DDL, and its examination.

use std::time::{Duration, Instant};

use doctor::{Examination, Finding, Report, Severity, examine};
use pg::cluster::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

/// A database of its own, and a superuser's connection to it.
pub(crate) struct Patient {
    pub(crate) client: Client,
    pub(crate) cluster: Cluster,
    /// The server's, as a number.
    pub(crate) version: u32,
}

/// From this version on sessions count in shared memory, and can be told to.
const COUNTERS_ARE_SHARED: u32 = 150_000;

/// How long counters may take that go through a process of their own, which is told twice a second at most.
const COUNTERS_ARRIVE: Duration = Duration::from_secs(3);

/// Settings without which no database is healthy.
pub(crate) fn settings() -> ClusterSettings {
    ClusterSettings::for_tests()
        .with("fsync", "on")
        .with("full_page_writes", "on")
        .with("shared_buffers", "192MB")
}

pub(crate) async fn connect(uri: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Patient {
    /// With the extension, and what this DDL makes.
    pub(crate) async fn new(ddl: &str) -> Patient {
        Patient::with(settings(), ddl).await
    }

    pub(crate) async fn with(settings: ClusterSettings, ddl: &str) -> Patient {
        let cluster = Cluster::for_test_with("doctor", settings);
        let client = connect(&cluster.uri("postgres")).await;
        let mut patient = Patient { client, cluster, version: u32::MAX };
        patient.version = patient.value("show server_version_num").await.parse().unwrap();
        if patient.version < COUNTERS_ARE_SHARED {
            // What later versions are from the start: a public schema that strangers make nothing in.
            let as_later = "revoke create on schema public from public; create schema counters;
                create table counters.settled (id int primary key);
                grant usage on schema counters to public; grant select on counters.settled to public";
            patient.client.batch_execute(as_later).await.unwrap();
        }
        // Not every distribution of PostgreSQL has it; what needs it says so by failing.
        patient
            .run(
                "create schema extensions;
do $$ begin if exists (select from pg_available_extensions where name = 'pg_stat_statements') then \
                 create extension pg_stat_statements schema extensions; end if; end $$",
            )
            .await;
        patient.run(ddl).await;
        patient
    }

    /// A connection more.
    pub(crate) async fn other(&self) -> Client {
        connect(&self.cluster.uri("postgres")).await
    }

    /// Runs statements, each by itself; what they counted has arrived when this returns, and before the next is run.
    pub(crate) async fn run(&self, sql: &str) {
        for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            self.client
                .batch_execute(statement)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            self.settle().await;
        }
    }

    /// Examines on a connection of its own, as soon as the counters have arrived.
    pub(crate) async fn examine(&self) -> Report {
        self.examine_as(&Examination {
            unused_after: Duration::ZERO,
            sample: Duration::ZERO,
            ..Examination::default()
        })
        .await
    }

    pub(crate) async fn examine_as(&self, examination: &Examination) -> Report {
        self.settle().await;
        examine(&self.other().await, examination, &[], &mut |_| {}).await.unwrap()
    }

    /// Counters are told when a session is idle for a while, or ends.
    async fn settle(&self) {
        if self.version >= COUNTERS_ARE_SHARED {
            let _ = self.client.batch_execute("select pg_stat_force_next_flush()").await;
            self.client.batch_execute("select 1").await.unwrap();
            return;
        }
        // They went through a process of their own, in order: what was counted last arrives last.
        let counted = "select seq_scan from pg_stat_all_tables where relid = 'counters.settled'::regclass";
        let before = self.value(counted).await;
        // Each time, since a reset may have it count up to where it was; within a transaction nothing is told.
        let began = Instant::now();
        while self.value(counted).await == before && began.elapsed() < COUNTERS_ARRIVE {
            self.client.batch_execute("table counters.settled").await.unwrap();
        }
    }

    /// One value, as text.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let messages = self.client.simple_query(sql).await.unwrap();
        messages
            .iter()
            .find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => {
                    Some(row.get(0).unwrap_or_default().to_owned())
                }
                _ => None,
            })
            .unwrap_or_default()
    }
}

/// The ids of what was found, but for what is only told for information.
pub(crate) fn alarms(report: &Report) -> Vec<&str> {
    let mut ids: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| finding.id.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

pub(crate) fn finding<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report
        .findings
        .iter()
        .find(|finding| finding.id == id)
        .unwrap_or_else(|| panic!("{id} is not in {:?}", ids(report)))
}

pub(crate) fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.id.as_str()).collect()
}
