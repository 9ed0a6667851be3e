//! Many workers with every ending there is, at once: each job ends exactly once, whatever its keys and chains.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use queue::{Outcome, Periodic, Retention, Schedule, housekeep};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Database, LEASE, NO_LEASE, Node};

/// A job to be enqueued, and how its runs end, one after the other; completed at last.
#[derive(Clone, Debug)]
struct Plan {
    priority: u8,
    serial: Option<u8>,
    unique: Option<u8>,
    follows: bool,
    endings: Vec<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let key = || proptest::option::weighted(0.3, 0u8..3);
    let endings = proptest::collection::vec(0u8..4, 0..3);
    (0u8..10, key(), key(), proptest::bool::weighted(0.2), endings).prop_map(
        |(priority, serial, unique, follows, endings)| Plan { priority, serial, unique, follows, endings },
    )
}

/// Works until nothing is left; says which serial keys it had at once with another's.
async fn worker(database: &Database, node: &Node, plans: &[Plan]) {
    let client = database.connect().await;
    while client.query_one("select count(*) from courant.job", &[]).await.unwrap().get::<_, i64>(0) > 0 {
        let jobs = node.pulls.fetch(3, Duration::from_millis(50)).await.unwrap();
        for job in jobs {
            let nth: usize = serde_json::from_str::<serde_json::Value>(&job.args).unwrap()["n"]
                .as_u64()
                .and_then(|nth| usize::try_from(nth).ok())
                .unwrap();
            let ending = plans[nth].endings.get(usize::try_from(job.run.attempt - 1).unwrap());
            let soon = Some(Duration::ZERO);
            let outcome = match ending {
                None => Outcome::Completed,
                Some(0) => Outcome::Failed { error: "again".to_owned(), after: soon },
                Some(1) => Outcome::Snoozed(Duration::ZERO),
                Some(2) => Outcome::Discarded { error: "never".to_owned() },
                // Lost without a word.
                Some(_) => {
                    client
                        .execute(
                            "update courant.job set lease_until = now() where id = $1 and attempt = $2",
                            &[&job.run.id, &job.run.attempt],
                        )
                        .await
                        .unwrap();
                    continue;
                }
            };
            assert!(node.settle(job.run, outcome).await.unwrap(), "{job:?}");
        }
    }
}

async fn try_plans(plans: Vec<Plan>) {
    let database = Database::new().await;
    let mut before = None;
    for (nth, plan) in plans.iter().enumerate() {
        let Plan { priority, serial, unique, follows, .. } = plan;
        let key = |name: &str, key: &Option<u8>| {
            key.map_or(String::new(), |key| format!(", {name} => 'key {key}'"))
        };
        let after = before.filter(|_| *follows).map_or(String::new(), |id: i64| format!(", after => {id}"));
        let call = format!(
            "'k', '{{\"n\":{nth}}}', priority => {priority}{}{}{after}",
            key("serial_key", serial),
            key("unique_key", unique)
        );
        before = Some(database.enqueue(&call).await);
    }
    let enqueued = database.text("select count(*) from courant.jobs").await;
    let shutdown = CancellationToken::new();
    let nodes = [database.node(LEASE), database.node(LEASE), database.node(LEASE)];
    let keeping = {
        let (store, lanes) =
            (database.store(), nodes.each_ref().map(|node| std::sync::Arc::clone(&node.pulls.lane)));
        let (shutdown, day) = (shutdown.clone(), Duration::from_secs(86_400));
        let retention = Retention { completed: day, others: day };
        tokio::spawn(async move { housekeep(&store, &lanes, &[], retention, &shutdown).await })
    };
    let working = async {
        tokio::join!(
            worker(&database, &nodes[0], &plans),
            worker(&database, &nodes[1], &plans),
            worker(&database, &nodes[2], &plans)
        )
    };
    tokio::time::timeout(Duration::from_secs(60), working).await.expect("every job ends");
    shutdown.cancel();
    keeping.await.unwrap();
    assert_eq!(database.text("select count(*) from courant.jobs where ended_at is not null").await, enqueued);
    assert_eq!(database.text("select count(*) from courant.job_serial_running").await, "0");
    assert_eq!(database.text("select count(*) from courant.job_unique").await, "0");
}

#[test]
fn every_job_of_a_crowd_ends_exactly_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: 8, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    // The same plans in every run: a failure can be looked at again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&proptest::collection::vec(plan(), 1..40), |plans| {
            runtime.block_on(try_plans(plans));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_tick_is_enqueued_once_however_many_nodes_there_are() {
    let database = Database::new().await;
    let schedule = Schedule::new("* * * * *", "Europe/Berlin").unwrap();
    let job = r#"{"kind":"report","queue":"default"}"#.to_owned();
    let periodics = [Periodic { name: "report".to_owned(), schedule, job }];
    // As if the last tick had been a while ago.
    let known = "insert into courant.job_periodic values ('report', now() - interval '10 min')";
    database.client.batch_execute(known).await.unwrap();
    let shutdown = CancellationToken::new();
    let day = Duration::from_secs(86_400);
    let retention = Retention { completed: day, others: day };
    let (a, b, c) = (database.store(), database.store(), database.store());
    let node = database.node(NO_LEASE);
    let one = async {
        let claimed = node.fetch_one().await;
        assert_eq!(claimed.kind, "report");
        shutdown.cancel();
    };
    tokio::join!(
        housekeep(&a, &[], &periodics, retention, &shutdown),
        housekeep(&b, &[], &periodics, retention, &shutdown),
        housekeep(&c, &[], &periodics, retention, &shutdown),
        one
    );
    let ticks = "select count(*) <= 1 + extract(epoch from now() - min(created_at)) / 60 from courant.jobs";
    assert_eq!(database.text(ticks).await, "true");
}
