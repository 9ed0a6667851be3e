//! An answer, as it is kept and as it is sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use gateway::coding::{Accepted, Coding, Variants, known, tag_of};
use http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LOCATION, DATE, ETAG, EXPIRES,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pg::Lsn;
use rest::{Field, Head, Overrides, Plan};

use crate::bypass::Bypass;
use crate::consistency::POSITION;
use crate::failure::Failure;
use crate::packed::Packed;
use crate::response::Body;
use crate::row::Found;
use crate::validator;

mod relayed;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// What an answer takes besides its texts: their counts, and what the allocator rounds them up by.
const SMALL_BYTES: usize = 8 + 16;
/// What one takes more that may have variants.
const LARGE_BYTES: usize = size_of::<Large>() + 16 + 16;
/// Headers that are added to an answer's own when it is sent, those of the front door included.
const ADDED_HEADERS: usize = 6;

/// What the database answered, ready to be sent any number of times.
///
/// There are as many as the memory holds, so all texts lie in one allocation, and headers are known by a byte,
/// those that most answers have together with their values.
#[derive(Clone, Debug)]
pub(crate) struct Answer(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Small(Packed),
    Large(Arc<Large>),
}

/// An answer with a body that is worth a coding.
#[derive(Debug)]
struct Large {
    texts: Packed,
    /// The body in other codings, once somebody wants one.
    variants: OnceLock<Box<Variants>>,
}

// The texts of an answer, by number.
const BODY: usize = 0;
/// Of the body as it is. Strong: the same bytes, the same tag. Its print where we made it, and the text of an
/// upstream's. Empty where the answer may not be kept.
const TAG: usize = 1;
/// A position of the log above everything it shows, little-endian, without the zeros at its end; empty where none is
/// known.
const LOG_POSITION: usize = 2;
/// The request's path and query, where no `Content-Location` says them.
const TARGET: usize = 3;
/// The status, little-endian, and whether an upstream made it, whose headers are its own.
const STATUS: usize = 4;
/// The headers that the answer's head says, a byte each; their values follow.
const FIELDS: usize = 5;
const VALUES: usize = 6;
/// In the place of a field: a header whose name stands with its value.
const RELAYED: u8 = u8::MAX;
/// In the place of a field, and above it: one of these, whose value need not follow.
const USUAL: u8 = 0x80;
const USUALS: [(Field, &str); 3] = [
    (Field::ContentType, "application/json; charset=utf-8"),
    (Field::ContentType, "application/vnd.pgrst.object+json; charset=utf-8"),
    (Field::ContentType, "text/csv; charset=utf-8"),
];
/// What an answer that is unchanged says again (RFC 9110, section 15.4.5), beside its tag.
const AGAIN: [HeaderName; 5] = [CACHE_CONTROL, CONTENT_LOCATION, DATE, EXPIRES, VARY];

/// The request's headers by which one answer is sent in different ways.
pub(crate) const HEARD: [HeaderName; 2] = [ACCEPT_ENCODING, IF_NONE_MATCH];

/// A response in parts.
pub(crate) struct Message {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Where a response came from (RFC 9211).
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From the cache.
    Hit { age: Duration },
    /// From the database; `stored` if it is kept now, `collapsed` if another request's query answered.
    Miss { stored: bool, collapsed: bool },
    /// From an upstream, and why its answer is not kept, in a word.
    Unkept(&'static str),
    /// From the database or an upstream, past the cache, and why.
    Bypass(Bypass),
}

impl Answer {
    /// From what the database found. Answers that may be kept carry a validator.
    pub(crate) fn new(plan: &Plan, found: Found, kept: bool, target: &str) -> Result<Answer, Failure> {
        let head = rest::respond(plan, &found.counts)?;
        let overrides = Overrides::read(found.told.headers.as_deref(), found.told.status.as_deref())?;
        let body = found.body.unwrap_or_default();
        let body = match plan.answer.document(&body) {
            Some(document) => document.map_err(|error| Failure::Unreadable(error.to_string()))?.into(),
            None if plan.answer.is_binary() => bytes_of(&body)?,
            None => body,
        };
        // What was said to this response alone has no validator.
        let kept = kept && found.told.is_empty();
        Ok(Answer::whole(head, &overrides, body, kept, found.position, target))
    }

    fn whole(
        head: Head,
        overrides: &Overrides,
        body: Bytes,
        kept: bool,
        position: Option<Lsn>,
        target: &str,
    ) -> Answer {
        let tag = kept.then(|| validator::print(head.get(Field::ContentRange), &body));
        let tag = tag.as_ref().map_or(&b""[..], |print| print);
        let position = position.map(|position| position.0.to_le_bytes()).unwrap_or_default();
        let zeros = position.iter().rev().take_while(|byte| **byte == 0).count();
        let position = &position[..position.len() - zeros];
        let target = if head.get(Field::ContentLocation).is_some() { "" } else { target };
        let own: Vec<Vec<u8>> =
            overrides.headers.iter().map(|(name, value)| relayed::written(name, value)).collect();
        let rest = head.fields.iter().filter(|(field, _)| !overrides.names(&field.name()));
        let lines = rest.map(|(field, value)| match usual(*field, value) {
            Some(usual) => (USUAL + usual, &b""[..]),
            None => (*field as u8, value.as_bytes()),
        });
        let lines = lines.chain(own.iter().map(|line| (RELAYED, &line[..])));
        let (fields, values): (Vec<u8>, Vec<&[u8]>) = lines.unzip();
        let status = status_text(overrides.status.unwrap_or(head.status), false);
        let texts = [&body[..], tag, position, target.as_bytes(), &status, &fields];
        Answer::packed(&[&texts[..], &values].concat(), true)
    }

    /// `is_codable`: nothing in its head forbids other codings.
    fn packed(texts: &[&[u8]], is_codable: bool) -> Answer {
        let texts = Packed::new(texts);
        let is_large = Variants::are_worth_it(texts.text(BODY));
        let may_have_variants = is_codable && is_large && !texts.text(TAG).is_empty();
        Answer(match may_have_variants {
            true => Kept::Large(Arc::new(Large { texts, variants: OnceLock::new() })),
            false => Kept::Small(texts),
        })
    }

    fn texts(&self) -> &Packed {
        match &self.0 {
            Kept::Small(texts) => texts,
            Kept::Large(large) => &large.texts,
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        let [low, high, _] = self.status_text();
        StatusCode::from_u16(u16::from_le_bytes([low, high])).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn is_relayed(&self) -> bool {
        self.status_text()[2] != 0
    }

    fn status_text(&self) -> [u8; 3] {
        *self.texts().text(STATUS).first_chunk().expect("every answer has its status")
    }

    /// Whether both are the same one, and not only alike.
    pub(crate) fn is_one_with(&self, other: &Answer) -> bool {
        self.texts().is_one_with(other.texts())
    }

    /// The memory it takes.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let large = if matches!(self.0, Kept::Large(_)) { LARGE_BYTES } else { 0 };
        (SMALL_BYTES + large + self.texts().as_ref().len()) as u64
    }

    /// The body as PostgreSQL made it.
    pub(crate) fn body(&self) -> &[u8] {
        self.texts().text(BODY)
    }

    /// The request's path and query, in their canonical form where they have one: by it an administrator names
    /// the answer.
    pub(crate) fn target(&self) -> &str {
        let fields = self.texts().text(FIELDS);
        let canonical = fields.iter().position(|field| *field == Field::ContentLocation as u8);
        let number = canonical.map_or(TARGET, |position| VALUES + position);
        std::str::from_utf8(self.texts().text(number)).unwrap_or_default()
    }

    /// The headers of its own.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.described(&self.held()).collect()
    }

    /// Its tag: the same for the same answer, another for another. Empty where it may not be kept.
    pub(crate) fn tag(&self) -> &[u8] {
        self.texts().text(TAG)
    }

    /// Whether a reader would see no difference.
    pub(crate) fn is_same(&self, other: &Answer) -> bool {
        self.body() == other.body() && self.has_head_of(other)
    }

    /// Whether status and headers are the same.
    pub(crate) fn has_head_of(&self, other: &Answer) -> bool {
        let end = VALUES + self.texts().text(FIELDS).len();
        (STATUS..end).all(|number| self.texts().text(number) == other.texts().text(number))
    }

    /// Whether it has other codings at all: not if it is too small, nobody's to keep, or its head forbids it.
    pub(crate) fn has_variants(&self) -> bool {
        matches!(self.0, Kept::Large(_))
    }

    /// What is left to be made for a client that accepts these codings.
    pub(crate) fn wanted(&self, accepted: &Accepted) -> Option<Coding> {
        if !self.has_variants() {
            return None;
        }
        match self.made() {
            Some(variants) => variants.choose(accepted).wanted,
            None => accepted.preferred().next(),
        }
    }

    /// The body in other codings; none where it can have none.
    pub(crate) fn variants(&self) -> Option<&Variants> {
        match &self.0 {
            Kept::Small(_) => None,
            Kept::Large(large) => Some(large.variants.get_or_init(Box::default)),
        }
    }

    fn made(&self) -> Option<&Variants> {
        match &self.0 {
            Kept::Small(_) => None,
            Kept::Large(large) => large.variants.get().map(|variants| &**variants),
        }
    }

    /// Makes and keeps the body in a coding, if `charge` grants the memory.
    pub(crate) fn make(&self, coding: Coding, charge: impl FnOnce(u64) -> bool) {
        if let (Some(variants), Some(etag)) = (self.variants(), self.etag()) {
            variants.make(coding, self.body(), Some(&etag), charge);
        }
    }

    /// The response to a request with these headers.
    pub(crate) fn response(&self, request: &HeaderMap, source: &Source) -> Response<Body> {
        let Message { status, headers, body } = self.message(request, source);
        let mut response = Response::new(Body::new(body));
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        response
    }

    /// The same, in parts. Of the request nothing matters but [`HEARD`].
    pub(crate) fn message(&self, request: &HeaderMap, source: &Source) -> Message {
        // What is sent holds the answer, and copies nothing of it.
        let texts = self.held();
        let mut headers = HeaderMap::with_capacity(self.texts().text(FIELDS).len() + ADDED_HEADERS);
        let (status, body) = match self.etag() {
            Some(etag) => self.kept(&texts, &etag, request, &mut headers),
            None => {
                if !self.is_relayed() {
                    headers.insert(VARY, HeaderValue::from_static("Accept, Prefer, Range"));
                }
                self.sent(&texts, self.shared(&texts, BODY), &mut headers)
            }
        };
        if let Some(position) = self.position() {
            headers.insert(POSITION, value(position.to_string().into()));
        }
        source.write(&mut headers);
        Message { status, headers, body }
    }

    /// Of an answer that may be kept: in the best coding there is, or that nothing has changed.
    fn kept(
        &self,
        texts: &Bytes,
        etag: &HeaderValue,
        request: &HeaderMap,
        headers: &mut HeaderMap,
    ) -> (StatusCode, Bytes) {
        let accepted = Accepted::of(request);
        let variant = self.made().and_then(|variants| variants.choose(&accepted).variant);
        let chosen = variant.map(|variant| variant.coding);
        let known = if self.status().is_success() { known(request, etag, &accepted, chosen) } else { None };
        let sent = match (known, variant) {
            (Some(_), _) => self.unchanged(texts, headers),
            (None, Some(variant)) => self.sent(texts, variant.body.clone(), headers),
            (None, None) => self.sent(texts, self.shared(texts, BODY), headers),
        };
        let tag = match (known, variant) {
            (Some(coding), _) => tag_of(etag, coding),
            (None, Some(variant)) => {
                headers.insert(CONTENT_ENCODING, variant.coding.header());
                variant.etag.clone().unwrap_or_else(|| etag.clone())
            }
            (None, None) => etag.clone(),
        };
        headers.insert(ETAG, tag);
        if self.is_relayed() {
            Answer::complete(headers);
            return sent;
        }
        headers.insert(VARY, HeaderValue::from_static("Accept, Prefer, Range, Accept-Encoding"));
        // A cache between us and the reader does not hear of changes: it may keep, and must ask.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        sent
    }

    fn sent(&self, texts: &Bytes, body: Bytes, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
        for (name, value) in self.described(texts) {
            headers.append(name, value);
        }
        (self.status(), body)
    }

    fn unchanged(&self, texts: &Bytes, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
        for (name, value) in self.described(texts).filter(|(name, _)| AGAIN.contains(name)) {
            headers.append(name, value);
        }
        (StatusCode::NOT_MODIFIED, Bytes::new())
    }

    /// The headers of its own, as parts of `texts`, which are all of them.
    fn described(&self, texts: &Bytes) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let fields = self.texts().text(FIELDS).iter().zip(VALUES..);
        fields.filter_map(|(code, number)| {
            if let Some((field, value)) =
                code.checked_sub(USUAL).and_then(|usual| USUALS.get(usize::from(usual)))
            {
                return Some((field.name(), HeaderValue::from_static(value)));
            }
            let text = self.shared(texts, number);
            match Field::ALL.get(usize::from(*code)) {
                Some(field) => Some((field.name(), value(text))),
                None => relayed::line(text),
            }
        })
    }

    /// All texts, copied no further.
    fn held(&self) -> Bytes {
        Bytes::from_owner(self.texts().clone())
    }

    /// A text, as a part of `texts`, which are all of them.
    fn shared(&self, texts: &Bytes, number: usize) -> Bytes {
        texts.slice(self.texts().range(number))
    }

    fn position(&self) -> Option<Lsn> {
        let known = self.texts().text(LOG_POSITION);
        let mut bytes = [0; 8];
        bytes.get_mut(..known.len())?.copy_from_slice(known);
        (!known.is_empty()).then_some(Lsn(u64::from_le_bytes(bytes)))
    }

    fn etag(&self) -> Option<HeaderValue> {
        match self.tag() {
            [] => None,
            tag if self.is_relayed() => HeaderValue::from_bytes(tag).ok(),
            tag => tag.try_into().ok().map(validator::etag),
        }
    }
}

fn status_text(status: StatusCode, is_relayed: bool) -> [u8; 3] {
    let [low, high] = status.as_u16().to_le_bytes();
    [low, high, u8::from(is_relayed)]
}

fn usual(field: Field, value: &HeaderValue) -> Option<u8> {
    let known = USUALS.iter().zip(0..).find(|((of, usual), _)| *of == field && value == usual);
    known.map(|(_, number)| number)
}

fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("it was a header's value, or is made of its characters")
}

impl Source {
    /// `hit`, `miss` or `bypass`, for the log and the metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Source::Hit { .. } => "hit",
            Source::Miss { .. } | Source::Unkept(_) => "miss",
            Source::Bypass(_) => "bypass",
        }
    }

    /// Why the cache was bypassed, in a word; empty otherwise.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Source::Bypass(why) => why.label(),
            Source::Hit { .. } | Source::Miss { .. } | Source::Unkept(_) => "",
        }
    }

    /// Says so in the response.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let status = match self {
            Source::Hit { age } => {
                headers.insert(AGE, HeaderValue::from(age.as_secs()));
                HeaderValue::from_static("courant; hit")
            }
            Source::Miss { stored: true, collapsed: false } => {
                HeaderValue::from_static("courant; fwd=miss; stored")
            }
            Source::Miss { stored: true, collapsed: true } => {
                HeaderValue::from_static("courant; fwd=miss; stored; collapsed")
            }
            Source::Miss { stored: false, collapsed: true } => {
                HeaderValue::from_static("courant; fwd=miss; collapsed")
            }
            Source::Miss { stored: false, collapsed: false } => HeaderValue::from_static("courant; fwd=miss"),
            Source::Unkept(word) => HeaderValue::try_from(format!("courant; fwd=miss; detail={word}"))
                .expect("a word is a header value"),
            Source::Bypass(Bypass::Method) => HeaderValue::from_static("courant; fwd=method"),
            Source::Bypass(why) => bypass(&why.to_string()),
        };
        headers.insert(CACHE_STATUS, status);
    }
}

/// `detail` is a structured-field string (RFC 8941, section 3.3.3): printable ASCII, quotes escaped.
fn bypass(reason: &str) -> HeaderValue {
    let mut text = String::from("courant; fwd=bypass; detail=\"");
    for c in reason.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            _ => text.push('?'),
        }
    }
    text.push('"');
    HeaderValue::from_str(&text).expect("printable ASCII is a header value")
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &[u8]) -> Result<Bytes, Failure> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes
        .map(Bytes::from)
        .ok_or_else(|| Failure::Unreadable("a body is not in hexadecimal digits".to_owned()))
}

#[cfg(test)]
mod tests;
