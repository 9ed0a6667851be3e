//! How runs end, and what is kept of it.

use std::time::Duration;

use queue::Outcome;

use crate::fixture::{Database, LEASE};

#[tokio::test]
async fn a_job_that_fails_is_tried_again_and_at_last_discarded_with_its_history() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let job = database.enqueue("'a', max_attempts => 2").await;
    assert!(node.fail(node.fetch_one().await.run).await);
    assert_eq!(database.state(job).await, "retryable");
    database.let_time_pass().await;
    assert!(node.fail(node.fetch_one().await.run).await);
    assert_eq!(database.state(job).await, "discarded");
    assert_eq!(database.errors(job).await, ["oops", "oops"]);
    // A dead letter gets its attempts anew, and keeps its history.
    assert_eq!(database.text(&format!("select courant.retry_job({job})")).await, "true");
    let again = node.fetch_one().await;
    assert_eq!((again.run.attempt, again.tries()), (3, 1));
    assert!(node.complete(again.run).await);
    assert_eq!(database.state(job).await, "completed");
}

#[tokio::test]
async fn a_snooze_is_no_attempt_and_a_discard_is_final() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let job = database.enqueue("'a', max_attempts => 1").await;
    for _ in 0..3 {
        let claimed = node.fetch_one().await;
        assert_eq!(claimed.tries(), 1);
        assert!(node.settle(claimed.run, Outcome::Snoozed(Duration::from_secs(60))).await.unwrap());
        database.let_time_pass().await;
    }
    let claimed = node.fetch_one().await;
    assert!(node.settle(claimed.run, Outcome::Discarded { error: "never".to_owned() }).await.unwrap());
    assert_eq!(database.state(job).await, "discarded");
}

#[tokio::test]
async fn a_cancelled_job_never_runs_and_one_that_runs_hears_of_it() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let waiting = database.enqueue("'a'").await;
    let cancel = |job: i64| format!("select courant.cancel_job({job})");
    assert_eq!(database.text(&cancel(waiting)).await, "cancelled");
    assert_eq!(node.claim_ids(1).await, [0; 0]);
    let running = database.enqueue("'a'").await;
    let claimed = node.fetch_one().await;
    assert_eq!(database.text(&cancel(running)).await, "requested");
    let extended = node.pulls.extend(&[claimed.run]).await.unwrap();
    assert!(extended[0].cancel_requested);
    assert!(node.fail(claimed.run).await);
    assert_eq!(database.state(running).await, "cancelled");
    assert_eq!(database.text(&cancel(running)).await, "");
}

#[tokio::test]
async fn the_last_ten_errors_are_kept() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let job = database.enqueue("'a'").await;
    for nth in 0..12 {
        let outcome = Outcome::Failed { error: format!("e{nth}\0"), after: Some(Duration::ZERO) };
        assert!(node.settle(node.fetch_one().await.run, outcome).await.unwrap());
        database.let_time_pass().await;
    }
    let errors = database.errors(job).await;
    assert_eq!((errors.len(), errors[0].as_str(), errors[9].as_str()), (10, "e2\u{fffd}", "e11\u{fffd}"));
}
