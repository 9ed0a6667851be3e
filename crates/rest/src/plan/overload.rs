//! Which of the functions of a name a request means, by the names of its arguments.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use pg::catalog::{Argument, Function};

use super::call::{Arguments, Call, Given};
use super::{Asked, type_name};
use crate::Error;
use crate::grammar::{Body, Shape, form_pairs};
use crate::similar::{most_similar, most_similar_by};
use crate::sql;

/// A function whose name is less similar is not suggested.
const NAME_SIMILARITY_MIN: f64 = 0.75;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What a request gives, before it is known to which function.
struct Offer {
    names: Vec<String>,
    /// Arguments as texts, where there is no JSON.
    values: Vec<(String, String)>,
    body: Option<Body>,
}

/// Chooses the function, and gives it its arguments.
pub(super) fn resolve(asked: &Asked<'_>) -> Result<Call, Error> {
    let overloads = asked.catalog.functions(&asked.schema, &asked.name);
    let media = media(asked);
    let post = *asked.request.method == Method::POST;
    if post && matches!(media.as_str(), "text/plain" | "text/xml" | "application/octet-stream") {
        return whole(asked, overloads, &media).ok_or_else(|| none(asked, overloads, &[], &media));
    }
    let offer = Offer::of(asked, &media)?;
    let mut fit = overloads.iter().filter(|function| offer.fits(function));
    match (fit.next(), fit.next()) {
        (Some(function), None) => Ok(offer.accepted(function)),
        (Some(_), Some(_)) => {
            Err(ambiguous(overloads.iter().filter(|function| offer.fits(function)), &asked.name))
        }
        (None, _) => {
            let whole = if post { whole(asked, overloads, &media) } else { None };
            whole.ok_or_else(|| none(asked, overloads, &offer.names, &media))
        }
    }
}

fn media(asked: &Asked<'_>) -> String {
    let media = asked.request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.map(|media| media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    media.filter(|media| !media.is_empty()).unwrap_or_else(|| JSON.to_owned())
}

impl Offer {
    fn of(asked: &Asked<'_>, media: &str) -> Result<Offer, Error> {
        if *asked.request.method != Method::POST {
            return Ok(Offer::of_values(asked.query.arguments.clone()));
        }
        if media == FORM {
            return Ok(Offer::of_values(form_pairs(asked.request.body)?));
        }
        if asked.request.body.is_empty() && media == JSON {
            return Ok(Offer::of_values(Vec::new()));
        }
        let body = Body::of_type(media, asked.request.body)?;
        if !body.uniform && asked.query.columns.is_none() {
            return Err(Error::body("All object keys must match"));
        }
        let names = asked.query.columns.clone().unwrap_or_else(|| body.keys.clone());
        Ok(Offer { names, values: Vec::new(), body: Some(body) })
    }

    fn of_values(values: Vec<(String, String)>) -> Offer {
        let names = values.iter().map(|(name, _)| name.clone()).collect();
        Offer { names, values, body: None }
    }

    fn fits(&self, function: &Function) -> bool {
        let known = |name: &String| function.arguments.iter().any(|argument| argument.name == *name);
        let given = |argument: &Argument| self.names.contains(&argument.name);
        // Whatever else a body is, it has no members.
        let members =
            self.body.as_ref().is_none_or(|body| matches!(body.shape, Shape::Object | Shape::Array { .. }));
        members
            && self.names.iter().all(known)
            && function
                .arguments
                .iter()
                .all(|argument| !argument.name.is_empty() && (argument.has_default || given(argument)))
    }

    fn accepted(self, function: &Arc<Function>) -> Call {
        let given = function.arguments.iter().filter(|argument| self.names.contains(&argument.name));
        let given = given.map(|argument| {
            let mut values = self.values.iter().filter(|(name, _)| *name == argument.name);
            let value = match argument.variadic {
                true => sql::array_literal(values.map(|(_, value)| value.as_str())),
                false => values.next_back().map(|(_, value)| value.clone()).unwrap_or_default(),
            };
            let type_name = type_name::of_catalog(&argument.type_name);
            Given { name: argument.name.clone(), type_name, variadic: argument.variadic, value }
        });
        let given = given.collect();
        let arguments = match self.body {
            Some(body) => Arguments::Members { array: body.shape != Shape::Object, json: body.json, given },
            None => Arguments::Values(given),
        };
        Call { function: Arc::clone(function), arguments, computed: Vec::new() }
    }
}

/// The function that takes the whole body as its single argument without a name.
fn whole(asked: &Asked<'_>, overloads: &[Arc<Function>], media: &str) -> Option<Call> {
    let types: &[&str] = match media {
        JSON => &["json", "jsonb"],
        "text/plain" => &["text"],
        "text/xml" => &["xml"],
        "application/octet-stream" => &["bytea"],
        _ => return None,
    };
    overloads.iter().find_map(|function| match function.arguments.as_slice() {
        [only] if only.name.is_empty() && types.contains(&only.type_name.as_str()) => {
            let type_name = type_name::of_catalog(&only.type_name);
            let body = match only.type_name.as_str() {
                "bytea" => digits(asked.request.body).into(),
                _ => asked.request.body.clone(),
            };
            let arguments = Arguments::Whole { body, type_name };
            Some(Call { function: Arc::clone(function), arguments, computed: Vec::new() })
        }
        _ => None,
    })
}

/// Bytes, as PostgreSQL reads them from a text.
fn digits(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |half: u8| DIGITS[usize::from(half & 15)];
    let pairs = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    ['\\', 'x'].into_iter().chain(pairs).collect()
}

fn ambiguous<'a>(fit: impl Iterator<Item = &'a Arc<Function>>, name: &str) -> Error {
    let signature = |function: &Arc<Function>| {
        let arguments = function.arguments.iter();
        let arguments = arguments.map(|argument| format!("{} => {}", argument.name, argument.type_name));
        let arguments: Vec<String> = arguments.collect();
        format!("{}.{name}({})", function.schema, arguments.join(", "))
    };
    let signatures: Vec<String> = fit.map(signature).collect();
    let message = format!("Could not choose the best candidate function between: {}", signatures.join(", "));
    Error::new(StatusCode::MULTIPLE_CHOICES, "PGRST203", message).hint(
        "Try renaming the parameters or the function itself in the database so function overloading can be \
         resolved",
    )
}

fn none(asked: &Asked<'_>, overloads: &[Arc<Function>], names: &[String], media: &str) -> Error {
    let post = *asked.request.method == Method::POST;
    let function = format!("{}.{}", asked.schema, asked.name);
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    let list = names.join(", ");
    let (message, mut details) = match names.len() {
        0 => (" without parameters".to_owned(), " without parameters".to_owned()),
        1 => (format!("({list})"), format!(" with parameter {list}")),
        _ => (format!("({list})"), format!(" with parameters {list}")),
    };
    let message = match (post, media) {
        (true, "text/plain" | "text/xml" | "application/octet-stream") => String::new(),
        _ => message,
    };
    match (post, media) {
        (true, "text/plain") => details = " with a single unnamed text parameter".to_owned(),
        (true, "text/xml") => details = " with a single unnamed xml parameter".to_owned(),
        (true, "application/octet-stream") => details = " with a single unnamed bytea parameter".to_owned(),
        (true, JSON) => details.push_str(" or with a single unnamed json/jsonb parameter"),
        (_, _) => {}
    }
    let message = format!("Could not find the function {function}{message} in the schema cache");
    let error = Error::new(StatusCode::NOT_FOUND, "PGRST202", message).details(format!(
        "Searched for the function {function}{details}, but no matches were found in the schema cache."
    ));
    let raw = post && matches!(media, "text/plain" | "text/xml" | "application/octet-stream");
    match if raw { None } else { meant(asked, overloads, &list) } {
        Some(meant) => error.hint(format!("Perhaps you meant to call the function {}.{meant}", asked.schema)),
        None => error,
    }
}

/// The function that may have been meant: of another name, or of this one with other arguments.
fn meant(asked: &Asked<'_>, overloads: &[Arc<Function>], list: &str) -> Option<String> {
    if overloads.is_empty() {
        let names = asked.catalog.functions.keys().filter(|(schema, _)| *schema == asked.schema);
        let names = names.map(|(_, name)| name.as_str());
        return most_similar_by(NAME_SIMILARITY_MIN, &asked.name, names, true).map(str::to_owned);
    }
    let signatures: Vec<String> = overloads
        .iter()
        .map(|function| {
            let mut names: Vec<&str> =
                function.arguments.iter().map(|argument| argument.name.as_str()).collect();
            names.sort_unstable();
            format!("({})", names.join(", "))
        })
        .collect();
    let similar = most_similar(&format!("({list})"), signatures.iter().map(String::as_str), true);
    similar.map(|signature| format!("{}{signature}", asked.name))
}
