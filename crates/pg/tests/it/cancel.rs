//! Requests that go away.

use pg::session::{Commit, Trail};
use pg::{Pool, PoolLimits};
use tokio_postgres::Client;
use tokio_util::task::TaskTracker;

use crate::fixture::{execute, superuser, trusting, url};
use crate::{NOBODY, options, pool, soon, statement};

/// Waits until as many sessions as `count` run a statement that contains `text`.
async fn running(observer: &Client, text: &str, count: i64) {
    let sql = "select count(*) from pg_stat_activity
               where state = 'active' and query like '%' || $1 || '%' and pid <> pg_backend_pid()";
    soon(async { while observer.query_one(sql, &[&text]).await.unwrap().get::<_, i64>(0) != count {} }).await;
}

/// Waits until a connection is idle again.
async fn given_back(pool: &Pool) {
    soon(async {
        while pool.status().idle != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn pid(pool: &Pool) -> i32 {
    let row = pool.read(NOBODY, &statement("select pg_backend_pid()", &[])).await.unwrap();
    row.get(0).unwrap()
}

#[tokio::test]
async fn a_read_that_is_dropped_is_cancelled_on_the_server() {
    let cluster = trusting();
    let observer = superuser(&cluster).await;
    let pool = pool(&url(&cluster));
    let first = pid(&pool).await;
    let sleep = statement("select 1 from pg_sleep(60)", &[]);
    // Once unprepared, once warm.
    for _ in 0..3 {
        tokio::select! {
            result = pool.read(NOBODY, &sleep) => unreachable!("{result:?}"),
            () = running(&observer, "pg_sleep", 1) => {}
        }
        assert_eq!(pool.status().idle, 0, "it is in quarantine");
        running(&observer, "pg_sleep", 0).await;
        given_back(&pool).await;
        assert_eq!(pid(&pool).await, first, "the connection is used again");
    }
}

#[tokio::test]
async fn a_write_that_is_dropped_before_its_commit_is_cancelled() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int)").await;
    let observer = superuser(&cluster).await;
    let pool = pool(&url(&cluster));
    let first = pid(&pool).await;
    let insert = statement("insert into note select 1 from pg_sleep(60) returning id", &[]);
    for _ in 0..2 {
        tokio::select! {
            result = pool.write(NOBODY, &insert, Trail::default(), Commit::If(&|_| true)) => unreachable!("{result:?}"),
            () = running(&observer, "pg_sleep", 1) => {}
        }
        running(&observer, "pg_sleep", 0).await;
        given_back(&pool).await;
        assert_eq!(pid(&pool).await, first);
    }
    let row = observer.query_one("select count(*) from note", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_write_that_is_dropped_after_its_commit_was_sent_runs_to_its_end() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int)").await;
    let observer = superuser(&cluster).await;
    let pool = pool(&url(&cluster));
    // Warm, so that COMMIT is in the same flight.
    let sql = "insert into note select $1 from pg_advisory_xact_lock(5) returning id";
    pool.write(NOBODY, &statement(sql, &["1"]), Trail::default(), Commit::Always).await.unwrap();

    observer.batch_execute("select pg_advisory_lock(5)").await.unwrap();
    let second = statement(sql, &["2"]);
    tokio::select! {
        result = pool.write(NOBODY, &second, Trail::default(), Commit::Always) => unreachable!("{result:?}"),
        () = running(&observer, "pg_advisory_xact_lock", 1) => {}
    }
    assert_eq!(pool.status().idle, 0);
    observer.batch_execute("select pg_advisory_unlock(5)").await.unwrap();
    given_back(&pool).await;
    let row = observer.query_one("select count(*) from note", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_plain_client_that_is_dropped_leaves_nothing_behind() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int)").await;
    let observer = superuser(&cluster).await;
    let pool = pool(&url(&cluster));
    let first = pid(&pool).await;

    let mut client = pool.client().await.unwrap();
    client.command("begin; insert into note values (1)").await.unwrap();
    drop(client);
    given_back(&pool).await;

    let mut client = pool.client().await.unwrap();
    client.command("begin; select 1 / 0").await.unwrap_err();
    drop(client);
    given_back(&pool).await;

    let mut client = pool.client().await.unwrap();
    tokio::select! {
        result = client.command("select pg_sleep(60)") => unreachable!("{result:?}"),
        () = running(&observer, "pg_sleep", 1) => {}
    }
    drop(client);
    running(&observer, "pg_sleep", 0).await;
    given_back(&pool).await;

    assert_eq!(pid(&pool).await, first);
    let row = observer.query_one("select count(*) from note", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_closed_pool_ends_all_its_tasks() {
    let cluster = trusting();
    let tasks = TaskTracker::new();
    let pool = Pool::new(options(&url(&cluster)), PoolLimits::default(), tasks.clone());
    pid(&pool).await;
    let client = pool.client().await.unwrap();
    pool.close();
    assert!(matches!(pool.client().await, Err(pg::Error::Closing)));
    drop(client);
    tasks.close();
    soon(tasks.wait()).await;
}

#[tokio::test]
async fn a_cancel_never_hits_the_next_user() {
    let cluster = trusting();
    let limits = PoolLimits { connections_max: 2, ..PoolLimits::default() };
    let pool = Pool::new(options(&url(&cluster)), limits, TaskTracker::new());
    let short = statement("select 1 from pg_sleep(0.001)", &[]);
    for turns in 0..150_usize {
        // Dropped a little later each time: before it is sent, while it runs, when it is done.
        tokio::select! {
            biased;
            result = pool.read(NOBODY, &short) => drop(result.unwrap()),
            () = async { for _ in 0..turns % 50 { tokio::task::yield_now().await } } => {}
        }
        pool.read(NOBODY, &short).await.unwrap();
        pool.write(NOBODY, &short, Trail::default(), Commit::If(&|_| true)).await.unwrap();
    }
    soon(async {
        while pool.status().idle != pool.status().size {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
