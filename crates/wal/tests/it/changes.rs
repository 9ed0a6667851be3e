//! Rows as each replica identity tells them.

use pg::{Change, Datum, RelationId, Transaction, Tuple};

use crate::source::{Source, transaction, until};

/// A change in one line: `public.t(…) -> (…)`, values absent as `-`, null as `null`.
pub(crate) fn line(change: &Change) -> String {
    let tuple = |tuple: &Option<Tuple>| match tuple {
        None => String::new(),
        Some(tuple) => {
            let text = |datum: &Datum| match datum {
                Datum::Null => "null".to_owned(),
                Datum::Absent => "-".to_owned(),
                Datum::Text(text) if text.len() > 20 => format!("{} bytes", text.len()),
                Datum::Text(text) => String::from_utf8_lossy(text).into_owned(),
            };
            format!("({})", tuple.0.iter().map(text).collect::<Vec<_>>().join(" "))
        }
    };
    match change {
        Change::Row { relation, old, new } => format!("{} {}->{}", relation.name, tuple(old), tuple(new)),
        Change::Whole(RelationId(id)) => format!("whole {}", name(*id)),
        Change::Schema(RelationId(id)) => format!("schema {}", name(*id)),
    }
}

fn name(id: u32) -> &'static str {
    if id == 0 { "?" } else { "relation" }
}

pub(crate) fn lines(transaction: &Transaction) -> Vec<String> {
    transaction.changes.iter().map(line).collect()
}

#[tokio::test]
async fn rows_are_told_as_their_replica_identity_has_them() {
    let source = Source::start().await;
    source
        .run(
            "create table d (id int primary key, v text, w text);
             create table i (id int primary key, u text not null, w text);
             create unique index i_u on i (u);
             alter table i replica identity using index i_u;
             create table f (id int primary key, v text, w text);
             alter table f replica identity full;
             create table n (v text, w text);
             alter table n replica identity nothing;
             alter publication courant add table d, i, f, n;",
        )
        .await;
    let mut stream = source.stream().await;
    source
        .run(
            "insert into d values (1, 'a', null); insert into i values (1, 'a', null);
             insert into f values (1, 'a', null); insert into n values ('a', null);
             update d set v = 'b'; update i set w = 'b'; update f set v = 'b';
             update d set id = 2; update i set u = 'c'; update f set id = 2;
             delete from d; delete from i; delete from f;",
        )
        .await;
    let told = transaction(&mut stream).await;
    let expected = [
        "d ->(1 a null)",
        "i ->(1 a null)",
        "f ->(1 a null)",
        "n ->(a null)",
        "d ->(1 b null)",
        "i ->(1 a b)",
        "f (1 a null)->(1 b null)",
        "d (1 - -)->(2 b null)",
        "i (- a -)->(1 c b)",
        "f (1 b null)->(2 b null)",
        "d (2 - -)->",
        "i (- c -)->",
        "f (2 b null)->",
    ];
    assert_eq!(lines(&told), expected);
    let Change::Row { relation, .. } = &told.changes[1] else { panic!("not a row") };
    assert_eq!(
        (relation.schema.as_str(), relation.identity, relation.position("u")),
        ("public", b'i', Some(1))
    );
    let keys: Vec<bool> = relation.columns.iter().map(|column| column.key).collect();
    assert_eq!(keys, [false, true, false]);
}

#[tokio::test]
async fn an_unchanged_toasted_value_is_absent_unless_the_old_row_has_it() {
    let source = Source::start().await;
    source
        .run(
            "create table d (id int primary key, v text, big text);
             create table f (id int primary key, v text, big text);
             alter table f replica identity full;
             alter table d alter big set storage external; alter table f alter big set storage external;
             alter publication courant add table d, f;
             insert into d values (1, 'a', repeat('x', 10000)); insert into f select * from d;",
        )
        .await;
    let mut stream = source.stream().await;
    source.run("update d set v = 'b'; update f set v = 'b'").await;
    let told = transaction(&mut stream).await;
    assert_eq!(lines(&told), ["d ->(1 b -)", "f (1 a 10000 bytes)->(1 b 10000 bytes)"]);
}

#[tokio::test]
async fn a_truncation_touches_each_relation_wholly() {
    let source = Source::start().await;
    source
        .run(
            "create table a (id int primary key); create table b (id int references a);
             alter publication courant add table a, b",
        )
        .await;
    let mut stream = source.stream().await;
    source.run("truncate a cascade").await;
    let told = transaction(&mut stream).await;
    assert_eq!(lines(&told), ["whole relation", "whole relation"]);
}

#[tokio::test]
async fn what_was_rolled_back_is_not_told() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source
        .run(
            "begin; insert into t values (1);
             savepoint s; insert into t values (2); savepoint r; insert into t values (3); release r;
             rollback to s; insert into t values (4); commit;
             begin; insert into t values (5); rollback;
             begin; insert into t values (6); commit;",
        )
        .await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(1)", "t ->(4)"]);
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(6)"]);
}

#[tokio::test]
async fn a_prepared_transaction_is_told_when_it_commits() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source.run("begin; insert into t values (1); prepare transaction 'one'").await;
    source.run("begin; insert into t values (2); prepare transaction 'two'").await;
    source.run("insert into t values (3)").await;
    source.run("rollback prepared 'two'").await;
    source.run("commit prepared 'one'").await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(3)"]);
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(1)"]);
}

#[tokio::test]
async fn messages_for_courant_come_with_their_transaction_and_no_others_do() {
    let source = Source::start().await;
    let mut stream = source.stream().await;
    source
        .run(
            "select pg_logical_emit_message(false, 'courant', 'at once');
             begin; select pg_logical_emit_message(true, 'courant.write', 'mine'),
                           pg_logical_emit_message(true, 'other', 'not mine'); commit;
             begin; savepoint s; select pg_logical_emit_message(true, 'courant', 'undone'); rollback to s; commit;",
        )
        .await;
    let position = source.position().await;
    let messages: Vec<_> =
        until(&mut stream, position).await.into_iter().flat_map(|transaction| transaction.messages).collect();
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].prefix.as_str(), &messages[0].content[..]), ("courant.write", &b"mine"[..]));
}

#[tokio::test]
async fn a_transaction_names_its_id_and_where_its_commit_ends() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    let mut client = source.client().await;
    let before = source.position().await;
    let write = client.transaction().await.unwrap();
    write.batch_execute("insert into t values (1)").await.unwrap();
    let xid: String = write.query_one("select pg_current_xact_id()::text", &[]).await.unwrap().get(0);
    write.commit().await.unwrap();
    let told = transaction(&mut stream).await;
    assert_eq!(told.xid.to_string(), xid);
    assert!(before < told.end && told.end <= source.position().await);
    assert!(stream.consistent_point() <= before);
}
