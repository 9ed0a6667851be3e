//! A JSON body, as far as a plan needs it: whether it is one object or many, and which keys they have.
//!
//! Never builds the values: PostgreSQL reads them from the same bytes.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::table_body;
use crate::Error;

/// A JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) json: Bytes,
    pub(crate) shape: Shape,
    /// The keys of the first object, in their order, each once.
    pub(crate) keys: Vec<String>,
    /// Whether every object has the same keys.
    pub(crate) uniform: bool,
}

/// What stands at the top of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array {
        rows: usize,
    },
    /// An array of anything but objects.
    Mixed,
    /// A text, a number, a truth value or null.
    Scalar,
}

impl Body {
    /// Reads a body of that media type, if it is one that tells rows.
    pub(crate) fn of_type(media: &str, body: &Bytes) -> Result<Body, Error> {
        match media {
            "application/json" => Body::read(body),
            "text/csv" => Body::read(&table_body::csv(body)?),
            "application/x-www-form-urlencoded" => Body::read(&table_body::form(body)?),
            media => Err(Error::body(format!("Content-Type not acceptable: {media}"))),
        }
    }

    pub(crate) fn read(json: &Bytes) -> Result<Body, Error> {
        let invalid = || Error::body("Empty or invalid json");
        if std::str::from_utf8(json).is_err() {
            return Err(invalid());
        }
        let top: Top = serde_json::from_slice(json).map_err(|_| invalid())?;
        let (shape, keys, uniform) = match top {
            Top::Object(keys) => (Shape::Object, keys, true),
            Top::Array { rows, keys, uniform } => (Shape::Array { rows }, keys, uniform),
            Top::Mixed => (Shape::Mixed, Vec::new(), true),
            Top::Scalar => (Shape::Scalar, Vec::new(), true),
        };
        Ok(Body { json: json.clone(), shape, keys, uniform })
    }
}

enum Top {
    Object(Vec<String>),
    Array { rows: usize, keys: Vec<String>, uniform: bool },
    Mixed,
    Scalar,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Top, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        let mut seen = BTreeSet::new();
        let mut keys = Vec::new();
        while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
            if seen.insert(key.clone()) {
                keys.push(key);
            }
        }
        Ok(Top::Object(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Top, A::Error> {
        let (mut rows, mut first, mut uniform) = (0, None::<Vec<String>>, true);
        // Sorted once: two rows of a great many keys in different orders must not be compared key by key.
        let mut sorted = Vec::new();
        let mut other = false;
        while let Some(element) = seq.next_element::<Top>()? {
            rows += 1;
            let Top::Object(keys) = element else {
                other = true;
                continue;
            };
            match &first {
                None => {
                    sorted.clone_from(&keys);
                    sorted.sort_unstable();
                    first = Some(keys);
                }
                Some(first) => {
                    let is_known = |key| sorted.binary_search(key).is_ok();
                    uniform &= first == &keys || first.len() == keys.len() && keys.iter().all(is_known);
                }
            }
        }
        Ok(if other { Top::Mixed } else { Top::Array { rows, keys: first.unwrap_or_default(), uniform } })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Top, E> {
        Ok(Top::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Top, E> {
        Ok(Top::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Top, E> {
        Ok(Top::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Top, E> {
        Ok(Top::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Top, E> {
        Ok(Top::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top::Scalar)
    }
}
