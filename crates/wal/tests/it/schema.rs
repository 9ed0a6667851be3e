//! Relations that change while they are streamed.

use crate::changes::lines;
use crate::source::{Source, transaction};

#[tokio::test]
async fn a_relation_that_changed_says_so_before_its_next_row() {
    let source = Source::start().await;
    source.run("create table t (id int primary key, v text); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    let steps = [
        ("select 1", vec!["t ->(1 a)"]),
        ("create index on t (v)", vec!["t ->(2 a)"]),
        ("alter table t rename v to w", vec!["schema relation", "t ->(3 a)"]),
        ("alter table t alter w type varchar", vec!["schema relation", "t ->(4 a)"]),
        ("alter table t replica identity full", vec!["schema relation", "t ->(5 a)"]),
        ("alter table t add column x int default 9", vec!["schema relation", "t ->(6 a 9)"]),
        ("alter table t drop column w", vec!["schema relation", "t ->(7 9)"]),
        ("alter table t rename to other", vec!["schema relation", "other ->(8 9)"]),
    ];
    for (number, (statement, expected)) in steps.into_iter().enumerate() {
        let id = number + 1;
        let row = match id {
            1..6 => format!("insert into t values ({id}, 'a')"),
            6 => "insert into t values (6, 'a', 9)".to_owned(),
            7 => "insert into t values (7, 9)".to_owned(),
            _ => "insert into other values (8, 9)".to_owned(),
        };
        source.run(&format!("{statement}; {row}")).await;
        assert_eq!(lines(&transaction(&mut stream).await), expected, "{statement}");
    }
}

#[tokio::test]
async fn a_change_within_the_transaction_stands_before_the_rows_it_applies_to() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source
        .run("begin; insert into t values (1); alter table t add column v int; insert into t values (2, 3); commit")
        .await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(1)", "schema relation", "t ->(2 3)"]);
}

#[tokio::test]
async fn a_table_made_anew_under_the_same_name_is_another_relation() {
    let source = Source::start().await;
    source.run("create table t (id int primary key); alter publication courant add table t").await;
    let mut stream = source.stream().await;
    source.run("insert into t values (1)").await;
    source
        .run("drop table t; create table t (id int primary key, v int); alter publication courant add table t; insert into t values (1, 2)")
        .await;
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(1)"]);
    assert_eq!(lines(&transaction(&mut stream).await), ["t ->(1 2)"]);
}
