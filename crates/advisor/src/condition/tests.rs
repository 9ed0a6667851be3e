//! Conditions as PostgreSQL prints them, and what is read from them.

use super::*;

fn column(alias: &str, column: &str) -> ColumnRef {
    ColumnRef { alias: alias.to_owned(), column: column.to_owned() }
}

fn said(text: &str) -> Vec<String> {
    let tell = |fact: Fact| match fact {
        Fact::Column { column, how, constant, .. } => {
            format!("{}.{} {how:?}{}", column.alias, column.column, if constant { " constant" } else { "" })
        }
        Fact::Expression { alias, expression, how } => format!("{alias}: {expression} {how:?}"),
        Fact::Join(a, b) => format!("{}.{} = {}.{}", a.alias, a.column, b.alias, b.column),
    };
    facts(text).into_iter().map(tell).collect()
}

#[test]
fn equalities_ranges_and_joins_are_told_apart() {
    let text = "((l.l_shipdate <= '1998-09-02'::date) AND (l.l_shipmode = ANY ('{AIR,\"AIR REG\"}'::bpchar[])) \
                AND (o.o_orderkey = l.l_orderkey) AND (l.note IS NULL))";
    assert_eq!(
        said(text),
        [
            "l.l_shipdate Range constant",
            "l.l_shipmode Equal constant",
            "o.o_orderkey = l.l_orderkey",
            "l.note Null constant"
        ]
    );
}

#[test]
fn casts_do_not_hide_a_column_and_a_call_makes_an_expression() {
    assert_eq!(said("((p.p_type)::text ~~ '%BRASS'::text)"), ["p.p_type Pattern constant"]);
    assert_eq!(said("((p.p_name)::text ~~ 'a%'::text)"), ["p.p_name Prefix constant"]);
    assert_eq!(said("(lower((u.email)::text) = $1)"), ["u: lower((\"email\")::text) Equal"]);
    assert_eq!(said("((t.doc ->> 'kind'::text) = 'x'::text)"), ["t: (\"doc\" ->> 'kind'::text) Equal"]);
    assert_eq!(said("(t.doc @> '{\"a\": 1}'::jsonb)"), ["t.doc Contains constant"]);
}

#[test]
fn what_holds_in_one_of_several_cases_is_no_constant() {
    assert_eq!(said("((t.a = 1) OR ((t.b = 2) AND (t.c > 3)))"), ["t.a Equal", "t.b Equal", "t.c Range"]);
    assert_eq!(said("(NOT (t.a = 1))"), [""; 0]);
}

#[test]
fn a_comparison_with_another_scan_is_no_constant() {
    assert_eq!(said("(a.x < (0.2 * b.y))"), ["a.x Range", "b: (0.2 * \"y\") Range"]);
    assert_eq!(said("(a.x = (SubPlan 1))"), ["a.x Equal"]);
}

#[test]
fn a_condition_is_written_again_without_its_alias() {
    let facts = facts("(\"My T\".\"a b\" = 'it''s'::text)");
    let Some(Fact::Column { column: found, text, .. }) = facts.first() else { panic!("{facts:?}") };
    assert_eq!(*found, column("My T", "a b"));
    assert_eq!(text, "\"a b\" = 'it''s'::text");
}

#[test]
fn whatever_the_text_is_it_is_read_to_its_end() {
    for text in ["", "(", ")))", "'", "\"", "a.", "a.\"", "$", "::", "é.ü = 'ß", "(((a.b = "] {
        facts(text);
    }
    facts(&"(".repeat(100_000));
}
