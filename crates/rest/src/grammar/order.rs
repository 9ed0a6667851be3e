//! The `order` parameter.

use http::StatusCode;

use super::{Field, Input};
use crate::Error;

/// Terms of one order; each may be one more column for PostgreSQL.
const TERMS_MAX: usize = 200;

/// One term of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) target: Target,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls: Option<Nulls>,
}

/// What is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A field of the relation itself.
    Own(Field),
    /// A field of an embedded relation: `clients(name)`.
    Related(String, Field),
}

/// Where nulls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    First,
    Last,
}

/// Reads a whole order parameter.
pub(crate) fn order(text: &str) -> Result<Vec<Order>, Error> {
    let mut input = Input::new("order", text);
    let mut terms = Vec::new();
    loop {
        if terms.len() == TERMS_MAX {
            return Err(Error::limit(
                StatusCode::BAD_REQUEST,
                format!("at most {TERMS_MAX} terms of an order"),
            ));
        }
        terms.push(term(&mut input)?);
        if !input.take(",") {
            if !input.rest().is_empty() {
                return Err(input.unexpected_character("delimiter (.), \",\" or end of input"));
            }
            return Ok(terms);
        }
    }
}

/// The field in parentheses behind an embed's name, if all of it stands here.
fn related(input: &mut Input<'_>, field: &Field) -> Option<Field> {
    let start = input.at;
    let inner = (field.path.is_empty() && input.take("(")).then(|| input.field().ok()).flatten();
    let inner = inner.filter(|_| input.take(")"));
    let direction = input.rest().split(',').next().unwrap_or_default().trim_end();
    let directed = |rest: &str| matches!(rest, "" | ".nullsfirst" | ".nullslast");
    let ends = ["", ".asc", ".desc"].into_iter().any(|of| direction.strip_prefix(of).is_some_and(directed));
    if inner.is_none() || !ends {
        input.at = start;
        return None;
    }
    inner
}

fn term(input: &mut Input<'_>) -> Result<Order, Error> {
    let field = input.field()?;
    let target = match related(input, &field) {
        Some(inner) => Target::Related(field.name, inner),
        None if field.path.is_empty() && input.peek() == Some('(') => {
            let expecting = "letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input";
            return Err(input.unexpected_character(expecting));
        }
        None => Target::Own(field),
    };
    let descending = match () {
        () if input.take(".asc") => Some(false),
        () if input.take(".desc") => Some(true),
        () => None,
    };
    let nulls = match () {
        () if input.take(".nullsfirst") => Some(Nulls::First),
        () if input.take(".nullslast") => Some(Nulls::Last),
        () => None,
    };
    input.space();
    if nulls.is_some() && input.peek() == Some('.') {
        return Err(input.unexpected_character("\",\" or end of input"));
    }
    if input.take(".") {
        return Err(match descending {
            None => input.unexpected_after("asc", "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""),
            Some(_) => input.unexpected_after("nullsfirst", "\"nullsfirst\" or \"nullslast\""),
        });
    }
    Ok(Order { target, descending, nulls })
}
