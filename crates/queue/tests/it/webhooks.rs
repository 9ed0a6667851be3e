//! The inbox: each event once, whoever is told of it and how often, and each with its job or not at all.

use std::sync::Arc;
use std::time::Duration;

use queue::webhook::{Accepted, Destination, Event, Inbox, NotKept};
use tokio_util::sync::CancellationToken;

use crate::fixture::Database;

const MONTH: Duration = Duration::from_secs(30 * 86_400);

async fn with_inbox() -> Database {
    let database = Database::new().await;
    queue::schema::install_webhooks(&database.client).await.unwrap();
    database
}

/// The inbox of a node of its own.
fn inbox(database: &Database, kept: Duration) -> Inbox {
    let (inbox, running) = Inbox::new(database.store(), kept, CancellationToken::new());
    tokio::spawn(running);
    inbox
}

fn destination() -> Destination {
    Destination {
        path: "/hooks/one".to_owned(),
        provider: "hmac",
        kind: "one".to_owned(),
        queue: "default".to_owned(),
    }
}

fn event(id: &str, payload: &str) -> Event {
    Event { id: id.to_owned(), what: "test".to_owned(), payload: payload.to_owned() }
}

async fn until(database: &Database, query: &str, wanted: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while database.text(query).await != wanted {
        assert!(std::time::Instant::now() < deadline, "{query} is never {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nodes_that_are_told_the_same_at_once_keep_each_event_once() {
    let database = with_inbox().await;
    let nodes = [inbox(&database, MONTH), inbox(&database, MONTH)];
    let events: Vec<Event> = (0..1000).map(|nth| event(&format!("e{nth}"), "{}")).collect();
    let backwards: Vec<Event> = events.iter().rev().cloned().collect();
    let to = destination();
    for _ in 0..5 {
        let (one, two) = tokio::join!(nodes[0].accept(&to, &events), nodes[1].accept(&to, &backwards));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.new + one.known, two.new + two.known), (1000, 1000));
    }
    let found = "select count(*) || ' ' || count(distinct j.id) from courant.webhook_inbox i
        join courant.job j on j.id = i.job and j.args ->> 'event' = i.event and j.kind = 'one'";
    assert_eq!(database.text(found).await, "1000 1000");
    assert_eq!(database.text("select count(*) from courant.job").await, "1000");
}

#[tokio::test]
async fn what_the_database_refuses_harms_no_other_delivery() {
    let database = with_inbox().await;
    let inbox = Arc::new(inbox(&database, MONTH));
    // All that come while the first waits are one batch.
    let holder = database.connect().await;
    holder.batch_execute("begin; lock table courant.webhook_inbox in share mode").await.unwrap();
    let to = destination();
    let deliver = |id: &str, payload: &str| {
        let (inbox, to, events) = (Arc::clone(&inbox), to.clone(), [event(id, payload)]);
        tokio::spawn(async move { inbox.accept(&to, &events).await })
    };
    let first = deliver("first", "{}");
    // Not the one that forgets, which waits too.
    let waiting = "select count(*) from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%courant.webhook_accept(%'";
    until(&database, waiting, "1").await;
    let large = format!("[{}1]", "0.123456789123456789,".repeat(200_000));
    let attempts = [
        deliver("zero", r#""\u0000""#),
        deliver("good", "1"),
        deliver("large", &large),
        deliver("good", "1"),
    ];
    tokio::task::yield_now().await;
    holder.batch_execute("commit").await.unwrap();
    let new = Ok(Accepted { new: 1, known: 0 });
    assert_eq!(first.await.unwrap(), new);
    let mut answers = Vec::new();
    for attempt in attempts {
        answers.push(attempt.await.unwrap());
    }
    assert!(matches!(&answers[0], Err(NotKept::Refused(_))), "{answers:?}");
    assert!(matches!(&answers[2], Err(NotKept::Refused(why)) if why.contains("1 MiB")), "{answers:?}");
    assert_eq!((&answers[1], &answers[3]), (&new, &Ok(Accepted { new: 0, known: 1 })));
    let kept = "select string_agg(event, ' ' order by event collate \"C\") from courant.webhook_inbox";
    assert_eq!(database.text(kept).await, "first good");
    assert_eq!(database.text("select count(*) from courant.job").await, "2");
}

#[tokio::test]
async fn an_event_is_known_until_it_is_forgotten() {
    let database = with_inbox().await;
    let (to, events) = (destination(), [event("e", "{}")]);
    let keeping = inbox(&database, MONTH);
    assert_eq!(keeping.accept(&to, &events).await, Ok(Accepted { new: 1, known: 0 }));
    assert_eq!(keeping.accept(&to, &events).await, Ok(Accepted { new: 0, known: 1 }));
    let elsewhere = Destination { path: "/hooks/two".to_owned(), ..to.clone() };
    assert_eq!(keeping.accept(&elsewhere, &events).await, Ok(Accepted { new: 1, known: 0 }));
    database.client.batch_execute("update courant.webhook_inbox set received_at = now() - interval '31 days' where path = '/hooks/one'").await.unwrap();
    let _forgetting = inbox(&database, MONTH);
    until(&database, "select string_agg(path, ' ') from courant.webhook_inbox", "/hooks/two").await;
    assert_eq!(keeping.accept(&to, &events).await, Ok(Accepted { new: 1, known: 0 }));
}
