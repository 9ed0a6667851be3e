//! Columns, keys and identities.

use pg::Canonical;

use crate::fixture::{Named, catalog_of};

#[tokio::test]
async fn columns_have_a_canonical_form_only_where_equality_is_equality_of_bytes() {
    let catalog = catalog_of(
        "create extension citext;
         create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         create type mood as enum ('fine', 'so-so');
         create domain positive as int check (value > 0);
         create table t (
            i2 int2, i4 int4 not null, i8 bigint generated always as identity, u uuid default gen_random_uuid(),
            b boolean, s text, v varchar(20), c char(3), n numeric, f float8, ts timestamptz, ci citext,
            l text collate loose, m mood, d positive, j jsonb, a int[], x text collate \"C\",
            g int generated always as (1) stored);",
    )
    .await;
    let t = catalog.table("t");
    let form = |name: &str| t.column(name).unwrap().canonical;
    for name in ["i2", "i4", "i8"] {
        assert_eq!(form(name), Some(Canonical::Integer), "{name}");
    }
    assert_eq!(form("u"), Some(Canonical::Uuid));
    assert_eq!(form("b"), Some(Canonical::Boolean));
    for name in ["s", "v", "x"] {
        assert_eq!(form(name), Some(Canonical::Text), "{name}");
    }
    assert_eq!(form("m"), Some(Canonical::Label));
    for name in ["c", "n", "f", "ts", "ci", "l", "d", "j", "a", "g"] {
        assert_eq!(form(name), None, "{name}");
    }
    assert_eq!(t.column("v").unwrap().type_name, "character varying(20)");
    assert!(!t.column("i4").unwrap().nullable && t.column("i2").unwrap().nullable);
    let filled = t.columns.iter().filter(|c| c.has_default).map(|c| c.name.as_str());
    assert_eq!(Vec::from_iter(filled), ["i8", "u", "g"]);
}

#[tokio::test]
async fn a_column_that_a_child_generates_has_no_canonical_form() {
    // From PostgreSQL 16 on a child may not do so.
    let catalog = catalog_of(
        "create table base (k text, l text);
         do $$ begin
            execute case when current_setting('server_version_num')::int < 160000
                then 'create table child (k text generated always as (''x'') stored) inherits (base)'
                else 'create table child () inherits (base); alter table base drop column k' end;
         end $$",
    )
    .await;
    let base = catalog.table("base");
    assert_eq!(base.column("k").and_then(|column| column.canonical), None);
    assert_eq!(base.column("l").unwrap().canonical, Some(Canonical::Text));
}

#[tokio::test]
async fn identity_is_what_the_log_tells_of_old_rows() {
    let catalog = catalog_of(
        "create table by_default (b int, a int, c int, primary key (a, b));
         create table without_key (a int);
         create table nothing (a int primary key);
         alter table nothing replica identity nothing;
         create table by_index (a int primary key, b int not null, c int not null);
         create unique index by_index_cb on by_index (c, b) include (a);
         alter table by_index replica identity using index by_index_cb;
         create table whole (a int primary key, b int);
         alter table whole replica identity full;
         create table whole_without_key (a int, b int, g int generated always as (1) stored);
         alter table whole_without_key replica identity full;
         create table deferred (a int primary key deferrable);
         create table lost (a int not null);
         create unique index lost_a on lost (a);
         alter table lost replica identity using index lost_a;
         drop index lost_a;
         create table parted (a int primary key) partition by range (a);
         create table part1 partition of parted for values from (0) to (10);
         create table part2 partition of parted for values from (10) to (20);
         create table mixed (a int primary key) partition by range (a);
         create table mixed1 partition of mixed for values from (0) to (10);
         create table mixed2 partition of mixed for values from (10) to (20);
         alter table mixed2 replica identity nothing;",
    )
    .await;
    for (name, identity) in [
        ("by_default", &["a", "b"][..]),
        ("without_key", &[]),
        ("nothing", &[]),
        ("by_index", &["c", "b"]),
        ("whole", &["a"]),
        ("whole_without_key", &["a", "b"]),
        ("deferred", &[]),
        ("lost", &[]),
        ("parted", &["a"]),
        ("mixed", &[]),
    ] {
        assert_eq!(catalog.table(name).identity, identity, "{name}");
    }
    assert_eq!(catalog.table("by_default").primary_key, ["a", "b"]);
    assert_eq!(catalog.table("deferred").primary_key, ["a"]);
}

#[tokio::test]
async fn foreign_keys_pair_their_columns_and_know_whether_the_way_back_is_to_one() {
    let catalog = catalog_of(
        "create table orgs (id int, region text, primary key (region, id));
         create table docs (id int primary key, r text, o int, constraint docs_org foreign key (o, r)
            references orgs (id, region));
         create table settings (o int, r text, primary key (r, o), constraint settings_org foreign key (r, o)
            references orgs (region, id));
         create table half (o int unique, r text, constraint half_org foreign key (r, o)
            references orgs (region, id));
         create schema hidden;
         create table hidden.h (id int primary key references docs);
         create table parted (id int references docs) partition by range (id);
         create table part partition of parted for values from (0) to (10);",
    )
    .await;
    let names = catalog.foreign_keys.iter().map(|key| (key.name.as_str(), key.one_to_one));
    let expected =
        [("docs_org", false), ("half_org", true), ("parted_id_fkey", false), ("settings_org", true)];
    assert_eq!(Vec::from_iter(names), expected);
    let key = &catalog.foreign_keys[0];
    assert_eq!((&key.from, &key.to), (&catalog.table("docs").id, &catalog.table("orgs").id));
    assert_eq!(key.from_columns, ["o", "r"]);
    assert_eq!(key.to_columns, ["id", "region"]);
    assert!(catalog.by_id.contains_key(&key.to));
}

#[tokio::test]
async fn views_have_the_keys_of_the_columns_that_they_show_through_chains_and_from_hidden_tables() {
    let catalog = catalog_of(
        "create schema hidden;
         create table hidden.clients (id int primary key, name text);
         create table projects (id int primary key, client_id int constraint project_client references hidden.clients,
            \"od :d\" int);
         create view clients as select id as client, name from hidden.clients;
         create view named as select client as number, upper(name) from clients;
         create view open as select p.client_id, p.id, c.name, p.id + 1 as next
            from projects p join hidden.clients c on c.id = p.client_id where p.id in (select id from hidden.clients);
         create view mixed as select id from projects union select id from hidden.clients;
         create materialized view kept as select \"od :d\", client_id from projects;",
    )
    .await;
    let relation = |name: &str| catalog.relation("public", name).unwrap();
    assert_eq!(relation("clients").primary_key, ["client"]);
    assert_eq!(relation("named").primary_key, ["number"]);
    assert_eq!(relation("open").primary_key, ["id"]);
    assert!(relation("mixed").primary_key.is_empty() && relation("kept").primary_key.is_empty());
    let named = |id| catalog.by_id[id].name.as_str();
    let mut keys: Vec<String> = catalog
        .foreign_keys
        .iter()
        .map(|key| {
            let (from, to) = (named(&key.from), named(&key.to));
            format!("{from}.{} -> {to}.{}", key.from_columns.join(","), key.to_columns.join(","))
        })
        .collect();
    keys.sort_unstable();
    let from = ["kept.client_id", "open.client_id", "projects.client_id"];
    let to = ["clients.client", "named.number"];
    let all = from.iter().flat_map(|from| to.iter().map(move |to| format!("{from} -> {to}")));
    assert_eq!(keys, Vec::from_iter(all));
}
