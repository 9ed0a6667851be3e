//! Who gets which job, in which order, and that none is forgotten.

use std::time::Duration;

use queue::LaneSettings;

use crate::fixture::{Database, LEASE, NO_LEASE};

#[tokio::test]
async fn a_job_is_there_once_its_transaction_commits_and_not_if_it_does_not() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    database.client.batch_execute("begin").await.unwrap();
    database.enqueue("'mail'").await;
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    database.client.batch_execute("rollback").await.unwrap();
    database.client.batch_execute("begin").await.unwrap();
    let job = database.enqueue("'mail', '{\"to\":\"ada\"}'").await;
    database.client.batch_execute("commit").await.unwrap();
    let claimed = node.claim(10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].run.id, claimed[0].kind.as_str()), (job, "mail"));
    assert_eq!(claimed[0].args, "{\"to\": \"ada\"}");
    assert_eq!(database.state(job).await, "running");
    assert!(node.complete(claimed[0].run).await);
    assert_eq!(database.state(job).await, "completed");
}

#[tokio::test]
async fn a_lower_id_that_commits_after_ten_thousand_later_claims_still_runs() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let slow = database.connect().await;
    slow.batch_execute("begin").await.unwrap();
    let low: i64 = slow.query_one("select courant.enqueue('slow')", &[]).await.unwrap().get(0);
    let many = "select cardinality(courant.enqueue_many(
        (select jsonb_agg(jsonb_build_object('kind', 'quick')) from generate_series(1, 10000))))";
    assert_eq!(database.text(many).await, "10000");
    let mut claimed = 0;
    while claimed < 10_000 {
        let jobs = node.claim(1000).await;
        assert!(!jobs.is_empty() && jobs.iter().all(|job| job.run.id > low));
        claimed += jobs.len();
    }
    slow.batch_execute("commit").await.unwrap();
    // Nobody tells of it: there is no stream here.
    assert_eq!(node.fetch_one().await.run.id, low);
}

#[tokio::test]
async fn a_job_that_the_log_tells_of_is_claimed_though_later_ones_were() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let slow = database.connect().await;
    slow.batch_execute("begin").await.unwrap();
    let low: i64 = slow.query_one("select courant.enqueue('slow')", &[]).await.unwrap().get(0);
    let high = database.enqueue("'quick'").await;
    assert_eq!(node.claim_ids(10).await, [high]);
    slow.batch_execute("commit").await.unwrap();
    let xid = database.text("select txid_current() % (2^32)::int8").await.parse::<u32>().unwrap();
    node.pulls.lane.tell(5, low, xid);
    assert_eq!(node.claim_ids(10).await, [low]);
}

#[tokio::test]
async fn two_nodes_never_have_the_same_job() {
    let database = Database::new().await;
    database
        .text(
            "select courant.enqueue_many((select jsonb_agg(jsonb_build_object('kind', 'a'))
             from generate_series(1, 2000)))",
        )
        .await;
    let nodes = [database.node(LEASE), database.node(LEASE), database.node(LEASE)];
    let all = nodes.each_ref().map(async |node| {
        let mut ids = Vec::new();
        loop {
            let claimed = node.pulls.fetch(50, Duration::from_millis(1500)).await.unwrap();
            if claimed.is_empty() {
                return ids;
            }
            ids.extend(claimed.iter().map(|job| job.run.id));
        }
    });
    let [a, b, c] = all;
    let (a, b, c) = tokio::join!(a, b, c);
    let mut ids = [a, b, c].concat();
    assert_eq!(ids.len(), 2000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2000);
}

#[tokio::test]
async fn a_job_whose_lease_ended_is_given_to_another_and_the_first_is_not_heard() {
    let database = Database::new().await;
    let job = database.enqueue("'a'").await;
    let (lost, other) = (database.node(NO_LEASE), database.node(LEASE));
    let first = lost.fetch_one().await;
    let second = other.fetch_one().await;
    assert_eq!((first.run.id, second.run.id), (job, job));
    assert!(second.was_lost && second.run.attempt == 2);
    assert!(!lost.complete(first.run).await);
    assert!(!lost.fail(first.run).await);
    assert!(lost.pulls.extend(&[first.run]).await.unwrap().is_empty());
    assert_eq!(database.state(job).await, "running");
    assert!(other.complete(second.run).await);
    assert!(!other.complete(second.run).await);
    assert_eq!(database.state(job).await, "completed");
    assert_eq!(database.errors(job).await, ["its worker was lost: the lease ended"]);
}

#[tokio::test]
async fn a_job_that_loses_every_worker_is_discarded() {
    let database = Database::new().await;
    let job = database.enqueue("'poison', max_attempts => 2").await;
    let node = database.node(NO_LEASE);
    assert_eq!(node.fetch_one().await.tries(), 1);
    assert_eq!(node.fetch_one().await.tries(), 2);
    assert!(node.pulls.fetch(1, Duration::from_millis(1500)).await.unwrap().is_empty());
    assert_eq!(database.state(job).await, "discarded");
    assert_eq!(database.errors(job).await.last().unwrap(), "its worker was lost, and no attempt is left");
}

#[tokio::test]
async fn what_is_urgent_goes_first_until_the_other_has_waited_long() {
    let database = Database::new().await;
    let node = database.node_with(LaneSettings { lease: LEASE, aging: Duration::from_secs(60) });
    let later = database.enqueue("'a', priority => 9").await;
    let urgent = database.enqueue("'a', priority => 0").await;
    let usual = database.enqueue("'a'").await;
    assert_eq!([node.claim_ids(1).await, node.claim_ids(1).await].concat(), [urgent, usual]);
    // Nine steps of a minute each, and a little.
    database
        .client
        .batch_execute(&format!(
            "update courant.job set ready_at = now() - interval '10 min' where id = {later}"
        ))
        .await
        .unwrap();
    database.enqueue("'a', priority => 0").await;
    assert_eq!(node.claim_ids(1).await, [later]);
}

#[tokio::test]
async fn a_paused_queue_rests_and_a_scheduled_job_waits_for_its_time() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let job = database.enqueue("'a'").await;
    let scheduled = database.enqueue("'a', run_at => now() + interval '1 h'").await;
    assert_eq!(database.state(scheduled).await, "scheduled");
    database.client.batch_execute("insert into courant.queue_paused values ('default')").await.unwrap();
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    database.client.batch_execute("delete from courant.queue_paused").await.unwrap();
    assert_eq!(node.claim_ids(10).await, [job]);
    database.let_time_pass().await;
    assert_eq!(node.fetch_one().await.run.id, scheduled);
}
