//! What answers read: narrowed where it is proven, whole or untracked elsewhere.

use std::time::Duration;

use rest::{Declared, Lifetime, Rules};

use crate::fixture::{asked, rules};
use crate::plans::reads;

fn of(request: &str, headers: &[&str], rules: &Rules) -> String {
    reads(&asked(request, headers, "").plan(rules).unwrap())
}

#[test]
fn reads_are_as_narrow_as_is_proven_and_no_narrower() {
    let table = [
        ("GET /clients?id=eq.%2B007", "rows 10 (id) = (7) old"),
        ("GET /clients?id=eq.1&name=eq.x", "rows 10 (id) = (1) old"),
        ("GET /clients?id=in.(3,1,3)", "rows 10 (id) = (1), (3) old"),
        ("GET /clients?id=eq(any).{1,2}", "rows 10 (id) = (1), (2) old"),
        ("GET /clients?name=eq.x", "rows 10 (name) = (x); contained 10 (id)"),
        ("GET /clients?name=eq.x&limit=5&order=id", "rows 10 (name) = (x); contained 10 (id)"),
        ("GET /clients?name=eq.x&offset=5", "rows 10 (name) = (x) old"),
        ("GET /clients?and=(name.eq.x,id.gt.2)", "rows 10 (name) = (x); contained 10 (id)"),
        ("GET /clients?name=in.(x,y)&name=eq.y", "rows 10 (name) = (y); contained 10 (id)"),
        (
            "GET /flags?live=eq.true&note=in.(a,b)",
            "rows 16 (live|note) = (t|a), (t|b); contained 16 (live|name)",
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
        // What else is consulted is whole.
        ("GET /tasks?id=eq.1&select=id,addresses:parent_id(id)", "whole 12"),
        ("GET /orders?id=eq.1&select=id,addresses!billing_id(id)", "rows 18 (id) = (1) old; whole 17"),
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
fn a_junction_and_the_policies_of_what_is_embedded_are_read_whole() {
    let read = of("GET /people?select=id,projects(id)&name=eq.Ann", &[], &rules());
    assert_eq!(
        read,
        "rows 13 (name) = (Ann); whole 11; whole 14; whole 77; contained 13 (id); Only({\"request.jwt.claims\"})"
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
        assert_eq!(reads(&plan), "untracked: Clock moment", "{body}");
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
    assert_eq!(read, "rows 12 (parent_id) = (1), (2); contained 12 (id)");
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
