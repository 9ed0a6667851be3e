//! Jobs that run here: SQL functions in their own transactions, and handlers that are cancelled or too slow.

use std::sync::Arc;
use std::time::Duration;

use queue::{
    Backoff, Claimed, Finished, Leases, Outcome, Rate, RateLimit, SqlHandler, SqlHandlers, Work, work,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fixture::{Database, LEASE, NO_LEASE, Node};

fn handler(function: &str) -> SqlHandler {
    let function = ("public".to_owned(), function.to_owned());
    SqlHandler { function, role: None, timeout: Duration::from_secs(20) }
}

/// Works on the queue until `state` of all jobs is as wanted.
async fn work_until<R>(
    database: &Database,
    node: &Node,
    rate: Option<RateLimit>,
    handle: impl Fn(Claimed) -> (Duration, R) + Send + Sync + 'static,
    wanted: &str,
) where
    R: Future<Output = Outcome> + Send + 'static,
{
    let shutdown = CancellationToken::new();
    let leases = Leases::default();
    let working = Arc::new(Work {
        lane: Arc::clone(&node.pulls.lane),
        concurrency: 8,
        rate,
        backoff: Backoff { min: Duration::from_millis(1), max: Duration::from_millis(5) },
        reports: node.pulls.reports.clone(),
        leases: leases.clone(),
        tasks: TaskTracker::new(),
        handler: handle,
        finished: |_: &Finished<'_>| {},
    });
    let looking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while database.text(&format!("select coalesce(bool_and({wanted}), false) from courant.jobs")).await
            != "true"
        {
            ticks.tick().await;
        }
    };
    tokio::select! {
        () = work(working, &shutdown) => {}
        () = leases.run(&node.pulls.store, &shutdown) => {}
        done = tokio::time::timeout(Duration::from_secs(30), looking) => done.expect("it ends soon"),
    }
}

#[tokio::test]
async fn the_effects_of_a_function_happen_once_or_not_at_all() {
    let database = Database::new().await;
    database
        .client
        .batch_execute(
            "create table effect (n int);
             create function act(args jsonb) returns void language plpgsql as $$
             begin
                insert into effect values ((args->>'n')::int);
                if (args->>'n')::int = 7 then raise 'seven'; end if;
             end $$",
        )
        .await
        .unwrap();
    for n in 0..20 {
        database.enqueue(&format!("'act', '{{\"n\":{n}}}', max_attempts => 1")).await;
    }
    let node = database.node(LEASE);
    let handlers = Arc::new(SqlHandlers::new(database.store(), true));
    let run = move |job: Claimed| {
        let handlers = Arc::clone(&handlers);
        (LEASE, async move { handlers.run(&handler("act"), &job).await })
    };
    work_until(&database, &node, None, run, "ended_at is not null").await;
    assert_eq!(
        database.text("select array_agg(n order by n) from effect where n <= 8").await,
        "{0,1,2,3,4,5,6,8}"
    );
    assert_eq!(database.text("select count(*) from effect").await, "19");
    assert_eq!(database.text("select count(*) from courant.jobs where state = 'completed'").await, "19");
    let why = database
        .text("select errors -> 0 ->> 'error' from courant.job_ended where state = 'discarded'")
        .await;
    assert_eq!(why, "seven (P0001)");
}

#[tokio::test]
async fn a_function_whose_job_was_given_away_leaves_no_effect() {
    let database = Database::new().await;
    database
        .client
        .batch_execute(
            "create table effect (n int);
             create function act(args jsonb) returns void language sql as 'insert into effect values (1)'",
        )
        .await
        .unwrap();
    database.enqueue("'act'").await;
    let first = database.node(NO_LEASE).fetch_one().await;
    let second = database.node(LEASE).fetch_one().await;
    let handlers = SqlHandlers::new(database.store(), true);
    assert!(matches!(handlers.run(&handler("act"), &first).await, Outcome::Failed { .. }));
    assert_eq!(database.text("select count(*) from effect").await, "0");
    assert_eq!(handlers.run(&handler("act"), &second).await, Outcome::Settled);
    assert_eq!(database.text("select count(*) from effect").await, "1");
}

#[tokio::test]
async fn a_function_may_discard_its_job_or_put_it_off() {
    let database = Database::new().await;
    database
        .client
        .batch_execute(
            "create function act(args jsonb) returns void language plpgsql as $$
             begin raise exception using errcode = args->>'code', message = args->>'say'; end $$",
        )
        .await
        .unwrap();
    let node = database.node(LEASE);
    let handlers = SqlHandlers::new(database.store(), true);
    for (code, say, outcome) in [
        ("CQ001", "no use", Outcome::Discarded { error: "no use".to_owned() }),
        ("CQ002", "90", Outcome::Snoozed(Duration::from_secs(90))),
    ] {
        database.enqueue(&format!("'act', '{{\"code\":\"{code}\",\"say\":\"{say}\"}}'")).await;
        assert_eq!(handlers.run(&handler("act"), &node.fetch_one().await).await, outcome);
    }
    assert!(matches!(
        handlers.run(&handler("missing"), &Claimed { args: "{}".to_owned(), ..job(&database, &node).await }).await,
        Outcome::Failed { error, .. } if error.contains("missing")
    ));
}

async fn job(database: &Database, node: &Node) -> Claimed {
    database.enqueue("'act'").await;
    node.fetch_one().await
}

#[tokio::test]
async fn a_handler_that_is_too_slow_or_cancelled_is_dropped() {
    let database = Database::new().await;
    let node = database.node(Duration::from_secs(1));
    let slow = database.enqueue("'slow', max_attempts => 1").await;
    let endless = database.enqueue("'endless'").await;
    let handle = |job: Claimed| {
        let time_max = if job.kind == "slow" { Duration::from_millis(20) } else { LEASE };
        (time_max, std::future::pending::<Outcome>())
    };
    let cancelling = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while database.text(&format!("select courant.cancel_job({endless})")).await != "requested" {
            ticks.tick().await;
        }
    };
    let mut cancelling = std::pin::pin!(cancelling);
    // It is running: only then is there something to hear.
    let until = "ended_at is not null or kind = 'endless' and state = 'running'";
    work_until(&database, &node, None, handle, until).await;
    assert_eq!(database.errors(slow).await, ["it took longer than 20 ms"]);
    cancelling.as_mut().await;
    let other = database.node(LEASE);
    work_until(&database, &other, None, handle, "ended_at is not null").await;
    assert_eq!(database.state(endless).await, "cancelled");
}

#[tokio::test]
async fn no_more_jobs_start_than_the_rate_allows() {
    let database = Database::new().await;
    let node = database.node(LEASE);
    for _ in 0..6 {
        database.enqueue("'a'").await;
    }
    let rate = Rate { count: 3, window: Duration::from_millis(600) };
    let began = std::time::Instant::now();
    let handle = |_: Claimed| (LEASE, std::future::ready(Outcome::Completed));
    let rate = Some(RateLimit::new(rate, began));
    work_until(&database, &node, rate, handle, "state = 'completed'").await;
    // Three at once, then one in each fifth of a second.
    assert!(began.elapsed() >= Duration::from_millis(590), "{:?}", began.elapsed());
}
