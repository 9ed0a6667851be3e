//! What is wrong with the configuration: one line that names the key, where it was set, and what is
//! allowed.

use std::path::PathBuf;

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file is not there, or not readable.
    #[error("cannot read {}: {source} (--config names the file)", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file is not TOML.
    #[error("{place}: not valid TOML: {message}")]
    Syntax { place: String, message: String },
    /// A line of PostgREST's file cannot be read.
    #[error("{place}: {message}")]
    Postgrest { place: String, message: String },
    /// There is no such key.
    #[error("{place}: unknown key {name}{}", suggest(.nearest.as_deref()))]
    UnknownKey { name: String, place: String, nearest: Option<String> },
    /// The value of a key cannot be used. Also what a part says that finds out later (`place` is then
    /// what it found out from).
    #[error("{key} ({place}): {why}")]
    Invalid { key: String, place: String, why: String },
}

fn suggest(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || " (`courant config reference` lists them all)".to_owned(),
        |known| format!("; did you mean {known}?"),
    )
}

/// The known name nearest to a wrong one, unless none is near.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |name: &'a str| {
        // The right key in the wrong section is nearer than any misspelling.
        let misplaced = last(name) == last(wrong);
        // As is the one that only lacks its unit.
        let begun = last(name).starts_with(&format!("{}_", last(wrong)));
        (
            if misplaced || begun { 0 } else { edits(wrong, name).min(edits(&last(wrong), &last(name)) + 1) },
            name,
        )
    };
    let (edits, name) = known.into_iter().map(distance).min()?;
    (edits <= 1 + last(wrong).len() / 3).then(|| name.to_owned())
}

/// The Levenshtein distance: insertions, deletions and replacements of a character.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
