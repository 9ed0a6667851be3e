//! Each rule on small inputs.

use serde_json::json;

use super::directions::check_metadata;
use super::*;

fn advice(path: &str, text: &str) -> Vec<String> {
    check(path, text).iter().map(ToString::to_string).collect()
}

fn rust(body: &str) -> Vec<String> {
    advice("crates/pg/src/lsn.rs", &format!("//! A header.\n{body}\n"))
}

#[test]
fn a_tidy_file_has_no_findings() {
    let text = "//! A header.\n\nfn short() -> u8 {\n    1\n}\n";
    assert_eq!(advice("crates/pg/src/lsn.rs", text), [""; 0]);
    assert_eq!(advice("crates/pg/src/lsn.sql", "-- One row; no locks.\nselect 1\n"), [""; 0]);
}

#[test]
fn a_long_file_says_why() {
    let long = "// line\n".repeat(500);
    assert_eq!(advice("a.rs", &format!("//! A header.\n{long}")).len(), 1);
    let excused = "//! Longer than 500 lines because it is one table.";
    assert_eq!(advice("a.rs", &format!("{excused}\n{long}")), [""; 0]);
    assert_eq!(advice("a.md", &long), [""; 0]);
}

#[test]
fn a_long_function_is_found_wherever_it_stands() {
    let body = "        step();\n".repeat(69);
    let method = |body: &str| {
        format!("impl A {{\n    pub(crate) async fn go(\n        &self,\n    ) {{\n{body}    }}\n}}")
    };
    assert_eq!(rust(&method(&body)), ["crates/pg/src/lsn.rs:3: go has 73 lines, 70 are enough: split it"]);
    assert_eq!(rust(&method(&body[..16 * 60])), [""; 0]);
}

#[test]
fn declarations_and_one_liners_have_no_body_to_measure() {
    let after = "// line\n".repeat(80);
    assert_eq!(
        rust(&format!("trait A {{\n    fn a(&self);\n{after}    fn b(&self) {{}}\n{after}}}")),
        [""; 0]
    );
}

#[test]
fn names_that_say_nothing_are_refused() {
    assert_eq!(advice("crates/pg/src/utils.rs", "//! A header.\n").len(), 1);
    assert_eq!(advice("crates/pg/src/common/lsn.rs", "//! A header.\n").len(), 1);
    assert_eq!(rust("pub(crate) mod helpers;").len(), 1);
    assert_eq!(rust("mod misc {\n}").len(), 1);
    assert_eq!(rust("mod typesetting;"), [""; 0]);
}

#[test]
fn headers_are_required() {
    assert_eq!(advice("crates/pg/src/lsn.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(advice("crates/pg/src/lsn.sql", "select 1\n").len(), 1);
}

#[test]
fn what_silences_a_check_is_refused() {
    assert_eq!(rust("#[allow(dead_code)]\nfn f() {}").len(), 1);
    assert_eq!(rust("#![allow(dead_code)]").len(), 1);
    assert_eq!(rust("    #[ignore]\n    fn f() {}").len(), 1);
    assert_eq!(rust("#[expect(dead_code, reason = \"x\")]\nfn f() {}"), [""; 0]);
}

#[test]
fn tasks_are_spawned_in_their_place_or_with_a_reason() {
    let spawn = "fn f() {\n    tokio::spawn(g());\n}";
    assert_eq!(rust(spawn).len(), 1);
    assert_eq!(rust(&format!("#[cfg(test)]\nmod tests {{\n{spawn}\n}}")), [""; 0]);
    assert_eq!(
        rust("fn f() {\n    // Spawned here because it ends with the connection.\n    tokio::spawn(g());\n}"),
        [""; 0]
    );
    for path in ["crates/courant/src/app.rs", "crates/pg/tests/it/main.rs", "crates/pg/src/tests.rs"] {
        assert_eq!(advice(path, &format!("//! A header.\n{spawn}\n")), [""; 0]);
    }
}

#[test]
fn traces_of_a_machine_are_found() {
    assert_eq!(advice("a.md", "see \u{2f}work/main\n").len(), 1);
    assert_eq!(advice("a.md", "see \u{2f}root/main\n").len(), 1);
    assert_eq!(advice("a.md", "see frame/work/main and network/\n"), [""; 0]);
    assert_eq!(advice("a.md", "spaces \n").len(), 1);
}

#[test]
fn lock_files_name_public_registries_only() {
    let cargo =
        "[[package]]\nname = \"a\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    assert_eq!(advice("Cargo.lock", cargo), [""; 0]);
    assert_eq!(advice("Cargo.lock", &cargo.replace("github.com", "mirror.example")).len(), 1);
    let npm = "      \"resolved\": \"https://registry.npmjs.org/a/-/a-1.tgz\",\n";
    assert_eq!(advice("compat/package-lock.json", npm), [""; 0]);
    assert_eq!(
        advice("compat/package-lock.json", &npm.replace("registry.npmjs.org", "mirror.example")).len(),
        1
    );
}

#[test]
fn crates_depend_in_one_direction() {
    let metadata = |name: &str, on: &str| {
        json!({"packages": [
            {"name": name, "dependencies": [{"name": on}, {"name": "serde"}]},
            {"name": "pg", "dependencies": []},
            {"name": "wal", "dependencies": []},
        ]})
    };
    assert_eq!(check_metadata(&metadata("cache", "pg")), []);
    assert_eq!(check_metadata(&metadata("cache", "wal")).len(), 1);
    assert_eq!(check_metadata(&metadata("novelty", "pg")).len(), 1);
}
