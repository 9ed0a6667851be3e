//! Names as SQL takes them, whatever letters they hold.

/// A name as an identifier: quoted, so that it is neither folded nor taken for a word of SQL's own.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
