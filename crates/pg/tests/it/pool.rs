//! The pool at its limits, and when PostgreSQL goes away.

use std::time::Duration;

use pg::cluster::Cluster;
use pg::{Error, Pool, PoolLimits};
use tokio_util::task::TaskTracker;

use crate::fixture::{trusting, url};
use crate::{NOBODY, options, soon, statement};

fn limited(cluster: &Cluster, limits: PoolLimits) -> Pool {
    Pool::new(options(&url(cluster)), limits, TaskTracker::new())
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let cluster = trusting();
    let limits = PoolLimits { statement_timeout: Duration::from_millis(200), ..PoolLimits::default() };
    let pool = limited(&cluster, limits);
    let settings = "select current_setting('statement_timeout'), current_setting('application_name'),
                    current_setting('idle_in_transaction_session_timeout')";
    let row = pool.read(NOBODY, &statement(settings, &[])).await.unwrap();
    assert_eq!([0, 1, 2].map(|i| row.get::<&str>(i).unwrap()), ["200ms", "courant", "30s"]);
    for _ in 0..2 {
        let error = pool.read(NOBODY, &statement("select 1 from pg_sleep(60)", &[])).await.unwrap_err();
        assert_eq!(error.code(), Some("57014"));
    }
    pool.read(NOBODY, &statement("select 1", &[])).await.unwrap();
}

#[tokio::test]
async fn an_exhausted_pool_is_busy_after_a_while() {
    let cluster = trusting();
    let wait_timeout = Duration::from_millis(50);
    let pool = limited(&cluster, PoolLimits { connections_max: 1, wait_timeout, ..PoolLimits::default() });
    let client = pool.client().await.unwrap();
    let busy = pool.read(NOBODY, &statement("select 1", &[])).await;
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    drop(client);
    pool.read(NOBODY, &statement("select 1", &[])).await.unwrap();
}

#[tokio::test]
async fn too_many_waiters_are_told_at_once() {
    let cluster = trusting();
    let limits = PoolLimits {
        connections_max: 1,
        waiters_max: 1,
        wait_timeout: Duration::from_secs(60),
        ..PoolLimits::default()
    };
    let pool = limited(&cluster, limits);
    let client = pool.client().await.unwrap();
    let one = statement("select 1", &[]);
    let waiter = pool.read(NOBODY, &one);
    tokio::pin!(waiter);
    assert!(futures_util::poll!(&mut waiter).is_pending());
    let status = pool.status();
    assert_eq!((status.size, status.idle, status.waiting, status.max), (1, 0, 1, 1));
    assert!(matches!(soon(pool.read(NOBODY, &one)).await, Err(Error::Busy)));
    drop(client);
    soon(waiter).await.unwrap();
    assert_eq!(pool.status().waiting, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_share_few_connections() {
    let cluster = trusting();
    let pool = limited(&cluster, PoolLimits { connections_max: 3, ..PoolLimits::default() });
    let reads = (0..300).map(|number: i32| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let text = number.to_string();
            let settings = [("request.number", &*text)];
            let session = pg::session::Session { settings: &settings, ..Default::default() };
            let read = statement("select current_setting('request.number') || $1", &["!"]);
            let row = pool.read(session, &read).await.unwrap();
            assert_eq!(row.get::<&str>(0).unwrap(), format!("{number}!"));
        })
    });
    for read in soon(futures_util::future::join_all(reads)).await {
        read.unwrap();
    }
    let status = pool.status();
    assert!(status.size <= 3 && status.idle == status.size, "{status:?}");
}

#[tokio::test]
async fn the_pool_recovers_after_postgresql_restarts() {
    let mut cluster = trusting();
    let pool = limited(&cluster, PoolLimits::default());
    let one = statement("select 1", &[]);
    let clients = [pool.client().await.unwrap(), pool.client().await.unwrap()];
    drop(clients);
    assert_eq!(pool.status().idle, 2);

    cluster.kill();
    cluster.restart().unwrap();
    pool.read(NOBODY, &one).await.unwrap();
    assert_eq!(pool.status().size, 1, "what was closed is not kept");

    cluster.stop();
    let error = pool.read(NOBODY, &one).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    cluster.restart().unwrap();
    pool.read(NOBODY, &one).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_dies_during_a_statement_is_reported_lost() {
    let cluster = trusting();
    let pool = limited(&cluster, PoolLimits::default());
    let suicide = statement("select pg_terminate_backend(pg_backend_pid())", &[]);
    let error = pool.read(NOBODY, &suicide).await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error}");
    pool.read(NOBODY, &statement("select 1", &[])).await.unwrap();
}
