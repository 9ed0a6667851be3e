//! Jobs that wait for others: for the one before them, or for their key.

use std::time::Duration;

use queue::Outcome;

use crate::fixture::{Database, LEASE};

#[tokio::test]
async fn a_job_runs_after_the_one_before_it() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let first = database.enqueue("'a'").await;
    let second = database.enqueue(&format!("'b', after => {first}")).await;
    let claimed = node.claim(10).await;
    assert_eq!(claimed.len(), 1);
    assert!(node.complete(claimed[0].run).await);
    assert_eq!(node.fetch_one().await.run.id, second);
    // The one before it has ended already.
    let third = database.enqueue(&format!("'b', after => {first}")).await;
    assert_eq!(database.state(third).await, "available");
}

#[tokio::test]
async fn a_chain_ends_where_one_of_it_fails_for_good() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let first = database.enqueue("'a'").await;
    let second = database.enqueue(&format!("'b', after => {first}")).await;
    let third = database.enqueue(&format!("'c', after => {second}")).await;
    let claimed = node.fetch_one().await;
    assert!(node.settle(claimed.run, Outcome::Discarded { error: "no".to_owned() }).await.unwrap());
    assert_eq!(database.state(second).await, "cancelled");
    assert_eq!(database.state(third).await, "cancelled");
    assert_eq!(database.errors(third).await, [format!("the job before it, {second}, did not complete")]);
}

#[tokio::test]
async fn jobs_of_one_key_run_one_at_a_time_and_in_order() {
    let database = Database::new().await;
    let nodes = [database.node(LEASE), database.node(LEASE)];
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(database.enqueue("'a', serial_key => 'order 1'").await);
    }
    let other = database.enqueue("'a', serial_key => 'order 2'").await;
    let mut ids = nodes[0].claim_ids(10).await;
    ids.extend(nodes[1].claim_ids(10).await);
    assert_eq!(ids, [jobs[0], other]);
    let mut run = queue::Run { id: jobs[0], attempt: 1 };
    for (nth, next) in jobs.iter().enumerate().skip(1) {
        let node = &nodes[nth % 2];
        assert!(node.complete(run).await);
        let claimed = node.fetch_one().await;
        assert_eq!(claimed.run.id, *next);
        assert_eq!(nodes[(nth + 1) % 2].claim_ids(10).await, [0; 0]);
        run = claimed.run;
    }
}

#[tokio::test]
async fn a_job_that_waits_for_its_retry_lets_the_next_of_its_key_run() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let first = database.enqueue("'a', serial_key => 'k'").await;
    let second = database.enqueue("'a', serial_key => 'k'").await;
    let claimed = node.fetch_one().await;
    assert_eq!(claimed.run.id, first);
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    let outcome = Outcome::Failed { error: "oops".to_owned(), after: Some(Duration::from_secs(60)) };
    assert!(node.settle(claimed.run, outcome).await.unwrap());
    let claimed = node.fetch_one().await;
    assert_eq!(claimed.run.id, second);
    // Released, and cancelled before anybody claimed it: the key is not stuck.
    database.let_time_pass().await;
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    let third = database.enqueue("'a', serial_key => 'k'").await;
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    assert!(node.complete(claimed.run).await);
    assert_eq!(database.text(&format!("select courant.cancel_job({first})")).await, "cancelled");
    assert_eq!(node.fetch_one().await.run.id, third);
}
