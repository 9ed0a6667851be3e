//! Rules for Rust: headers, the size of functions, and what is written only in its place.
//!
//! Reads lines, not syntax: rustfmt has put the braces where they are looked for.

use super::Finding;

/// Functions longer than this are two functions.
const FUNCTION_LINES_MAX: usize = 70;

/// Checks one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    let mut find = |line: usize, advice: String| {
        findings.push(Finding { path: path.to_owned(), line, advice });
    };
    // A module's tests stand beside it, under its header.
    if !text.starts_with("//!") && !path.ends_with("/tests.rs") {
        find(
            1,
            "begin with //! and what the module does, what it never does, where its input is from".to_owned(),
        );
    }
    for (start, name, length) in functions(&lines) {
        if length > FUNCTION_LINES_MAX {
            find(start + 1, format!("{name} has {length} lines, {FUNCTION_LINES_MAX} are enough: split it"));
        }
    }
    let tests_from = lines.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(lines.len());
    let is_test =
        |number: usize| number > tests_from || path.contains("/tests/") || path.ends_with("/tests.rs");
    for (number, line) in lines.iter().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
            find(number + 1, "say #[expect(…, reason = \"…\")] instead of allow".to_owned());
        }
        if line.starts_with("#[ignore") {
            find(number + 1, "a test that is not run is no test: run it or remove it".to_owned());
        }
        if spawns(line) && !is_test(number) && !path.ends_with("/app.rs") && !excused(&lines, number) {
            find(
                number + 1,
                "tasks belong to app.rs; or say above it \"// Spawned here because …\"".to_owned(),
            );
        }
        if let Some(name) = forbidden_module(line) {
            find(number + 1, format!("the name {name} says nothing: name it after what it holds"));
        }
    }
    findings
}

/// The functions: their first line (from 0), name, and number of lines.
fn functions(lines: &[&str]) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        // The signature goes on to the line that opens the body, ends a declaration, or does it all.
        let ends_signature = |line: &&str| ["{", ";", "}"].iter().any(|end| line.trim_end().ends_with(end));
        let Some(opens) = lines[start..].iter().position(ends_signature) else { continue };
        if !lines[start + opens].ends_with('{') {
            continue;
        }
        let close = format!("{indent}}}");
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((start, name, length + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let qualifier = matches!(word, "pub" | "const" | "async" | "unsafe" | "default" | "extern")
            || word.starts_with("pub(")
            || word.starts_with('"')
            || word.ends_with(')') && !word.contains('(');
        if word == "fn" {
            let name = words.peek()?.split(['(', '<']).next()?;
            return Some(name.to_owned());
        }
        if !qualifier {
            return None;
        }
    }
    None
}

fn spawns(line: &str) -> bool {
    let called = |name| line.split(name).skip(1).any(|rest| rest.starts_with('('));
    !line.starts_with("//") && (called("tokio::spawn") || called("task::spawn"))
}

/// Whether one of the three lines above says why a task is spawned here.
fn excused(lines: &[&str], number: usize) -> bool {
    lines[number.saturating_sub(3)..number].iter().any(|line| line.contains("// Spawned here because "))
}

fn forbidden_module(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    let name = line.strip_prefix("mod ")?.split([' ', ';', '{']).next()?;
    super::files::FORBIDDEN_NAMES.contains(&name).then_some(name)
}
