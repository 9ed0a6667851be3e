//! Large transactions, which the server streams while they run, and their bounds.

use pg::{Change, Transaction};
use wal::{Event, Stream, StreamOptions};

use crate::changes::lines;
use crate::source::{Source, next, settings, transaction, until};

/// Where everything but the smallest is streamed.
async fn source() -> Source {
    source_with("64kB").await
}

/// Where nothing is.
async fn patient_source() -> Source {
    source_with("1GB").await
}

async fn source_with(work_mem: &str) -> Source {
    let source = Source::start_with(settings().with("logical_decoding_work_mem", work_mem)).await;
    source
        .run(
            "create table t (id int primary key, v text); create table u (id int primary key, v text);
             alter publication courant add table t, u",
        )
        .await;
    source
}

/// The keys of the rows that were inserted.
fn inserted(transaction: &Transaction) -> Vec<u32> {
    let key = |change: &Change| match change {
        Change::Row { old: None, new: Some(tuple), .. } => match &tuple.0[0] {
            pg::Datum::Text(text) => std::str::from_utf8(text).unwrap().parse().unwrap(),
            datum => panic!("no key: {datum:?}"),
        },
        change => panic!("not an insert: {change:?}"),
    };
    transaction.changes.iter().map(key).collect()
}

#[tokio::test]
async fn a_streamed_transaction_is_told_once_without_its_aborted_parts() {
    let source = source().await;
    let mut stream = source.stream().await;
    source
        .run(
            "begin;
             insert into t select n, 'kept' from generate_series(1, 5000) n;
             savepoint s;
             insert into t select n, 'aborted' from generate_series(5001, 10000) n;
             savepoint r;
             insert into t select n, 'aborted' from generate_series(10001, 15000) n;
             release r;
             rollback to s;
             insert into t select n, 'kept' from generate_series(5001, 6000) n;
             select pg_logical_emit_message(true, 'courant', 'kept');
             commit;",
        )
        .await;
    let told = transaction(&mut stream).await;
    assert_eq!(inserted(&told), (1..=6000).collect::<Vec<_>>());
    assert_eq!(&told.messages.last().unwrap().content[..], b"kept");
    let streamed = "select bool_and(stream_txns > 0) from pg_stat_replication_slots";
    source.until(streamed).await;
}

#[tokio::test]
async fn streamed_transactions_that_run_at_once_are_told_in_commit_order() {
    let source = source().await;
    let mut stream = source.stream().await;
    let clients = [source.client().await, source.client().await, source.client().await];
    for client in &clients {
        client.batch_execute("begin").await.unwrap();
    }
    for part in 0..4 {
        for (number, client) in clients.iter().enumerate() {
            let from = number * 10_000 + part * 1000;
            let to = from + 999;
            client
                .batch_execute(&format!("insert into t select n, 'x' from generate_series({from}, {to}) n"))
                .await
                .unwrap();
        }
    }
    let before = source.position().await;
    let told = until(&mut stream, before).await;
    assert!(
        told.iter().all(|transaction| transaction.changes.is_empty()),
        "nothing is told before it commits"
    );
    clients[2].batch_execute("commit").await.unwrap();
    clients[0].batch_execute("rollback").await.unwrap();
    source.run("insert into u values (1, 'between')").await;
    clients[1].batch_execute("commit").await.unwrap();
    let expected: Vec<u32> = (20_000..24_000).collect();
    assert_eq!(inserted(&transaction(&mut stream).await), expected);
    assert_eq!(lines(&transaction(&mut stream).await), ["u ->(1 between)"]);
    let expected: Vec<u32> = (10_000..14_000).collect();
    assert_eq!(inserted(&transaction(&mut stream).await), expected);
}

#[tokio::test]
async fn a_streamed_transaction_can_be_prepared() {
    let source = source().await;
    let mut stream = source.stream().await;
    source
        .run(
            "begin; insert into t select n, 'x' from generate_series(1, 3000) n; prepare transaction 'p';
             begin; insert into u select n, 'x' from generate_series(1, 3000) n; prepare transaction 'q'",
        )
        .await;
    source.run("rollback prepared 'q'").await;
    source.run("commit prepared 'p'").await;
    assert_eq!(inserted(&transaction(&mut stream).await), (1..=3000).collect::<Vec<_>>());
    let rest = until(&mut stream, source.position().await).await;
    assert!(rest.iter().all(|transaction| transaction.changes.is_empty()));
}

#[tokio::test]
async fn a_table_altered_within_a_streamed_transaction_is_seen_so_only_by_it() {
    let source = source().await;
    let mut stream = source.stream().await;
    source.run("insert into t values (0, 'before')").await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(0 before)"]);
    let large = "alter table t add column w int default 7;
                 insert into t select n, 'x' from generate_series(1, 3000) n";
    source.run(&format!("begin; {large}; rollback; insert into t values (-1, 'after')")).await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(-1 after)"]);
    source
        .run(&format!(
            "begin; savepoint s; {large}; rollback to s; insert into t values (-2, 'again'); commit;
             begin; {large}; commit; insert into t values (-3, 'after', 1)"
        ))
        .await;
    let undone = lines(&transaction(&mut stream).await);
    assert_eq!(undone.last().unwrap(), "t ->(-2 again)");
    let altered = lines(&transaction(&mut stream).await);
    assert_eq!((altered[0].as_str(), altered[1].as_str()), ("schema relation", "t ->(1 x 7)"));
    assert_eq!(altered.len(), 3001);
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(-3 after 1)"]);
}

async fn limited(source: &Source, changes_max: usize, bytes_max: usize) -> Stream {
    source.open(StreamOptions { changes_max, bytes_max, ..StreamOptions::new("courant") }).await.unwrap()
}

#[tokio::test]
async fn a_huge_transaction_collapses_the_relation_that_made_it_so() {
    for source in [source().await, patient_source().await] {
        for (changes_max, bytes_max) in [(1000, usize::MAX), (usize::MAX, 100_000)] {
            let mut stream = limited(&source, changes_max, bytes_max).await;
            source
                .run(
                    "begin; insert into u values (1, 'first');
                     insert into t select n, 'x' from generate_series(1, 20000) n;
                     insert into u values (2, 'last'); commit",
                )
                .await;
            let told = lines(&transaction(&mut stream).await);
            assert_eq!(told, ["u ->(1 first)", "whole relation", "u ->(2 last)"]);
            drop(stream);
            source.run("truncate t, u").await;
        }
    }
}

#[tokio::test]
async fn positions_and_other_transactions_come_while_one_is_streamed() {
    let source = source().await;
    let mut stream = source.stream().await;
    let client = source.client().await;
    client.batch_execute("begin; insert into t select n, 'x' from generate_series(1, 5000) n").await.unwrap();
    source.run("insert into u values (1, 'small')").await;
    let position = source.position().await;
    let told = until(&mut stream, position).await;
    assert_eq!(told.iter().flat_map(lines).collect::<Vec<_>>(), ["u ->(1 small)"]);
    client.batch_execute("commit").await.unwrap();
    assert_eq!(transaction(&mut stream).await.changes.len(), 5000);
}

/// Prints figures and judges nothing: they are there to be looked at.
#[tokio::test]
async fn a_large_update_is_told_row_by_row_at_some_speed() {
    /// Twice as many as a transaction may have by default.
    const ROWS: usize = 100_000;
    for (how, source) in [("streamed", source().await), ("in one piece", patient_source().await)] {
        source
            .run(&format!("insert into t select n, repeat('v', 40) from generate_series(1, {ROWS}) n"))
            .await;
        let mut stream = limited(&source, usize::MAX, usize::MAX).await;
        source.run("update t set v = repeat('w', 40)").await;
        let begun = std::time::Instant::now();
        let told = loop {
            if let Event::Transaction(told) = next(&mut stream).await.unwrap() {
                break told;
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        assert_eq!(told.changes.len(), ROWS);
        println!("{how}: {ROWS} changes in {seconds:.2} s, {:.0} a second", ROWS as f64 / seconds);
    }
}
