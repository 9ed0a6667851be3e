//! Which columns of which relations a view shows, as its stored query says it (`resorigtbl`, `resorigcol`).

use super::{Malformed, Tokens};

/// One column of a query's result that is a relation's column unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct Target {
    /// Its number in the result.
    pub(in crate::catalog) number: i16,
    /// The relation, by oid.
    pub(in crate::catalog) relation: u32,
    /// The column's number there.
    pub(in crate::catalog) column: i16,
}

/// The targets of the outermost query; computed ones are left out.
pub(in crate::catalog) fn targets(tree: &str) -> Result<Vec<Target>, Malformed> {
    let mut tokens = Tokens(tree);
    let mut open: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let mut entry = Target::default();
    // The field whose value comes next.
    let mut field = None;
    while let Some(token) = tokens.next() {
        let is_entry = open == ["QUERY", "TARGETENTRY"];
        match (token, field.take()) {
            ("{", _) => {
                open.push(tokens.next().ok_or(Malformed)?);
                entry = if open == ["QUERY", "TARGETENTRY"] { Target::default() } else { entry };
            }
            ("}", _) => {
                open.pop().ok_or(Malformed)?;
                if is_entry && entry.relation != 0 && entry.column > 0 {
                    found.push(entry);
                }
            }
            ("(" | ")", _) => {}
            (value, Some(name)) if is_entry => match name {
                ":resno" => entry.number = value.parse().map_err(|_| Malformed)?,
                ":resorigtbl" => entry.relation = value.parse().map_err(|_| Malformed)?,
                ":resorigcol" => entry.column = value.parse().map_err(|_| Malformed)?,
                _ => {}
            },
            (_, Some(_)) => {}
            (name, None) => field = Some(name),
        }
    }
    Ok(found)
}
