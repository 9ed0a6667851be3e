//! The conversation: positions, confirmations, ends.

use std::time::Duration;

use tokio::time::timeout;
use wal::{Error, Event, Stream, StreamOptions};

use crate::source::{Source, end, next, settings, transaction, until};

#[tokio::test]
async fn the_position_moves_past_transactions_that_tell_nothing() {
    let source = Source::start().await;
    source.run("create table quiet (id int)").await;
    let mut stream = source.stream().await;
    for _ in 0..20 {
        source.run("insert into quiet values (1)").await;
        let position = source.position().await;
        let told = until(&mut stream, position).await;
        assert!(told.iter().all(|transaction| transaction.changes.is_empty()));
    }
}

#[tokio::test]
async fn a_position_is_told_each_time_it_is_asked_for_while_another_awaits_the_stream() {
    let source = Source::start().await;
    let hour = Duration::from_secs(3600);
    let options =
        StreamOptions { status_interval: hour, silence_max: hour * 2, ..StreamOptions::new("courant") };
    let mut stream = source.open(options).await.unwrap();
    let handle = stream.handle();
    let (told, mut tellings) = tokio::sync::mpsc::channel(1);
    let reader = async {
        let mut last = stream.consistent_point();
        while let Event::Keepalive { end } = next(&mut stream).await.unwrap() {
            assert!(end >= last);
            last = end;
            stream.confirm(end);
            told.send(end).await.unwrap();
        }
        panic!("nothing has committed");
    };
    // An idle server speaks when asked, and hardly ever otherwise.
    let asker = async {
        for _ in 0..100 {
            handle.request_position();
            tellings.recv().await.unwrap();
        }
    };
    tokio::select! {
        () = reader => {}
        () = asker => {}
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_loses_nothing() {
    let source = Source::start_with(settings().with("logical_decoding_work_mem", "64kB")).await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source.run("insert into t select generate_series(1, 20000)").await;
    for id in 20_001..20_051 {
        source.run(&format!("insert into t values ({id})")).await;
    }
    let mut rows = 0;
    while rows < 20_050 {
        // Polled once, then dropped.
        let polled = tokio::select! {
            biased;
            event = stream.next() => Some(event.unwrap()),
            () = std::future::ready(()) => None,
        };
        match polled {
            Some(Event::Transaction(transaction)) => rows += transaction.changes.len(),
            Some(Event::Keepalive { .. }) => {}
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(rows, 20_050);
}

#[tokio::test]
async fn what_is_confirmed_is_confirmed_on_the_server() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let options =
        StreamOptions { status_interval: Duration::from_millis(50), ..StreamOptions::new("courant") };
    let mut stream = source.open(options).await.unwrap();
    source.run("insert into t values (1)").await;
    let told = transaction(&mut stream).await;
    let confirmed = format!(
        "select bool_and(confirmed_flush_lsn >= '{}' and slot_name = '{}') from pg_replication_slots",
        told.end,
        stream.slot_name()
    );
    tokio::select! {
        error = end(&mut stream) => panic!("{error}"),
        () = source.until(&confirmed) => {}
    }
}

#[tokio::test]
async fn a_stream_that_has_little_to_say_outlives_the_servers_patience() {
    let source = Source::start_with(settings().with("wal_sender_timeout", "400ms")).await;
    let options = StreamOptions {
        status_interval: Duration::from_millis(100),
        silence_max: Duration::from_secs(30),
        ..StreamOptions::new("courant")
    };
    let mut stream = source.open(options).await.unwrap();
    let outlived = timeout(Duration::from_secs(2), end(&mut stream)).await;
    assert!(outlived.is_err(), "ended: {outlived:?}");
}

#[tokio::test]
async fn a_terminated_wal_sender_closes_the_stream() {
    let source = Source::start().await;
    let mut stream = source.stream().await;
    source.run("select pg_terminate_backend(pid) from pg_stat_replication").await;
    let error = end(&mut stream).await;
    assert!(matches!(&error, Error::Closed { reason, .. } if reason.contains("administrator")), "{error:?}");
}

#[tokio::test]
async fn a_server_that_shuts_down_closes_the_stream_and_is_not_held_up() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source.run("insert into t values (1)").await;
    let (error, ()) = tokio::join!(end(&mut stream), source.shut_down());
    assert!(matches!(error, Error::Closed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let source = Source::start().await;
    let options = StreamOptions {
        status_interval: Duration::from_millis(50),
        silence_max: Duration::from_millis(500),
        ..StreamOptions::new("courant")
    };
    let mut stream = source.open(options).await.unwrap();
    let pid = source.text("select pid::text from pg_stat_replication").await.unwrap();
    let signal = |name: &str| std::process::Command::new("kill").arg(name).arg(&pid).status().unwrap();
    assert!(signal("-STOP").success());
    let error = end(&mut stream).await;
    assert!(signal("-CONT").success());
    assert!(matches!(error, Error::Silent(_)), "{error:?}");
}

#[tokio::test]
async fn the_slot_is_gone_with_its_stream() {
    let source = Source::start().await;
    let stream = source.stream().await;
    let known = format!(
        "select count(*) = 1 from pg_replication_slots where slot_name = '{}' and temporary",
        stream.slot_name()
    );
    source.until(&known).await;
    drop(stream);
    source.until("select count(*) = 0 from pg_replication_slots").await;
}

#[tokio::test]
async fn a_slot_waits_for_open_writers_and_leaves_nothing_behind_when_given_up() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let writer = source.client().await;
    writer.batch_execute("begin; insert into t values (1)").await.unwrap();
    let waiting = "select count(*) = 1 from pg_replication_slots where temporary and active";
    let opened = source.opened("postgres", None).await;
    tokio::select! {
        _stream = Stream::open(opened, StreamOptions::new("courant")) => panic!("it did not wait"),
        () = source.until(waiting) => {}
    }
    source.until("select count(*) = 0 from pg_replication_slots").await;
    // The writer is still open; once it ends, whoever waits gets a stream, however often it had to try.
    let opened = source.opened("postgres", None).await;
    let (stream, ()) = tokio::join!(Stream::open(opened, StreamOptions::new("courant")), async {
        source.logged("lock timeout", 2).await;
        writer.batch_execute("commit").await.unwrap();
    });
    let mut stream = stream.unwrap();
    source.run("insert into t values (2)").await;
    assert_eq!(transaction(&mut stream).await.changes.len(), 1);
}

#[tokio::test]
async fn a_publication_that_is_not_there_is_refused() {
    let source = Source::start().await;
    let Err(error) = source.open(StreamOptions::new("not there")).await else { panic!("not refused") };
    let Error::Refused { code, message } = error else { panic!("{error:?}") };
    assert_eq!((code.as_str(), message.as_str()), ("42704", "publication \"not there\" does not exist"));
}

#[tokio::test]
async fn a_publication_may_have_any_name() {
    let source = Source::start().await;
    let statements =
        r#"create table t (id int primary key); create publication "it's, ""odd"" \ $1" for table t"#;
    source.run(statements).await;
    let mut stream = source.open(StreamOptions::new(r#"it's, "odd" \ $1"#)).await.unwrap();
    source.run("insert into t values (1)").await;
    assert_eq!(transaction(&mut stream).await.changes.len(), 1);
}
