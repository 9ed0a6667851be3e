//! Bodies that are no JSON: CSV and forms, made into the JSON that the rest of the plan works with.
//!
//! Every value of them is a text, or null; PostgreSQL reads it as the column's type.

use bytes::Bytes;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::Error;

/// What stands for null in CSV.
const NULL: &str = "NULL";

/// The records of a CSV body, whose first line has the names, as an array of objects. A line
/// may lack its last fields.
pub(super) fn csv(body: &[u8]) -> Result<Bytes, Error> {
    let text = std::str::from_utf8(body).map_err(|_| Error::body("the CSV is not UTF-8"))?;
    let mut lines = records(text)?.into_iter();
    let names = lines.next().ok_or_else(|| Error::body("not enough input"))?;
    let mut rows = Vec::new();
    for line in lines {
        let value = |field: String| if field == NULL { Value::Null } else { Value::String(field) };
        let pairs = names.iter().cloned().zip(line.into_iter().map(value));
        rows.push(Value::Object(pairs.collect()));
    }
    Ok(Value::Array(rows).to_string().into())
}

/// The fields of a form, by name; of a name that is given twice the last one counts.
pub(super) fn form(body: &[u8]) -> Result<Bytes, Error> {
    let pairs = form_pairs(body)?;
    let object: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(Value::Object(object).to_string().into())
}

/// The fields of a form in their order.
pub(crate) fn form_pairs(body: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let decoded = percent_decode(&spaced).decode_utf8().map(|text| text.into_owned());
        decoded.ok().filter(|text| !text.contains('\0')).ok_or_else(|| Error::body("the form is not UTF-8"))
    };
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            Ok((decode(&pair[..at])?, decode(pair.get(at + 1..).unwrap_or_default())?))
        })
        .collect()
}

/// The lines of CSV (RFC 4180), each as its fields; empty lines count for nothing.
fn records(text: &str) -> Result<Vec<Vec<String>>, Error> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (field, after) = field(rest)?;
        record.push(field);
        let ended = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r']));
        rest = match (after.strip_prefix(','), ended) {
            (Some(more), _) if more.is_empty() => {
                record.push(String::new());
                more
            }
            (Some(more), _) => more,
            (None, after) => {
                records.push(std::mem::take(&mut record));
                after.unwrap_or_default()
            }
        };
    }
    if !record.is_empty() {
        records.push(record);
    }
    records.retain(|fields| !matches!(fields.as_slice(), [only] if only.is_empty()));
    Ok(records)
}

/// One field, and what follows it.
fn field(text: &str) -> Result<(String, &str), Error> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n', '\r']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut field = String::new();
    loop {
        let end = rest.find('"').ok_or_else(|| Error::body("a quoted CSV field does not end"))?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if rest.is_empty() || rest.starts_with([',', '\n', '\r']) => return Ok((field, rest)),
            None => return Err(Error::body("a quoted CSV field goes on after its quote")),
        }
    }
}
