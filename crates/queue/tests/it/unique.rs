//! Keys of which there is one job at a time, or one in a period.

use crate::fixture::{Database, LEASE};

#[tokio::test]
async fn a_key_is_taken_until_its_job_has_ended() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let first = database.enqueue("'a', unique_key => 'k'").await;
    assert_eq!(database.enqueue("'a', unique_key => 'k'").await, first);
    assert_ne!(database.enqueue("'b', unique_key => 'k'").await, first);
    let claimed = node.claim(1).await;
    assert_eq!(database.enqueue("'a', unique_key => 'k'").await, first);
    assert!(node.complete(claimed[0].run).await);
    assert_ne!(database.enqueue("'a', unique_key => 'k'").await, first);
}

#[tokio::test]
async fn a_key_with_a_period_is_taken_until_that_is_over() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    let first = database.enqueue("'a', unique_key => 'k', unique_for => '1 h'").await;
    assert!(node.complete(node.fetch_one().await.run).await);
    assert_eq!(database.enqueue("'a', unique_key => 'k', unique_for => '1 h'").await, first);
    database.client.batch_execute("update courant.job_unique set until = now()").await.unwrap();
    assert_ne!(database.enqueue("'a', unique_key => 'k', unique_for => '1 h'").await, first);
}

#[tokio::test]
async fn a_key_that_is_enqueued_many_times_at_once_has_one_job() {
    let database = Database::new().await;
    let mut enqueuing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = database.connect().await;
        enqueuing.spawn(async move {
            let sql = "select courant.enqueue('a', unique_key => 'k')";
            client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
        });
    }
    let mut ids = enqueuing.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(database.text("select count(*) from courant.job").await, "1");
}

#[tokio::test]
async fn a_key_is_free_again_when_its_job_was_rolled_back() {
    let database = Database::new().await;
    database.client.batch_execute("begin").await.unwrap();
    let first = database.enqueue("'a', unique_key => 'k'").await;
    database.client.batch_execute("rollback").await.unwrap();
    assert_ne!(database.enqueue("'a', unique_key => 'k'").await, first);
    assert_eq!(database.text("select count(*) from courant.job").await, "1");
}
