//! Rules for any file of text: size, header, names, and what must not be in it.

use super::Finding;

/// Files longer than this say why.
const LINES_MAX: usize = 500;

/// Names that say nothing of what is inside.
pub(super) const FORBIDDEN_NAMES: [&str; 7] =
    ["utils", "helpers", "common", "types", "misc", "prelude", "manager"];

/// Directories of one machine. Spelt in halves, so that this file may be checked too.
const MACHINE_PATHS: [&str; 3] = [concat!("/wor", "k/"), concat!("/tmp", "/w/"), concat!("/roo", "t/")];

/// Lock files, and where alone their packages may be said to come from.
const LOCKS: [(&str, &str, &str); 2] = [
    ("Cargo.lock", "source = \"", "source = \"registry+https://github.com/rust-lang/crates.io-index\""),
    ("package-lock.json", "\"resolved\": \"", "\"resolved\": \"https://registry.npmjs.org/"),
];

/// Checks one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, advice: &str| {
        findings.push(Finding { path: path.to_owned(), line, advice: advice.to_owned() });
    };
    let code = [".rs", ".sql", ".sh", ".js", ".mjs", ".ts"].iter().any(|end| path.ends_with(end));
    let lines = text.lines().count();
    if code && lines > LINES_MAX && !header(text).contains("Longer than 500 lines because ") {
        let advice =
            format!("{lines} lines: split it, or say in its header \"Longer than 500 lines because …\"");
        find(0, &advice);
    }
    if code {
        let parts = path.split('/').map(|part| part.split('.').next().unwrap_or_default());
        for name in parts.filter(|name| FORBIDDEN_NAMES.contains(name)) {
            find(0, &format!("the name {name} says nothing: name it after what it holds"));
        }
    }
    if path.ends_with(".sql") && !text.starts_with("--") {
        find(1, "begin with a comment: the rows returned and the locks taken");
    }
    for (file, entry, allowed) in LOCKS {
        let is_lock = path == file || path.ends_with(&format!("/{file}"));
        for (number, line) in text.lines().enumerate().filter(|_| is_lock) {
            if line.trim_start().starts_with(entry) && !line.trim_start().starts_with(allowed) {
                find(number + 1, "name no registry but the public one");
            }
        }
    }
    for (number, line) in text.lines().enumerate() {
        // A snapshot shows what was written, blanks included.
        if line.ends_with([' ', '\t']) && !path.ends_with(".snap") {
            find(number + 1, "trailing whitespace");
        }
        if MACHINE_PATHS.iter().any(|directory| names_directory(line, directory)) {
            find(number + 1, "a path of one machine does not belong here");
        }
    }
    findings
}

/// The comment a file begins with.
fn header(text: &str) -> String {
    let comment = |line: &&str| ["//", "--", "#", "/*", " *"].iter().any(|mark| line.starts_with(mark));
    text.lines().take_while(comment).collect::<Vec<_>>().join(" ")
}

/// Whether a line has the absolute path in it, not merely a longer one that ends like it.
fn names_directory(line: &str, directory: &str) -> bool {
    line.match_indices(directory).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "._-}*".contains(character))
    })
}
