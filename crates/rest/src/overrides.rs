//! What the database says to the response: its settings `response.headers` and `response.status`.
//!
//! <https://docs.postgrest.org/en/stable/references/transactions.html#response-headers>. Pure: the texts come from the
//! transaction. A function can say any text, so nothing of it may frame the response or break out of a header.

use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use serde_json::{Map, Value};

use crate::Error;

/// How the connection is used is not the database's to say (RFC 9110, section 7.6.1).
const FRAMING: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A status instead of the usual one, and headers that take the place of those of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The status.
    pub status: Option<StatusCode>,
    /// The headers, in their order; a name may come again.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Overrides {
    /// From the texts of both settings.
    pub fn read(headers: Option<&str>, status: Option<&str>) -> Result<Overrides, Error> {
        let headers = headers.map_or(Ok(Vec::new()), read_headers)?;
        let status = status.map(read_status).transpose()?;
        Ok(Overrides { status, headers })
    }

    /// Whether a header of that name is among them.
    pub fn names(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }
}

fn read_headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let lines: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| Error::response_headers())?;
    let pairs: Option<Vec<(&str, &str)>> = lines
        .iter()
        .map(|line| match line.iter().next() {
            Some((name, Value::String(value))) if line.len() == 1 => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect();
    let pairs = pairs.ok_or_else(Error::response_headers)?;
    // What is no header's name or value cannot be sent.
    let header = |(name, value): (&str, &str)| {
        let name = HeaderName::try_from(name).ok().filter(|name| !FRAMING.contains(name))?;
        Some((name, HeaderValue::try_from(value).ok()?))
    };
    Ok(pairs.into_iter().filter_map(header).collect())
}

/// A final status: one that announces another (1xx) would leave the client waiting.
fn read_status(text: &str) -> Result<StatusCode, Error> {
    let code = text.parse::<u16>().ok().filter(|code| *code >= 200);
    code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(Error::response_status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_in_their_order_and_again_where_they_are_said_again() {
        let text = r#"[{"Set-Cookie": "a=1"}, {"X-One": "é"}, {"set-cookie": "b=2"}]"#;
        let overrides = Overrides::read(Some(text), Some("418")).unwrap();
        let names: Vec<&str> = overrides.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["set-cookie", "x-one", "set-cookie"]);
        assert_eq!(overrides.status.unwrap().as_u16(), 418);
    }

    #[test]
    fn what_would_frame_the_response_or_break_out_of_a_header_is_left_out() {
        let text = r#"[{"Content-Length": "0"}, {"X": "a\r\nY: b"}, {"Transfer-Encoding": "chunked"}, {"a b": "c"}]"#;
        assert_eq!(Overrides::read(Some(text), None).unwrap(), Overrides::default());
    }

    #[test]
    fn what_is_neither_is_an_error() {
        for text in
            ["", "x", "{}", r#"{"X": "1"}"#, r#"[{"X": 1}]"#, r#"[{"X": "1", "Y": "2"}]"#, "[{}]", "[1]"]
        {
            assert_eq!(Overrides::read(Some(text), None).unwrap_err().code(), "PGRST111", "{text}");
        }
        for text in ["", "abc", "99", "100", "199", "1000", "-200", "200.5", "65736"] {
            assert_eq!(Overrides::read(None, Some(text)).unwrap_err().code(), "PGRST112", "{text}");
        }
    }
}
