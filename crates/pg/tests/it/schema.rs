//! Courant's own traces in a real PostgreSQL: made as far as rights go, and removed without residue.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use pg::catalog::{Unpublishable, load};
use pg::cluster::{Cluster, ClusterSettings};
use pg::schema::{
    Installed, PublicationSync, Refused, Removed, SchemaError, install, readiness, sync_publication,
    uninstall,
};
use tokio_postgres::Client;

use crate::fixture::{connect_as, database, shared};

const EVERYTHING: Installed = Installed { schema: true, event_triggers: true };

async fn tables(client: &Client) -> Vec<pg::catalog::StoredTable> {
    load(client, &["public".to_owned()]).await.unwrap().tables
}

async fn sync(client: &Client) -> PublicationSync {
    sync_publication(client, "courant", &tables(client).await).await.unwrap()
}

/// The tags that the event triggers emitted while `ddl` ran, each statement by itself.
async fn told(client: &Client, ddl: &[&str]) -> Vec<String> {
    client
        .batch_execute("select pg_create_logical_replication_slot('told', 'test_decoding', true)")
        .await
        .unwrap();
    for statement in ddl {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let rows = client
        .query(
            "select substring(data from 'content:(.*)') from pg_logical_slot_get_changes('told', null, null)
             where data like 'message: transactional: 1 prefix: courant.schema%'",
            &[],
        )
        .await
        .unwrap();
    client.batch_execute("select pg_drop_replication_slot('told')").await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn schema_changes_are_told_and_passing_ones_are_not() {
    let (client, _) = database(shared(), "create table t (id int primary key)").await;
    assert_eq!(install(&client).await.unwrap(), EVERYTHING);
    let tags = told(
        &client,
        &[
            "alter table t add column a int",
            "create temp table passing as select 1 as id",
            "create index on passing (id)",
            "drop table passing",
            "insert into t values (1)",
            "comment on table t is 'x'",
            "create view v as select * from t",
            "create policy p on t using (true)",
            "grant select on t to public",
            "drop view v",
            "alter table t drop column a",
        ],
    )
    .await;
    let expected =
        ["ALTER TABLE", "CREATE VIEW", "CREATE POLICY", "GRANT", "DROP VIEW", "ALTER TABLE", "ALTER TABLE"];
    assert_eq!(tags, expected);
}

#[tokio::test]
async fn a_failing_event_trigger_does_not_fail_the_users_command() {
    let (client, _) = database(shared(), "").await;
    install(&client).await.unwrap();
    client
        .batch_execute(
            "do $$ begin execute (
                select string_agg(format('revoke execute on function %s from public', p.oid::regprocedure), ';')
                from pg_proc p where p.proname = 'pg_logical_emit_message');
             end $$;
             create role plain_user; grant create on schema public to plain_user;
             set role plain_user; create table made (id int); drop table made; reset role",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn installing_twice_or_at_once_is_installing() {
    let (client, name) = database(shared(), "").await;
    let other = connect_as(shared(), "postgres", &name).await;
    let (one, two) = tokio::join!(install(&client), install(&other));
    assert_eq!((one.unwrap(), two.unwrap()), (EVERYTHING, EVERYTHING));
    assert_eq!(install(&client).await.unwrap(), EVERYTHING);
    assert_eq!(count(&client, "select count(*) from courant.migration").await, 3);
}

#[tokio::test]
async fn a_role_with_fewer_rights_installs_what_it_may() {
    let (client, name) = database(shared(), "create role maker login; create role nobody login").await;
    client.batch_execute(&format!("grant create on database {name} to maker")).await.unwrap();
    let nobody = connect_as(shared(), "nobody", &name).await;
    assert_eq!(install(&nobody).await.unwrap(), Installed::default());
    let maker = connect_as(shared(), "maker", &name).await;
    let schema_only = Installed { schema: true, event_triggers: false };
    assert_eq!(install(&maker).await.unwrap(), schema_only);
    // A superuser completes it, and the other roles find it complete.
    assert_eq!(install(&client).await.unwrap(), EVERYTHING);
    assert_eq!(install(&nobody).await.unwrap(), EVERYTHING);
}

#[tokio::test]
async fn a_schema_of_that_name_that_is_not_ours_is_left_alone() {
    let (client, _) = database(shared(), "create schema courant; create table courant.mine (id int)").await;
    assert!(matches!(install(&client).await, Err(SchemaError::NotOurs)));
    assert_eq!(uninstall(&client, "courant").await.unwrap(), Removed::default());
    assert_eq!(count(&client, "select count(*) from courant.mine").await, 0);
}

#[tokio::test]
async fn a_later_versions_schema_is_refused() {
    let (client, _) = database(shared(), "").await;
    install(&client).await.unwrap();
    client.batch_execute("insert into courant.migration (number) values (99)").await.unwrap();
    assert!(matches!(install(&client).await, Err(SchemaError::TooNew(99))));
}

#[tokio::test]
async fn uninstalling_leaves_no_trace_and_may_be_repeated() {
    let (client, _) = database(shared(), "create table t (id int primary key)").await;
    let traces = "select (select count(*) from pg_namespace) + (select count(*) from pg_proc)
        + (select count(*) from pg_event_trigger) + (select count(*) from pg_publication)
        + (select count(*) from pg_class) + (select count(*) from pg_description)";
    let before = count(&client, traces).await;
    install(&client).await.unwrap();
    assert_eq!(sync(&client).await.added, ["public.t"]);
    assert!(count(&client, traces).await > before);
    let everything = Removed { schema: true, event_triggers: true, publication: true, ..Removed::default() };
    assert_eq!(uninstall(&client, "courant").await.unwrap(), everything);
    assert_eq!(count(&client, traces).await, before);
    assert_eq!(uninstall(&client, "courant").await.unwrap(), Removed::default());
}

#[tokio::test]
async fn the_publication_holds_exactly_the_tables_that_can_be_in_it() {
    let (client, _) = database(
        shared(),
        r#"create table a (id int primary key);
               create schema "Odd one"; create table "Odd one"."T" (id int primary key);
               create table no_key (id int);
               create unlogged table u (id int primary key);
               create table parted (id int primary key) partition by range (id);
               create table part partition of parted for values from (0) to (10);
               create table base (id int primary key);
               create table child (primary key (id)) inherits (base);"#,
    )
    .await;
    let first = sync(&client).await;
    assert!(first.created && first.removed.is_empty());
    assert_eq!(first.added, [r#""Odd one"."T""#, "public.a", "public.base", "public.child", "public.part"]);
    assert_eq!(
        first.refused,
        [
            ("public.no_key".to_owned(), Refused::Unpublishable(Unpublishable::NoIdentity)),
            ("public.u".to_owned(), Refused::Unpublishable(Unpublishable::Unlogged)),
        ]
    );
    client.batch_execute("insert into no_key values (1); update no_key set id = 2").await.unwrap();
    let again = sync(&client).await;
    assert!(!again.created && again.added.is_empty() && again.removed.is_empty());
    client
        .batch_execute(
            "alter table a drop constraint a_pkey; alter table no_key add primary key (id);
             alter publication courant set (publish = 'insert', publish_via_partition_root = true);
             alter publication courant drop table only base;
             do $$ begin
                -- Column lists and row filters came with PostgreSQL 15.
                execute case when current_setting('server_version_num')::int >= 150000
                    then 'alter publication courant add table only base (id) where (id > 1)'
                    else 'alter publication courant add table only base; alter table base drop constraint base_pkey;
                        alter publication courant drop table only base; alter table base add primary key (id);
                        create table stray (id int); alter publication courant add table stray' end;
             end $$",
        )
        .await
        .unwrap();
    let third = sync(&client).await;
    assert_eq!(third.added, ["public.base", "public.no_key"]);
    assert_eq!(third.removed.len(), 2, "{:?}", third.removed);
    let plain =
        "select count(*) from pg_publication where pubinsert and pubupdate and pubdelete and pubtruncate
        and not pubviaroot and not puballtables";
    assert_eq!(count(&client, plain).await, 1);
    let partial = "select count(*) from pg_publication_rel r where to_jsonb(r) ->> 'prqual' is not null or to_jsonb(r) ->> 'prattrs' is not null";
    assert_eq!(count(&client, partial).await, 0);
}

#[tokio::test]
async fn two_nodes_that_make_the_publication_at_once_agree() {
    let (client, name) = database(shared(), "create table a (id int primary key)").await;
    let other = connect_as(shared(), "postgres", &name).await;
    let list = tables(&client).await;
    let (one, two) =
        tokio::join!(sync_publication(&client, "courant", &list), sync_publication(&other, "courant", &list));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.created ^ two.created);
    assert_eq!(one.added.len() + two.added.len(), 1);
}

#[tokio::test]
async fn a_publication_for_all_tables_is_refused_and_a_role_without_rights_told_so() {
    let (client, name) = database(
        shared(),
        "create publication everything for all tables; create role visitor login;
             create table a (id int primary key)",
    )
    .await;
    let list = tables(&client).await;
    let refused = sync_publication(&client, "everything", &list).await;
    assert!(matches!(refused, Err(SchemaError::ForAllTables(name)) if name == "everything"));
    let visitor = connect_as(shared(), "visitor", &name).await;
    let refused = sync_publication(&visitor, "courant", &list).await;
    assert!(matches!(refused, Err(SchemaError::NotPermitted(_))));
    // The connection is free again.
    assert_eq!(count(&visitor, "select count(*) from pg_publication").await, 1);
}

#[tokio::test]
async fn a_table_that_is_locked_does_not_keep_the_others_out() {
    let (client, name) =
        database(shared(), "create table a (id int primary key); create table b (id int primary key)").await;
    let holder = connect_as(shared(), "postgres", &name).await;
    let list = tables(&client).await;
    holder.batch_execute("begin; lock table a in share update exclusive mode").await.unwrap();
    let done = sync_publication(&client, "courant", &list).await.unwrap();
    holder.batch_execute("rollback").await.unwrap();
    assert_eq!(done.added, ["public.b"]);
    assert!(matches!(&done.refused[..], [(name, Refused::Database(_))] if name == "public.a"));
}

#[tokio::test]
async fn a_superuser_with_a_logical_log_and_keys_everywhere_lacks_nothing() {
    let (client, _) = database(shared(), "create table a (id int primary key)").await;
    let ready = readiness(&client, "courant", &tables(&client).await).await.unwrap();
    assert!(ready.can_stream);
    assert_eq!(ready.obstacles, []);
}

#[tokio::test]
async fn what_is_missing_is_named_with_lines_that_provide_it() {
    let cluster =
        Cluster::for_test_with("replica", ClusterSettings::for_tests().with("wal_level", "replica"));
    let (client, name) = database(
        &cluster,
        r#"create role "App user" login;
               create table a (id int primary key);
               create table "No key" (id int);
               create table keyed (a int not null, b int);
               create unique index keyed_a on keyed (a);"#,
    )
    .await;
    let app = connect_as(&cluster, "App user", &name).await;
    let ready = readiness(&app, "courant", &tables(&app).await).await.unwrap();
    assert!(!ready.can_stream);
    let what: Vec<&str> = ready.obstacles.iter().map(|missing| missing.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "wal_level is replica, and a change stream needs logical",
            "the role \"App user\" may not replicate",
            "the role \"App user\" may not create a publication",
            "the role \"App user\" may not create the schema courant",
            "the role \"App user\" may not create event triggers",
            "2 tables have no replica identity",
            "3 tables belong to roles whose rights this role has not",
        ]
    );
    // The lines do what they promise.
    for missing in &ready.obstacles {
        if missing.what.contains("event triggers") {
            assert!(install(&app).await.unwrap().schema);
        }
        for line in missing.fix.split_inclusive(";\n").filter(|line| !line.trim().is_empty()) {
            client.batch_execute(line).await.unwrap_or_else(|error| panic!("{line}: {error:?}"));
        }
    }
    let ready = readiness(&app, "courant", &tables(&app).await).await.unwrap();
    let what: Vec<&str> = ready.obstacles.iter().map(|missing| missing.what.as_str()).collect();
    assert_eq!(what, ["wal_level is replica, and a change stream needs logical"]);
    let done = tokio::time::timeout(Duration::from_secs(30), sync(&app)).await.unwrap();
    assert_eq!(done.added, ["public.\"No key\"", "public.a", "public.keyed"]);
}
