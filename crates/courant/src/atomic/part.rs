//! The parts of a batch as they are sent: an array of objects, each a request of its own.
//!
//! Who asks is the batch's to say, once for all parts: a part may say only what a plan is made from. Its body is
//! taken as it stands, so that no number loses a digit.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use serde_json::value::RawValue;

use crate::request::unprefixed;
use crate::schema::PLANNING_HEADERS;

/// A request among others.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

/// A part's members, each as it stands.
type Sent<'a> = BTreeMap<String, &'a RawValue>;

/// What a part may say.
const MEMBERS: [&str; 4] = ["method", "path", "headers", "body"];

/// Headers that speak of the batch's own message, and not of who sends it.
const OF_THE_MESSAGE: [&str; 10] = [
    "accept-encoding",
    "content-encoding",
    "expect",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "te",
    "transfer-encoding",
];

/// Reads the parts of a batch with this head.
pub(super) fn read(body: &[u8], head: &Parts, parts_max: usize) -> Result<Vec<Part>, String> {
    let sent: Vec<Sent<'_>> =
        serde_json::from_slice(body).map_err(|error| format!("not a batch: {error}"))?;
    if sent.is_empty() || sent.len() > parts_max {
        return Err(format!("a batch has at least one part, and at most {parts_max} (http.batch_parts_max)"));
    }
    let shared = shared(&head.headers);
    let part = |(number, sent): (usize, Sent<'_>)| {
        one(sent, &shared).map_err(|why| format!("part {}: {why}", number + 1))
    };
    sent.into_iter().enumerate().map(part).collect()
}

/// What the batch says for all of its parts.
fn shared(headers: &HeaderMap) -> HeaderMap {
    let mut shared = headers.clone();
    let own = [CONTENT_LENGTH.as_str()].into_iter().chain(PLANNING_HEADERS).chain(OF_THE_MESSAGE);
    // The schema may be chosen once for all.
    own.filter(|name| !name.ends_with("-profile")).for_each(|name| {
        shared.remove(name);
    });
    shared
}

fn one(sent: Sent<'_>, shared: &HeaderMap) -> Result<Part, String> {
    if let Some(unknown) = sent.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
        return Err(format!("it has a member {unknown:?}; there are {}", MEMBERS.join(", ")));
    }
    let text = |member: &str| {
        let text = sent.get(member).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        text.ok_or_else(|| format!("its {member} must be a string"))
    };
    let (method, path) = (text("method")?, text("path")?);
    let method = Method::try_from(method.as_str()).map_err(|_| "its method is none".to_owned())?;
    if !matches!(
        method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    ) {
        return Err(format!("{method} neither reads nor writes"));
    }
    let mut headers = shared.clone();
    for (name, value) in &own_headers(sent.get("headers").copied())? {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| format!("{name:?} is no header"))?;
        if !PLANNING_HEADERS.contains(&name.as_str()) {
            let may = PLANNING_HEADERS.join(", ");
            return Err(format!("the header {name} is the batch's to send; a part may send {may}"));
        }
        let value = HeaderValue::try_from(value.as_str())
            .map_err(|_| format!("the value of its header {name} is none"))?;
        headers.insert(name, value);
    }
    let body =
        body(sent.get("body").copied().filter(|body| body.get() != "null"), headers.get(CONTENT_TYPE))?;
    let uri: Uri = path.parse().map_err(|_| no_path(&path))?;
    if !path.starts_with('/') {
        return Err(no_path(&path));
    }
    let (mut head, ()) = Request::new(()).into_parts();
    (head.method, head.uri, head.headers) = (method, unprefixed(uri), headers);
    Ok(Part { head, body })
}

fn own_headers(sent: Option<&RawValue>) -> Result<BTreeMap<String, String>, String> {
    let Some(sent) = sent else { return Ok(BTreeMap::new()) };
    serde_json::from_str(sent.get()).map_err(|_| "its headers must be an object of strings".to_owned())
}

fn no_path(path: &str) -> String {
    format!("{path:?} is no path")
}

/// The body as it would have been sent: JSON as it stands, and of other media types the text.
fn body(sent: Option<&RawValue>, media: Option<&HeaderValue>) -> Result<Bytes, String> {
    let Some(sent) = sent else { return Ok(Bytes::new()) };
    let media = media.and_then(|media| media.to_str().ok()).unwrap_or("application/json");
    let name = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if name == "application/json" || name.ends_with("+json") {
        return Ok(Bytes::copy_from_slice(sent.get().as_bytes()));
    }
    let text: String = serde_json::from_str(sent.get())
        .map_err(|_| format!("a body of {name} is sent as a string of JSON"))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::read;

    fn head() -> http::request::Parts {
        let request = Request::builder()
            .header("authorization", "Bearer x")
            .header("content-type", "application/json")
            .header("prefer", "return=minimal");
        request.body(()).expect("it is a request").into_parts().0
    }

    #[test]
    fn a_part_is_a_request_of_the_batchs_sender() {
        let body = r#"[{"method":"POST","path":"/rest/v1/notes?select=id","headers":{"Prefer":"return=representation"},
            "body":{"price":1.10}},
            {"method":"POST","path":"/notes","headers":{"content-type":"text/csv"},"body":"a,b\n1,2"}]"#;
        let parts = read(body.as_bytes(), &head(), 2).expect("they are parts");
        assert_eq!(parts[0].head.uri, "/notes?select=id");
        assert_eq!(parts[0].head.headers["authorization"], "Bearer x");
        assert_eq!(parts[0].head.headers["prefer"], "return=representation");
        assert_eq!(&parts[0].body[..], br#"{"price":1.10}"#);
        assert_eq!(parts[1].head.headers.get("prefer"), None);
        assert_eq!(&parts[1].body[..], b"a,b\n1,2");
    }

    #[test]
    fn what_is_no_batch_is_refused_with_the_part_at_fault() {
        for (body, why) in [
            ("{}", "not a batch"),
            ("[]", "at least one part, and at most 2"),
            (
                r#"[{"method":"GET","path":"/a"},{"method":"GET","path":"/a"},{"method":"GET","path":"/a"}]"#,
                "at most 2",
            ),
            (r#"[{"method":"GET","path":"a"}]"#, "part 1: \"a\" is no path"),
            (r#"[{"method":"GET","path":"/a"},{"method":"TRACE","path":"/a"}]"#, "part 2: TRACE"),
            (r#"[{"method":"GET","path":"/a","headers":{"Authorization":"x"}}]"#, "is the batch's to send"),
            (r#"[{"method":"GET","path":"/a","headers":{"Prefer":"a\nb"}}]"#, "its header prefer is none"),
            (
                r#"[{"method":"POST","path":"/a","headers":{"Content-Type":"text/csv"},"body":{}}]"#,
                "a string of JSON",
            ),
            (r#"[{"method":"GET","path":"/a","verb":1}]"#, "it has a member \"verb\""),
        ] {
            let error = read(body.as_bytes(), &head(), 2).expect_err(body);
            assert!(error.contains(why), "{body}: {error}");
        }
    }
}
