//! What PostgreSQL says of a column that is not there, with the nearest one: nobody has to ask it.

use http::StatusCode;

use crate::Error;
use crate::similar::distance;

/// No name of PostgreSQL is longer.
const BYTES_MAX: usize = 63;
/// Further away than so many letters, PostgreSQL suggests nothing.
const DISTANCE_MAX: usize = 3;

/// The error for a column of what the statement calls `alias`, which has these columns.
pub(super) fn error<'a>(alias: &str, column: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error =
        Error::new(StatusCode::BAD_REQUEST, "42703", format!("column {alias}.{column} does not exist"));
    let known = known.filter(|_| column.len() <= BYTES_MAX);
    let near = known.map(|name| (name, distance(column, name)));
    let near = near.filter(|(_, distance)| *distance <= DISTANCE_MAX && *distance <= column.len() / 2);
    let near: Vec<(&str, usize)> = near.collect();
    let nearest = near.iter().map(|(_, distance)| *distance).min();
    let names: Vec<String> = near
        .iter()
        .filter(|(_, distance)| Some(*distance) == nearest)
        .map(|(name, _)| format!("the column \"{alias}.{name}\""))
        .collect();
    match names.as_slice() {
        [one] => error.hint(format!("Perhaps you meant to reference {one}.")),
        [one, other] => error.hint(format!("Perhaps you meant to reference {one} or {other}.")),
        // Of more, none is likelier than the others.
        _ => error,
    }
}
