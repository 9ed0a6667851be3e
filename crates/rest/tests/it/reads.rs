//! What answers read: narrowed where it is proven, whole or untracked elsewhere.

use std::time::Duration;

use rest::{Declared, Lifetime, Rules};

use crate::fixture::{asked, rules};
use crate::plans::reads;

fn of(request: &str, headers: &[&str], rules: &Rules) -> String {
    reads(&asked(request, headers, "").plan(rules).unwrap(), None)
}

#[test]
fn reads_are_as_narrow_as_is_proven_and_no_narrower() {
    let table = [
        ("GET /clients?id=eq.%2B007", "rows 10 (id) = (7) old"),
        ("GET /clients?id=eq.1&name=eq.x", "rows 10 (id) = (1) old"),
        ("GET /clients?id=in.(3,1,3)", "rows 10 (id) = (1), (3) old"),
        ("GET /clients?id=eq(any).{1,2}", "rows 10 (id) = (1), (2) old"),
        ("GET /clients?name=eq.x", "rows 10 (name) = (x); rows 10 (id) = (1), (2) old"),
        ("GET /clients?name=eq.x&limit=5&order=id", "rows 10 (name) = (x); rows 10 (id) = (1), (2) old"),
        ("GET /clients?name=eq.x&offset=5", "rows 10 (name) = (x) old"),
        ("GET /clients?and=(name.eq.x,name.gt.2)", "rows 10 (name) = (x); rows 10 (id) = (1), (2) old"),
        ("GET /clients?name=in.(x,y)&name=eq.y", "rows 10 (name) = (y); rows 10 (id) = (1), (2) old"),
        (
            "GET /flags?live=eq.true&note=in.(a,b)",
            "rows 16 (live|note) = (t|a), (t|b); rows 16 (live|name) = (1|1), (2|2) old",
        ),
        ("GET /flags?live=eq.t&name=eq.x&note=eq.z", "rows 16 (live|name) = (t|x) old"),
        // No proof.
        ("GET /clients", "whole 10"),
        ("GET /clients?id=in.()", "whole 10"),
        ("GET /clients?name=neq.x", "whole 10"),
        ("GET /clients?name=not.eq.x", "whole 10"),
        ("GET /clients?or=(id.eq.1,name.eq.x)", "whole 10"),
        ("GET /clients?not.and=(id.eq.1,name.eq.x)", "whole 10"),
        ("GET /clients?id=eq.0x10", "whole 10"),
        ("GET /clients?id=eq(any).{1,null}", "whole 10"),
        ("GET /clients?id=eq(all).{1}", "whole 10"),
        ("GET /clients?name=is.null", "whole 10"),
        ("GET /project_list?id=eq.1", "whole 10; whole 11"),
        // Values that have an order, and the end of a full page.
        ("GET /clients?id=gte.5", "rows 10 id from 5 to ..; rows 10 (id) = (1), (2) old"),
        (
            "GET /clients?id=gt.5&id=lt.9&name=eq.x",
            "rows 10 (name) = (x) id from 5 to 9; rows 10 (id) = (1), (2) old",
        ),
        ("GET /clients?or=(id.gt.5,id.lt.9)", "whole 10"),
        ("GET /clients?not.and=(id.gt.5)", "whole 10"),
        ("GET /clients?order=id.desc&limit=2", "rows 10 id from 2 to ..; rows 10 (id) = (1), (2) old"),
        (
            "GET /clients?order=id&limit=2&name=eq.x",
            "rows 10 (name) = (x) id from .. to 2; rows 10 (id) = (1), (2) old",
        ),
        ("GET /clients?order=id&limit=2&offset=4", "rows 10 id from .. to 2 old"),
        ("GET /clients?order=id&limit=3", "rows 10; rows 10 (id) = (1), (2) old"),
        ("GET /clients?order=name&limit=2", "whole 10"),
        // What else is consulted is whole.
        (
            "GET /orders?id=eq.1&select=id,addresses!billing_id!inner()&addresses.id=eq.3",
            "rows 18 (id) = (1) old; whole 17",
        ),
    ];
    for (request, wanted) in table {
        assert_eq!(of(request, &[], &rules()), wanted, "{request}");
    }
}

#[test]
fn a_count_needs_the_old_values_too() {
    let counted = of("GET /clients?name=eq.x", &["prefer: count=exact"], &rules());
    assert_eq!(counted, "rows 10 (name) = (x) old");
}

#[test]
fn what_is_computed_from_a_row_is_read_by_what_the_function_depends_on() {
    for (request, wanted) in [
        ("GET /projects?id=eq.1&select=title", "rows 11 (id) = (1) old; whole 77; "),
        ("GET /projects?title=eq.ONE&select=id", "whole 11; whole 77; "),
        // No order of the table's own column.
        ("GET /projects?lengths=gt.3&select=id&order=lengths&limit=2", "whole 11; whole 77; "),
        ("GET /projects?id=eq.1&select=owner(name)", "rows 11 (id) = (1) old; whole 10; whole 77; "),
    ] {
        let read = of(request, &[], &rules());
        assert!(read.starts_with(wanted), "{request}: {read}");
    }
}

#[test]
fn of_groups_no_row_is_told_so_the_old_values_matter() {
    for (request, wanted) in [
        ("GET /clients?select=count()&name=eq.x", "rows 10 (name) = (x) old"),
        ("GET /clients?select=count&name=eq.x", "rows 10 (name) = (x) old"),
        ("GET /clients?select=name,id.max()&order=name&limit=2", "whole 10"),
        // What is embedded in a group, or spread into its rows as arrays, is whole.
        ("GET /orders?select=count(),addresses!billing_id(id)", "whole 18; whole 17"),
        (
            "GET /orders?id=eq.1&select=id,...addresses!billing_id(id.max())",
            "rows 18 (id) = (1) old; whole 17",
        ),
        ("GET /addresses?id=eq.1&select=id,...orders!billing_id(o:id)", "rows 17 (id) = (1) old; whole 18"),
        // An order by what is spread hangs on rows that are not shown.
        (
            "GET /orders?id=eq.1&select=id,...addresses!billing_id(city)&order=addresses(city)",
            "rows 18 (id) = (1) old; whole 17",
        ),
    ] {
        assert_eq!(of(request, &[], &rules()), wanted, "{request}");
    }
}

#[test]
fn what_is_embedded_is_read_by_the_values_that_join_it() {
    let embedded = |request: &str, below: &str| {
        reads(&asked(request, &[], "").plan(&rules()).unwrap(), Some(below).filter(|below| !below.is_empty()))
    };
    // To one: by the key, which the parent has.
    assert_eq!(
        embedded("GET /orders?id=eq.1&select=id,addresses!billing_id(id)", ""),
        "rows 18 (id) = (1) old; rows 17 (id) = (1), (2) old"
    );
    // To many: by the foreign key, rows or none, and by the keys of those there are.
    assert_eq!(
        embedded("GET /clients?id=in.(1,2)&select=id,projects(id)", r#"[[[["7"],["8"]]],[null]]"#),
        "rows 10 (id) = (1), (2) old; whole 77; rows 11 (client_id) = (1), (2); rows 11 (id) = (7), (8) old; \
         Only({\"request.jwt.claims\"})"
    );
    // Through a junction: its rows by their near end, the far rows by its far end.
    assert_eq!(
        embedded(
            "GET /projects?id=eq.1&select=id,people(id)&people.name=eq.x",
            r#"[[[["u"],["v"]]],[null]]"#
        ),
        "rows 11 (id) = (1) old; whole 77; rows 14 (project_id) = (1), (2) old; rows 13 (id) = (u), (v) old; \
         Only({\"request.jwt.claims\"})"
    );
    // What the parents' being there, or their order, depends on is whole, and so is what is below it.
    for request in [
        "GET /clients?id=in.(1,2)&select=id,projects!inner(id,tasks(id))",
        "GET /clients?id=in.(1,2)&select=id,projects(id,tasks(id))&projects=is.null",
        "GET /clients?id=in.(1,2)&select=id,projects(id,tasks(id))&projects.offset=1",
    ] {
        let read = embedded(request, "");
        assert!(
            read.starts_with("rows 10 (id) = (1), (2) old; whole 11; whole 12; whole 77"),
            "{request}: {read}"
        );
    }
    // What the statement should have returned and did not is whole.
    assert_eq!(
        embedded("GET /clients?id=in.(1,2)&select=id,projects(id)", "[]"),
        "rows 10 (id) = (1), (2) old; whole 77; whole 11; whole 11; Only({\"request.jwt.claims\"})"
    );
}

#[test]
fn the_clock_is_never_tracked() {
    let table = [
        ("GET /projects?created_at=gt.yesterday", "untracked: Clock created_at"),
        ("GET /projects?or=(id.eq.1,created_at.lt.NOW)", "untracked: Clock created_at"),
        ("GET /projects?created_at=in.(2020-01-01,today)", "untracked: Clock created_at"),
        ("GET /projects?select=id,tasks(name::timestamptz)", "untracked: Clock name"),
        ("GET /rpc/since?moment=now", "untracked: Clock moment"),
        ("GET /rpc/ticking", "untracked: Clock now"),
        ("GET /rpc/touch", "untracked: Volatile touch"),
    ];
    for (request, wanted) in table {
        assert_eq!(of(request, &[], &rules()), wanted, "{request}");
    }
    let fixed = of("GET /rpc/since?moment=2020-01-01&name=eq.now", &[], &rules());
    assert_eq!(fixed, "whole 11");
}

#[test]
fn a_moment_in_a_json_body_is_found_however_it_is_spelled() {
    for body in [r#"{"moment":"now"}"#, r#"{"moment":"n\u006fw"}"#] {
        let plan = asked("POST /rpc/since", &[], body).plan(&rules()).unwrap();
        assert_eq!(reads(&plan, None), "untracked: Clock moment", "{body}");
    }
}

#[test]
fn what_was_declared_replaces_what_was_found_but_not_the_need_for_a_time_to_live() {
    let declared = |ttl| Declared {
        schema: "api".to_owned(),
        name: "ticking".to_owned(),
        depends_on: vec![("api".to_owned(), "projects".to_owned())],
        ttl,
    };
    let with = |declared| Rules { declared: vec![declared], ..rules() };
    assert_eq!(of("GET /rpc/ticking", &[], &with(declared(None))), "untracked: Clock now");
    assert_eq!(
        of("GET /rpc/ticking", &[], &with(declared(Some(Lifetime::fixed(Duration::from_secs(5)))))),
        "whole 11; whole 77; Only({\"request.jwt.claims\"}); ttl 5s"
    );
    let mut unknown = declared(Some(Lifetime::fixed(Duration::from_secs(5))));
    unknown.depends_on.push(("api".to_owned(), "nothing".to_owned()));
    assert_eq!(of("GET /rpc/ticking", &[], &with(unknown)), "untracked: Opaque api.nothing");
}

#[test]
fn too_many_values_drop_a_column_and_then_all() {
    let many: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let many = many.join(",");
    let read = of(&format!("GET /tasks?project_id=in.({many})&parent_id=in.(1,2)"), &[], &rules());
    assert_eq!(read, "rows 12 (parent_id) = (1), (2); rows 12 (id) = (1), (2) old");
    let mut narrow = rules();
    narrow.limits.read_rows_max = 10;
    assert_eq!(of(&format!("GET /tasks?project_id=in.({many})"), &[], &narrow), "whole 12");
}

#[test]
fn without_room_for_keys_the_old_values_matter_instead() {
    let mut keyless = rules();
    keyless.limits.keys_max = 0;
    assert_eq!(of("GET /clients?name=eq.x", &[], &keyless), "rows 10 (name) = (x) old");
}
