//! The body of a write: which columns it fills, and with what where a row lacks one.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use pg::catalog::{Column, Conversion, Relation, Representation};

use super::tree::TypeName;
use super::{Asked, type_name};
use crate::Error;
use crate::grammar::{Body, Missing, Shape};

/// A body, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) columns: Vec<Filled>,
    pub(crate) json: Bytes,
    /// Whether there may be more rows than one, or none.
    pub(crate) array: bool,
    /// Whether there is certainly no row.
    pub(crate) empty: bool,
}

/// A column that a body fills.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) name: String,
    pub(crate) type_name: TypeName,
    /// What makes its value of the JSON in the body, where that is not how it is stored.
    pub(crate) representation: Option<Arc<Representation>>,
    /// What rows get that lack it, where that is not null.
    pub(crate) default: Option<DefaultValue>,
}

impl Filled {
    /// What makes its value of the JSON in the body.
    pub(crate) fn of_json(&self) -> Option<&Conversion> {
        self.representation.as_ref()?.of_json.as_ref()
    }
}

/// An expression of the catalog, written as it is.
#[derive(Clone, Debug)]
pub(crate) struct DefaultValue(String);

impl DefaultValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Payload {
    /// What the request's body fills of that relation.
    pub(super) fn read(asked: &Asked<'_>, relation: &Relation) -> Result<Payload, Error> {
        let (body, is_json) = body(asked)?;
        let defaults = asked.preferences.missing == Some(Missing::Default);
        let inserts = *asked.request.method != Method::PATCH;
        let mut columns: Vec<Filled> = Vec::new();
        for name in asked.query.columns.as_ref().filter(|_| is_json).unwrap_or(&body.keys) {
            let column = relation.column(name).ok_or_else(|| Error::column_of_body(&relation.name, name))?;
            if columns.iter().all(|known| known.name != *name) {
                let lacking = defaults && !(body.uniform && body.keys.contains(name));
                // What no row of an insert has, PostgreSQL fills by itself, but nobody may name what it generates.
                let generated = column.has_default && column.default.is_none();
                if generated || !(lacking && inserts && body.uniform) {
                    columns.push(filled(column, lacking));
                }
            }
        }
        let array = body.shape != Shape::Object;
        let empty = body.shape == (Shape::Array { rows: 0 });
        Ok(Payload { columns, json: body.json, array, empty })
    }
}

fn filled(column: &Column, lacking: bool) -> Filled {
    let default = column.default.clone().filter(|_| lacking).map(DefaultValue);
    let representation = column.representation.clone().filter(|of| of.of_json.is_some());
    let type_name = if representation.is_some() { "json" } else { column.type_name.as_str() };
    Filled { name: column.name.clone(), type_name: type_name::of_catalog(type_name), representation, default }
}

/// The body, and whether it was sent as JSON.
fn body(asked: &Asked<'_>) -> Result<(Body, bool), Error> {
    let media = asked.request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.map_or("", |media| media.split(';').next().unwrap_or_default().trim());
    let media = match media.to_ascii_lowercase().as_str() {
        "" => "application/json".to_owned(),
        media if media.starts_with("application/vnd.pgrst.") => "application/json".to_owned(),
        media => media.to_owned(),
    };
    let body = Body::of_type(&media, asked.request.body)?;
    let is_json = media == "application/json";
    let rows = matches!(body.shape, Shape::Object | Shape::Array { .. });
    if !rows || !body.uniform && (asked.query.columns.is_none() || !is_json) {
        let what =
            if is_json { "All object keys must match" } else { "All lines must have same number of fields" };
        return Err(Error::body(what));
    }
    Ok((body, is_json))
}
