//! The fingerprint notices whatever plans, read sets and authorization rest on, and nothing else.

use pg::catalog::{fingerprint, load};
use pg::cluster::Cluster;

use crate::fixture::{connect_as, database};

const BEFORE: &str = "
    create role reader; create role writer; create role someone login;
    create type mood as enum ('fine');
    create domain positive as int;
    create table t (id int primary key, name text not null, kind mood, n positive);
    create table other (id int primary key);
    create unique index t_name on t (name);
    create view v as select id from t;
    create policy p on t using (true);
    create function f() returns int language sql stable as 'select 1';
    create sequence s;
    create materialized view m as select * from t;
    create publication pub for table t;
    create table parted (id int) partition by range (id);
    create table part (id int);
";

/// Each must be noticed.
const CHANGES: [&str; 47] = [
    "alter table t add column extra int",
    "alter table t rename column extra to more",
    "alter table t alter column more type bigint",
    "alter table t alter column more set not null",
    "alter table t drop column more",
    "alter table t rename to t2",
    "alter table t2 rename to t",
    "alter table t enable row level security",
    "alter table t force row level security",
    "alter policy p on t using (id > 1)",
    "create policy q on t for select to reader using (false)",
    "drop policy q on t",
    "alter table t replica identity full",
    "alter table t replica identity using index t_name",
    "alter table t owner to someone",
    "alter table part set unlogged",
    "alter table part set logged",
    "alter table t add foreign key (id) references other",
    "alter table other add unique (id)",
    "grant select on t to reader",
    "revoke select on t from reader",
    "grant select (name) on t to reader",
    "grant usage on schema public to writer",
    "create schema more",
    "drop schema more",
    "create or replace view v as select id + 0 as id from t",
    "alter view v set (security_barrier = true)",
    "create or replace function f() returns int language sql stable as 'select 2'",
    "alter function f() volatile",
    "grant execute on function f() to reader",
    "drop function f()",
    "alter type mood add value 'bad'",
    "alter type mood rename value 'bad' to 'worse'",
    "alter domain positive add check (value > 0)",
    "alter domain positive set not null",
    "alter table parted attach partition part for values from (0) to (10)",
    "alter table parted detach partition part",
    "grant reader to someone",
    "revoke reader from someone",
    "alter role someone bypassrls",
    "alter role someone set statement_timeout = '1s'",
    "alter publication pub add table other",
    "alter publication pub set (publish = 'insert')",
    "create role another",
    "create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "create table made as select 1 as id",
    "drop table made",
];

/// None of these may be noticed.
const NOISE: [&str; 11] = [
    "insert into part select g from generate_series(2, 5000) g; update part set id = id + 1; delete from part",
    "analyze part",
    "vacuum (freeze, analyze) part",
    "vacuum (freeze, analyze) pg_catalog.pg_class",
    "vacuum full pg_catalog.pg_attribute",
    "vacuum full part",
    "create temp table gone (id int primary key, name text); create temp view gone_view as select * from gone",
    "drop table gone cascade",
    "truncate part",
    "refresh materialized view m",
    "select nextval('s')",
];

#[tokio::test]
async fn every_change_that_matters_is_noticed_and_no_other() {
    // A cluster of its own, because roles belong to all databases.
    let cluster = Cluster::for_test("catalog");
    let (client, name) = database(&cluster, BEFORE).await;
    let watcher = connect_as(&cluster, "postgres", &name).await;
    let mut last = fingerprint(&watcher).await.unwrap();
    assert_eq!(load(&client, &["public".to_owned()]).await.unwrap().fingerprint, last);
    for change in CHANGES {
        client.batch_execute(change).await.unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let next = fingerprint(&watcher).await.unwrap();
        assert_ne!(next, last, "not noticed: {change}");
        last = next;
    }
    for noise in NOISE {
        for statement in noise.split("; ") {
            client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{noise}: {error:?}"));
        }
        assert_eq!(fingerprint(&watcher).await.unwrap(), last, "noticed: {noise}");
    }
}

#[tokio::test]
async fn a_thousand_tables_load_well_within_two_seconds() {
    let cluster = Cluster::for_test("catalog");
    let (client, _) = database(
        &cluster,
        "do $$ begin for i in 1..1000 loop
                execute format('create table t%s (id uuid primary key, org_id uuid, name text, a int, b int,
                    c timestamptz, d jsonb, e numeric, f boolean, g text, h text, i text)', i);
                execute format('alter table t%s enable row level security', i);
                execute format($p$create policy p on t%s using
                    (org_id = (current_setting('request.jwt.claims', true)::json ->> 'org')::uuid)$p$, i);
                if i > 1 then execute format('alter table t%s add foreign key (org_id) references t%s', i, i - 1);
                end if;
            end loop; end $$",
        )
        .await;
    let start = std::time::Instant::now();
    let catalog = load(&client, &["public".to_owned()]).await.unwrap();
    let loaded = start.elapsed();
    assert_eq!((catalog.relations.len(), catalog.foreign_keys.len()), (1000, 999));
    let start = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(fingerprint(&client).await.unwrap(), catalog.fingerprint);
    }
    let told = start.elapsed() / 5;
    println!("load {loaded:?}, fingerprint {told:?}");
    assert!(loaded.as_millis() < 2000, "load took {loaded:?}");
    assert!(told.as_millis() < 200, "fingerprint took {told:?}");
}
