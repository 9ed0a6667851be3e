use std::collections::BTreeSet;

use super::*;
use crate::catalog::Settings;

fn names() -> Names {
    let mut names = Names::default();
    for (name, schema, id, plain) in [
        ("current_setting", "pg_catalog", 2077, true),
        ("current_setting", "pg_catalog", 3294, true),
        ("now", "pg_catalog", 1299, true),
        ("lower", "pg_catalog", 870, true),
        ("lower", "pg_catalog", 3848, true),
        ("uid", "auth", 20001, true),
        ("uid", "public", 20002, true),
        ("odd", "public", 20003, false),
        ("filter", "public", 20004, true),
    ] {
        let named = Named { id, schema: schema.to_owned(), plain };
        names.functions.entry(name.to_owned()).or_default().push(named);
    }
    names.operators.insert("%".to_owned(), vec![30001]);
    names
}

fn read_body(body: &str) -> Option<Mentions> {
    read(body, &names())
}

fn functions(body: &str) -> Vec<u32> {
    Vec::from_iter(read_body(body).unwrap_or_else(|| panic!("refused: {body}")).functions)
}

fn settings(body: &str) -> Settings {
    read_body(body).unwrap_or_else(|| panic!("refused: {body}")).settings
}

#[test]
fn the_usual_bodies_are_read() {
    let claims = Settings::Only(BTreeSet::from(["request.jwt.claims".to_owned()]));
    for body in [
        "select nullif(current_setting('request.jwt.claims', true)::json ->> 'sub', '')::uuid",
        "  SELECT\n (current_setting('Request.JWT.Claims')::jsonb -> 'a' #>> '{b,c}')::text; -- the claim\n",
        "select coalesce((current_setting('request.jwt.claims', true)::json->>'org')::int, $1, p_org)",
        "select case when /* one /* two */ */ pg_catalog.current_setting('request.jwt.claims') is not distinct \
         from 'x' then true else a in (1, 2.5e3) end",
        "select array['a','b'] && (select array[current_setting('request.jwt.claims')]) as \"from\"",
    ] {
        assert_eq!(settings(body), claims, "{body}");
    }
}

#[test]
fn names_without_a_schema_are_followed_into_all_of_them() {
    assert_eq!(functions("select uid()"), [20001, 20002]);
    assert_eq!(functions("select auth.uid() = public.uid()"), [20001, 20002]);
    assert_eq!(functions("select \"auth\".\"uid\"()"), [20001]);
    assert_eq!(functions("select (select auth.uid())"), [20001]);
    assert_eq!(functions("select LOWER(x)"), [870, 3848]);
    assert_eq!(functions("select now() > p_at"), [1299]);
    assert_eq!(functions("select filter(p_at)"), [20004]);
}

#[test]
fn a_setting_whose_name_is_computed_may_be_any() {
    for body in [
        "select current_setting(p_name)",
        "select current_setting('a' || 'b')",
        "select current_setting('a'::text)",
        "select current_setting((select 'a'))",
    ] {
        assert_eq!(settings(body), Settings::Any, "{body}");
    }
}

#[test]
fn clock_words_are_the_clock() {
    for body in ["select current_date", "select x < CURRENT_TIMESTAMP", "select localtime(0)"] {
        let read = read_body(body).unwrap_or_else(|| panic!("refused: {body}"));
        assert_eq!(Vec::from_iter(read.obstacles), [("current_timestamp", Obstacle::Clock)], "{body}");
    }
}

#[test]
fn operators_of_users_are_mentioned() {
    assert_eq!(Vec::from_iter(read_body("select a % b").unwrap().operators), [30001]);
    assert!(read_body("select a %% b").unwrap().operators.is_empty());
}

#[test]
fn whatever_may_read_a_table_or_cannot_be_followed_is_refused() {
    for body in [
        "",
        ";",
        "values (1)",
        "table t",
        "select * from t",
        "select distinct from t",
        "select 1 is distinct, x from t",
        "select exists (table t)",
        "select exists(select from t)",
        "select 1; select 2",
        "select 1; delete from t",
        "with x as (select 1) select 1",
        "select 1 union select a from t",
        "insert into t values (1)",
        "update t set a = 1",
        "select unknown_function(1)",
        "select other.lower(x)",
        "select a.b.uid()",
        "select odd(1)",
        "select p_row.name",
        "select (p_row).name",
        "select x::my_type",
        "select my_type 'x'",
        "select cast(x as my_type)",
        "select E'\\x' || current_setting('a')",
        "select 'it''s'",
        "select $tag$x$tag$",
        "select 'unclosed",
        "select /* unclosed",
        "select x collate \"de\"",
        "select a operator(pg_catalog.+) b",
        "select 'today'::date",
        "select p < date 'Yesterday'",
        "select xmltable('x')",
        "select a[1:2]",
        "select current_setting(setting_name := 'a')",
    ] {
        assert_eq!(read_body(body), None, "{body}");
    }
}

#[test]
fn calls_in_a_body_of_any_language_are_found_by_name() {
    let names = names();
    let calls = |text: &str| Vec::from_iter(calls(text, &names));
    assert_eq!(calls("begin return auth.UID() = x; end"), [20001, 20002]);
    assert_eq!(calls("return \"odd\" (1) || é('(') || (1)"), [20003]);
    assert_eq!(calls("uid"), []);
}

#[test]
fn any_text_is_read_or_refused_without_a_panic() {
    let pieces =
        ["select", " ", "'", "\"", "$", "1", "é", "/*", "*/", "--", "\n", ".", "::", "(", "a", "\\", "-"];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut body = String::from("select ");
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            body.push_str(pieces[(state >> 33) as usize % pieces.len()]);
        }
        _ = read_body(&body);
        _ = calls(&body, &names()).count();
    }
}
