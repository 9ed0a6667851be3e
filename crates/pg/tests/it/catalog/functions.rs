//! Functions: what they take and return, and what calling them means.

use std::collections::BTreeMap;

use pg::catalog::{Obstacle, Returns, Settings};

use crate::fixture::{Named, catalog_of};

#[tokio::test]
async fn a_signature_says_what_a_request_may_send_and_gets_back() {
    let catalog = catalog_of(
        "create table t (id int primary key);
         create function one(a int, b text default 'x', c uuid default null) returns text
            language sql stable as 'select b';
         create function nothing() returns void language sql as '';
         create function rows() returns setof t language sql stable as 'select * from t';
         create function own(inout a int, out b text, x int[]) language sql stable as 'select a, null::text';
         create function cols(n int) returns table (x int, y text) language sql stable as 'select 1, null::text';
         create function many(variadic xs int[]) returns int language sql immutable as 'select 1';
         create function unnamed(int, text) returns int language sql immutable as 'select 1';
         create function trigger_only() returns trigger language plpgsql as 'begin return new; end';
         create procedure proc() language sql as '';",
    )
    .await;
    let arguments = |name: &str| {
        let list = &catalog.function(name).arguments;
        Vec::from_iter(list.iter().map(|a| (a.name.clone(), a.type_name.clone(), a.has_default, a.variadic)))
    };
    let argument =
        |name: &str, kind: &str, default, variadic| (name.to_owned(), kind.to_owned(), default, variadic);
    let one = [argument("a", "integer", false, false), argument("b", "text", true, false)];
    assert_eq!(arguments("one")[..2], one);
    assert_eq!(arguments("one")[2], argument("c", "uuid", true, false));
    assert_eq!(
        arguments("own"),
        [argument("a", "integer", false, false), argument("x", "integer[]", false, false)]
    );
    assert_eq!(arguments("cols"), [argument("n", "integer", false, false)]);
    assert_eq!(arguments("many"), [argument("xs", "integer[]", false, true)]);
    assert_eq!(
        arguments("unnamed"),
        [argument("", "integer", false, false), argument("", "text", false, false)]
    );
    let returns = |name: &str| (catalog.function(name).returns.clone(), catalog.function(name).returns_set);
    assert_eq!(returns("one"), (Returns::Scalar("text".into()), false));
    assert_eq!(returns("nothing"), (Returns::Void, false));
    assert_eq!(returns("rows"), (Returns::Relation(catalog.table("t").id), true));
    assert_eq!(returns("own"), (Returns::Record, false));
    assert_eq!(returns("cols"), (Returns::Record, true));
    assert!(catalog.function("one").read_only && !catalog.function("nothing").read_only);
    assert!(catalog.functions("public", "trigger_only").is_empty());
    assert!(catalog.functions("public", "proc").is_empty());
}

#[tokio::test]
async fn a_body_that_postgresql_parsed_is_followed() {
    let catalog = catalog_of(
        "create table t (id int primary key, at timestamptz);
         alter table t enable row level security;
         create policy p on t using (id::text = current_setting('request.jwt.claims', true));
         create function latest() returns setof t language sql stable begin atomic select * from t; end;
         create function clocked() returns bigint language sql stable
            return (select count(*) from t where at < now());
         create function nested() returns bigint language sql stable return (select count(*) from latest());",
    )
    .await;
    for name in ["latest", "nested"] {
        let dependence = &catalog.function(name).dependence;
        assert_eq!(Vec::from_iter(&dependence.relations), [&catalog.table("t").id], "{name}");
        assert_eq!(dependence.settings, Settings::Only(["request.jwt.claims".to_owned()].into()));
        assert_eq!(dependence.obstacles, BTreeMap::new(), "{name}");
    }
    assert_eq!(catalog.function("clocked").dependence.obstacles["now()"], Obstacle::Clock);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_opaque_and_a_volatile_function_volatile() {
    let catalog = catalog_of(
        "create table t (id int primary key);
         create function metrics() returns bigint language sql stable as 'select count(*) from t';
         create function looped() returns int language plpgsql stable as 'begin return 1; end';
         create function promised() returns int language plpgsql immutable as 'begin return 1; end';
         create function broken() returns text language plpgsql immutable as
            $$ begin return Current_Setting('request.jwt.claims'); end $$;
         create function caller() returns text language plpgsql immutable as 'begin return broken(); end';
         create function pure(a int) returns int language sql immutable as 'select a + 1';
         create function counted() returns int language sql as 'select 1';
         create function dated(at timestamptz default now()) returns timestamptz language sql stable as 'select at';
         create view v as select metrics() as m, promised() as p;
         create function step(s int, x int) returns int language sql volatile as 'select s + x';
         create aggregate total(int) (sfunc = step, stype = int);
         create view totals as select total(id) as n from t;
         create function always(int, int) returns boolean language plpgsql stable as 'begin return true; end';
         create operator === (function = always, leftarg = int, rightarg = int);
         create view operated as select id === 1 as x, (id, id) = (1, 2) as y from t;
         create function has_rows() returns boolean language sql stable as 'select exists (table t)';
         create domain checked as int check (metrics() > value);
         create view cast_to_domain as select id::checked as x from t;",
    )
    .await;
    let of = |name: &str| catalog.function(name).dependence.clone();
    assert_eq!(of("metrics").obstacles["public.metrics()"], Obstacle::Opaque);
    assert_eq!(of("looped").obstacles["public.looped()"], Obstacle::Opaque);
    assert_eq!(of("has_rows").obstacles["public.has_rows()"], Obstacle::Opaque);
    assert_eq!(of("promised"), Default::default());
    assert_eq!(of("pure"), Default::default());
    assert_eq!(of("broken").settings, Settings::Any);
    assert_eq!(of("caller").settings, Settings::Any);
    assert_eq!(of("counted").obstacles["public.counted()"], Obstacle::Volatile);
    assert_eq!(of("dated").obstacles["now()"], Obstacle::Clock);
    let view = |name: &str| Vec::from_iter(catalog.table(name).dependence.obstacles.clone());
    assert_eq!(view("v"), [("public.metrics()".to_owned(), Obstacle::Opaque)]);
    assert_eq!(view("totals"), [("public.step()".to_owned(), Obstacle::Volatile)]);
    assert_eq!(view("operated"), [("public.always()".to_owned(), Obstacle::Opaque)]);
    assert_eq!(view("cast_to_domain"), [("public.metrics()".to_owned(), Obstacle::Opaque)]);
}

#[tokio::test]
async fn stable_functions_of_known_extensions_are_no_obstacle() {
    let catalog = catalog_of(
        "create extension unaccent; create extension pg_trgm; create extension pgcrypto;
         create table t (id int primary key, name text);
         create view search as select * from t where unaccent(name) % 'a' and lower(name) ~ 'b';
         create view salted as select crypt(name, gen_salt('bf')) as x from t;",
    )
    .await;
    assert_eq!(catalog.table("search").dependence.obstacles, BTreeMap::new());
    let salted = Vec::from_iter(catalog.table("salted").dependence.obstacles.values().copied());
    assert_eq!(salted, [Obstacle::Volatile]);
}
