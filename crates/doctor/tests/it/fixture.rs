//! What the tests ask of a private cluster: a patient made with some DDL, and its examination.

use std::time::Duration;

use doctor::{Examination, Finding, Report, Severity, examine};
use pg::cluster::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

/// A database of its own, and a superuser's connection to it.
pub(crate) struct Patient {
    pub(crate) client: Client,
    pub(crate) cluster: Cluster,
}

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
        let patient = Patient { client, cluster };
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
        let _ = self.client.batch_execute("select pg_stat_force_next_flush()").await;
        self.client.batch_execute("select 1").await.unwrap();
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
