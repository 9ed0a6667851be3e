//! What answers depend on: views, policies, and the functions in them.

use std::collections::{BTreeMap, BTreeSet};

use pg::RelationId;
use pg::catalog::{Catalog, Dependence, Obstacle, Policies, Settings, load};

use crate::fixture::{Named, catalog_of, connect_as, database, shared};

/// The parts of Supabase that policies lean on, as it ships them.
const AUTH: &str = "
    create schema auth;
    create table auth.users (id uuid primary key, email text);
    create function auth.uid() returns uuid language sql stable as $$
      select
      coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
      )::uuid
    $$;
    create function auth.role() returns text language sql stable as $$
      select
      coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
      )::text
    $$;
    create function auth.jwt() returns jsonb language sql stable as $$
      select
        coalesce(
            nullif(current_setting('request.jwt.claim', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')
        )::jsonb
    $$;
";

fn only(names: &[&str]) -> Settings {
    Settings::Only(names.iter().map(|name| (*name).to_owned()).collect())
}

fn relations(catalog: &Catalog, names: &[&str]) -> BTreeSet<RelationId> {
    names.iter().map(|name| catalog.table(name).id).collect()
}

fn obstacles(list: &[(&str, Obstacle)]) -> BTreeMap<String, Obstacle> {
    list.iter().map(|(name, why)| ((*name).to_owned(), *why)).collect()
}

#[tokio::test]
async fn a_plain_table_depends_on_nothing() {
    let catalog = catalog_of("create table t (id int primary key)").await;
    let t = catalog.table("t");
    assert_eq!(t.dependence, Dependence::default());
    assert_eq!(t.stored_in, [t.id]);
}

#[tokio::test]
async fn a_policy_on_the_users_own_rows_reads_the_claims_and_no_table() {
    let ddl = "
        create table profiles (id uuid primary key);
        alter table profiles enable row level security;
        create policy mine on profiles for select using ((select auth.uid()) = id);
        create table docs (id int primary key, owner uuid);
        alter table docs enable row level security;
        create policy mine on docs using
            ((current_setting('request.JWT.claims', true)::json ->> 'sub')::uuid = owner
             and auth.role() = 'authenticated' and (auth.jwt() -> 'app_metadata' ->> 'plan') is distinct from 'x');
    ";
    let catalog = catalog_of(&format!("{AUTH}{ddl}")).await;
    let profiles = &catalog.table("profiles").dependence;
    assert_eq!(profiles.settings, only(&["request.jwt.claim.sub", "request.jwt.claims"]));
    assert_eq!((profiles.relations.len(), profiles.obstacles.len()), (0, 0));
    let docs = &catalog.table("docs").dependence;
    assert_eq!(docs.settings, only(&["request.jwt.claims", "request.jwt.claim.role", "request.jwt.claim"]));
    assert_eq!((docs.relations.len(), docs.obstacles.len()), (0, 0));
    let owner = Policies::Columns(BTreeSet::from(["owner".to_owned()]));
    assert_eq!(catalog.table("docs").policies, owner);
}

#[tokio::test]
async fn the_columns_that_policies_look_at_are_known_unless_they_take_the_whole_row() {
    let ddl = "
        create table docs (id int primary key, owner text, shared boolean, body text);
        create policy open on docs for select using (shared or owner = current_user);
        create policy write on docs for update using (body <> '');
        create table rows (id int primary key, note text);
        alter table rows enable row level security;
        create policy whole on rows using (to_jsonb(rows) is not null);
        create table shut (id int primary key);
        alter table shut enable row level security;
        grant select (id) on shut to public;
    ";
    let off = catalog_of(ddl).await;
    assert_eq!(off.table("docs").policies, Policies::Off);
    let catalog = catalog_of(&format!("{ddl} alter table docs enable row level security")).await;
    let looked = ["owner", "shared"].map(str::to_owned);
    assert_eq!(catalog.table("docs").policies, Policies::Columns(BTreeSet::from(looked)));
    assert_eq!(catalog.table("rows").policies, Policies::Any);
    assert_eq!(catalog.table("shut").policies, Policies::Columns(BTreeSet::new()));
    assert!(catalog.table("shut").column_grants && !catalog.table("rows").column_grants);
}

#[tokio::test]
async fn a_policy_with_a_membership_subquery_reads_the_memberships() {
    let ddl = "
        create table members (org_id int, user_id uuid, primary key (org_id, user_id));
        create table docs (id int primary key, org_id int);
        alter table docs enable row level security;
        create policy members on docs for all using
            (exists (select 1 from members m where m.org_id = docs.org_id and m.user_id = auth.uid()));
    ";
    let catalog = catalog_of(&format!("{AUTH}{ddl}")).await;
    let docs = &catalog.table("docs").dependence;
    assert_eq!(docs.relations, relations(&catalog, &["members"]));
    assert_eq!(docs.settings, only(&["request.jwt.claim.sub", "request.jwt.claims"]));
    assert_eq!(docs.obstacles, BTreeMap::new());
    assert_eq!(catalog.table("members").dependence, Dependence::default());
}

#[tokio::test]
async fn policies_are_followed_through_the_policies_of_what_they_read() {
    let catalog = catalog_of(
        "create schema hidden;
         create table hidden.c (id int primary key, who text);
         alter table hidden.c enable row level security;
         create policy p on hidden.c for select using (who = current_setting('request.headers', true));
         create table b (id int primary key, c int);
         alter table b enable row level security;
         create policy p on b using (c in (select id from hidden.c));
         create table a (id int primary key, b int);
         alter table a enable row level security;
         create policy p on a using (b in (select id from b));",
    )
    .await;
    let a = &catalog.table("a").dependence;
    let c = catalog.tables.iter().find(|table| table.name == "c").unwrap().id;
    assert_eq!(a.relations, BTreeSet::from([c, catalog.table("b").id]));
    assert_eq!(a.settings, only(&["request.headers"]));
    assert!(catalog.relation("hidden", "c").is_none());
}

#[tokio::test]
async fn policies_that_reads_do_not_obey_are_left_out() {
    let catalog = catalog_of(
        "create table other (id int primary key);
         create table t (id int primary key);
         alter table t enable row level security;
         create policy r on t for select using (true);
         create policy w on t for insert with check (id in (select id from other));
         create policy d on t for delete using (id in (select id from other));
         create policy u on t for update using (random() > 2);
         create policy c on t for all using (true) with check (exists (select from other));
         create table off (id int primary key);
         create policy p on off using (id in (select id from other));",
    )
    .await;
    assert_eq!(catalog.table("t").dependence, Dependence::default());
    assert_eq!(catalog.table("off").dependence, Dependence::default());
}

#[tokio::test]
async fn a_policy_that_reads_its_own_table_makes_it_consulted() {
    let catalog = catalog_of(
        "create table t (id int primary key, parent int);
         create view all_t as select * from t;
         alter table t enable row level security;
         create policy p on t using (parent in (select id from all_t));",
    )
    .await;
    assert_eq!(catalog.table("t").dependence.relations, relations(&catalog, &["t"]));
}

#[tokio::test]
async fn a_view_over_a_view_reads_the_tables_at_the_bottom_and_obeys_their_policies() {
    let ddl = "
        create table members (user_id uuid primary key, org_id int);
        create table docs (id int primary key, org_id int, body text);
        alter table docs enable row level security;
        create policy p on docs using (org_id in (select org_id from members where user_id = auth.uid()));
        create view titles as select id, left(body, 10) as title from docs;
        create view few_titles as with x as (select * from titles) select title, count(*) from x group by 1;
        create view invoker as select * from docs;
        do $$ begin
            if current_setting('server_version_num')::int >= 150000 then
                alter view invoker set (security_invoker = true);
            end if;
        end $$;
    ";
    let catalog = catalog_of(&format!("{AUTH}{ddl}")).await;
    for view in ["titles", "few_titles", "invoker"] {
        let view = catalog.table(view);
        assert_eq!(view.dependence.relations, relations(&catalog, &["docs", "members"]), "{}", view.name);
        assert_eq!(view.dependence.settings, only(&["request.jwt.claim.sub", "request.jwt.claims"]));
        assert_eq!(view.dependence.obstacles, BTreeMap::new(), "{}", view.name);
        assert!(view.stored_in.is_empty() && view.identity.is_empty());
    }
}

#[tokio::test]
async fn clocks_sequences_and_chance_in_views_and_policies_are_obstacles() {
    let catalog = catalog_of(
        "create sequence s;
         create table t (id int primary key, at timestamptz, d date);
         create view now_view as select * from t where at > now() - interval '1 day';
         create view today as select * from t where d = current_date;
         create view ages as select age(at) from t;
         create view aged as select age(at, timestamptz '2020-01-01') from t;
         create view next as select nextval('s') as n;
         create view chance as select random() as r;
         create view sample as select * from t tablesample bernoulli (10);
         create view who as select current_user, session_user, current_schema, current_database();
         create view peek as select last_value from s;
         create view names as select pg_get_viewdef('today'::regclass), to_regclass('t');
         create view skip as select * from t for update skip locked;
         create table p (id int primary key, d date);
         alter table p enable row level security;
         create policy p on p using (d <= current_date);",
    )
    .await;
    let of = |name: &str| catalog.table(name).dependence.obstacles.clone();
    assert_eq!(of("now_view"), obstacles(&[("now()", Obstacle::Clock)]));
    assert_eq!(of("today"), obstacles(&[("current_date", Obstacle::Clock)]));
    assert_eq!(of("ages"), obstacles(&[("age()", Obstacle::Clock)]));
    assert_eq!(of("aged"), obstacles(&[]));
    assert_eq!(of("next"), obstacles(&[("nextval()", Obstacle::Sequence)]));
    assert_eq!(of("chance"), obstacles(&[("random()", Obstacle::Volatile)]));
    assert_eq!(of("sample"), obstacles(&[("tablesample", Obstacle::Volatile)]));
    assert_eq!(of("who"), obstacles(&[]));
    assert_eq!(of("peek"), obstacles(&[("public.s", Obstacle::Sequence)]));
    let opaque = [("pg_get_viewdef()", Obstacle::Opaque), ("to_regclass()", Obstacle::Opaque)];
    assert_eq!(of("names"), obstacles(&opaque));
    assert_eq!(of("skip"), obstacles(&[("for update", Obstacle::Volatile)]));
    assert_eq!(of("p"), obstacles(&[("current_date", Obstacle::Clock)]));
}

#[tokio::test]
async fn relations_of_which_the_log_does_not_tell_are_obstacles() {
    let catalog = catalog_of(
        "create extension file_fdw;
         create server files foreign data wrapper file_fdw;
         create foreign table f (id int) server files options (filename '/dev/null');
         create unlogged table u (id int primary key);
         create table t (id int primary key);
         create materialized view m as select * from t;
         create view over_f as select * from f;
         create view over_u as select * from u;
         create view over_m as select * from m;
         create view over_catalog as select relname from pg_class;
         create view over_schema as select table_name from information_schema.tables;
         create table parent (id int) partition by range (id);
         create table logged partition of parent for values from (0) to (10);
         create foreign table far partition of parent for values from (10) to (20)
            server files options (filename '/dev/null');
         create unlogged table lost partition of parent for values from (20) to (30);",
    )
    .await;
    let of = |name: &str| catalog.table(name).dependence.obstacles.clone();
    for (name, fault, why) in [
        ("f", "public.f", Obstacle::Foreign),
        ("u", "public.u", Obstacle::Unlogged),
        ("m", "public.m", Obstacle::MaterializedView),
        ("over_f", "public.f", Obstacle::Foreign),
        ("over_u", "public.u", Obstacle::Unlogged),
        ("over_m", "public.m", Obstacle::MaterializedView),
        ("over_catalog", "pg_catalog.pg_class", Obstacle::Catalog),
        ("over_schema", "information_schema.tables", Obstacle::Catalog),
    ] {
        assert_eq!(of(name), obstacles(&[(fault, why)]), "{name}");
    }
    let both = [("public.far", Obstacle::Foreign), ("public.lost", Obstacle::Unlogged)];
    assert_eq!(of("parent"), obstacles(&both));
}

#[tokio::test]
async fn consulting_a_partitioned_or_inherited_table_consults_all_its_leaves() {
    let catalog = catalog_of(
        "create table parted (id int primary key, org int) partition by range (id);
         create table part1 partition of parted for values from (0) to (10);
         create table part2 partition of parted for values from (10) to (20) partition by range (id);
         create table part2a partition of part2 for values from (10) to (15);
         create table base (id int primary key);
         create table child () inherits (base);
         create view pairs as select p.id from parted p join base using (id);",
    )
    .await;
    let ids = |names: &[&str]| Vec::from_iter(relations(&catalog, names));
    assert_eq!(catalog.table("parted").stored_in, ids(&["part1", "part2a"]));
    assert_eq!(catalog.table("part2").stored_in, ids(&["part2a"]));
    assert_eq!(catalog.table("base").stored_in, ids(&["base", "child"]));
    let read = relations(&catalog, &["part1", "part2a", "base", "child"]);
    assert_eq!(catalog.table("pairs").dependence.relations, read);
}

#[tokio::test]
async fn a_setting_with_a_computed_name_may_be_any_setting() {
    let catalog = catalog_of(
        "create table t (id int primary key, name text, n int);
         alter table t enable row level security;
         create policy p on t using (name = current_setting(name, true));
         create view v as select current_setting('a.' || current_user) as x;
         create view w as select current_setting(('a.' || 'b')::text) as x;
         create view e as select current_setting('app.tenant.é') as x;",
    )
    .await;
    assert_eq!(catalog.table("t").dependence.settings, Settings::Any);
    assert_eq!(catalog.table("v").dependence.settings, Settings::Any);
    assert_eq!(catalog.table("w").dependence.settings, Settings::Any);
    assert_eq!(catalog.table("e").dependence.settings, only(&["app.tenant.é"]));
}

#[tokio::test]
async fn names_that_look_like_fields_of_a_node_tree_change_nothing() {
    let catalog = catalog_of(
        r#"create table ":funcid 1299 (" (":relid" int primary key, "{FUNCEXPR" int, "[ 1 ]" text, "<>" int);
         create view v as select ":relid" as ":opno 5 }", ':funcid 1299 \ {' as "\", "[ 1 ]", "<>",
            '' as ":funcid" from ":funcid 1299 (" as ":relid";"#,
    )
    .await;
    let v = &catalog.table("v").dependence;
    assert_eq!(v.relations, relations(&catalog, &[":funcid 1299 ("]));
    assert_eq!(v.obstacles, BTreeMap::new());
}

#[tokio::test]
async fn any_role_reads_the_same_catalog() {
    let ddl = "
        create table docs (id int primary key, org_id int);
        alter table docs enable row level security;
        create policy p on docs using (org_id = (auth.jwt() ->> 'org')::int and docs.id in (select 1 from auth.users));
        create view v as select * from docs;
        create role reader login;
    ";
    let (client, name) = database(shared(), &format!("{AUTH}{ddl}")).await;
    let schemas = ["public".to_owned()];
    let all = load(&client, &schemas).await.unwrap();
    let reader = connect_as(shared(), "reader", &name).await;
    let read = load(&reader, &schemas).await.unwrap();
    assert_eq!(read.table("v").dependence, all.table("v").dependence);
    assert_eq!(read.table("docs").dependence, all.table("docs").dependence);
    assert!(read.tables.iter().all(|table| !table.may_publish));
    assert!(all.tables.iter().all(|table| table.may_publish));
}
