//! From the counts of the answer's row to status and headers; or to the error that the counts are.
//!
//! A write is answered before its COMMIT: an error here means that it must be rolled back.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::media::Media;
use crate::openapi::Outline;
use crate::plan::encoded;
use crate::shown::Shown;
use crate::{Error, Plan};

/// How the answer's row becomes a response.
#[derive(Clone, Debug, Hash)]
pub struct AnswerRules {
    pub(crate) kind: Kind,
    pub(crate) media: Media,
    pub(crate) shown: Shown,
    /// Whether there is a body to send.
    pub(crate) body: bool,
    pub(crate) counted: bool,
    /// Whether the transaction is rolled back although the request is answered.
    pub(crate) rollback: bool,
    pub(crate) preference_applied: Option<String>,
    pub(crate) content_profile: Option<String>,
    pub(crate) content_location: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) next: Option<Next>,
    pub(crate) max_affected: Option<u64>,
    /// The other half of a description.
    pub(crate) outline: Option<Arc<Outline>>,
    /// What of the request will not be understood for ever.
    pub(crate) warning: Option<String>,
}

/// What kind of request it was.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Kind {
    Read {
        offset: u64,
    },
    Insert {
        /// Whether the total is of rows inserted.
        upsert: bool,
    },
    Put {
        /// Whether the total is of rows inserted.
        upsert: bool,
    },
    Update,
    Delete,
    Call {
        offset: u64,
        void: bool,
        /// Whether there may be any number of rows: what is none answers one, be it null.
        set: bool,
    },
    /// A description of the schema.
    Document,
    /// Which methods there are. Of a relation, the rows that the statement tells are what the relation takes.
    Options(Allowed),
}

/// What has methods.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Allowed {
    Root,
    Relation {
        /// Whether it has a primary key.
        keyed: bool,
    },
    Function {
        read_only: bool,
    },
}

impl Allowed {
    /// The methods, by what the catalog says that a relation takes.
    fn methods(self, operations: u64) -> String {
        let mut methods = vec!["OPTIONS"];
        let (insert, update, delete) = (operations & 8 != 0, operations & 4 != 0, operations & 16 != 0);
        match self {
            Allowed::Root => methods.extend(["GET", "HEAD"]),
            Allowed::Function { read_only: true } => methods.extend(["GET", "HEAD", "POST"]),
            Allowed::Function { read_only: false } => methods.push("POST"),
            Allowed::Relation { keyed } => {
                methods.extend(["GET", "HEAD"]);
                let writes = [
                    ("POST", insert),
                    ("PUT", insert && update && keyed),
                    ("PATCH", update),
                    ("DELETE", delete),
                ];
                methods.extend(writes.into_iter().filter(|(_, taken)| *taken).map(|(method, _)| method));
            }
        }
        methods.join(",")
    }
}

/// How the page after this one is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Next {
    /// The query in its canonical form, without a cursor.
    pub(crate) query: String,
    pub(crate) order: String,
    /// A page with fewer rows is the last one.
    pub(crate) limit: u64,
}

/// Where an inserted row is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The relation's name.
    pub relation: String,
    /// The key's columns: the statement returns their values as `key_1`, `key_2`, …
    pub columns: Vec<String>,
}

impl AnswerRules {
    /// Whether PostgreSQL's plan is shown, which is any number of rows of one column, instead of the answer.
    pub fn is_plan(&self) -> bool {
        matches!(self.shown, Shown::Plan { .. })
    }

    /// Whether it is shown what the request comes down to, instead of the answer: nothing is to be run.
    pub fn is_explanation(&self) -> bool {
        matches!(self.shown, Shown::Explanation { .. })
    }

    /// The head of what is shown instead of the answer.
    fn shown_as(&self, content_type: &str) -> Head {
        let mut fields = Vec::with_capacity(2);
        set(&mut fields, Field::ContentType, content_type);
        self.content_profile.iter().for_each(|profile| set(&mut fields, Field::ContentProfile, profile));
        Head { status: StatusCode::OK, fields }
    }

    /// The error of a range beyond the end, with the headers that the answer would have had.
    fn described(&self, error: Error, total: Option<u64>) -> Error {
        let fields = [
            (Field::PreferenceApplied, &self.preference_applied),
            (Field::ContentProfile, &self.content_profile),
            (Field::ContentLocation, &self.content_location),
        ];
        let fields = fields.into_iter().filter_map(|(field, value)| Some((field, value.clone()?)));
        let range = (Field::ContentRange, content_range(None, total));
        fields.chain([range]).fold(error.unproxied(), |error, (field, value)| {
            error.header(field.name().as_str().to_owned(), value)
        })
    }

    /// Whether a write may have to be rolled back: by wish, or because [`respond`] turns the counts into an
    /// error. It must be asked before the COMMIT.
    pub fn decides(&self) -> bool {
        if self.shown != Shown::Answer {
            return self.rollback;
        }
        self.rollback
            || self.media.is_singular()
            || self.max_affected.is_some()
            || matches!(self.kind, Kind::Put { .. })
    }

    /// Whether the statement's `body` is bytes, written in hexadecimal digits.
    pub fn is_binary(&self) -> bool {
        matches!(self.media, Media::Own { binary: true, .. }) && self.shown == Shown::Answer
    }

    /// The description that is sent, where one is asked for, made of the statement's `body`.
    pub fn document(&self, described: &[u8]) -> Option<Result<String, serde_json::Error>> {
        self.outline.as_ref().map(|outline| outline.document(described))
    }

    /// Whether what was written is rolled back although the request is answered.
    pub fn rolls_back(&self) -> bool {
        self.rollback
    }

    /// The key by which an inserted row is told, if it is.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }
}

/// What the answer's row counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `rows`.
    pub rows: u64,
    /// `total`.
    pub total: Option<u64>,
    /// The first of `key_1`, of `key_2` and so on, where [`AnswerRules::location`] asks for them.
    pub key: Vec<String>,
    /// The last row's place in the order, where pages go on from it.
    pub cursor: Option<String>,
}

/// Status and headers.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers, each once.
    pub fields: Vec<(Field, HeaderValue)>,
}

impl Head {
    /// The value of a header, if there is one.
    pub fn get(&self, field: Field) -> Option<&HeaderValue> {
        self.fields.iter().find(|(of, _)| *of == field).map(|(_, value)| value)
    }
}

/// The headers that a head can have: a closed list, of which a kept answer remembers a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Which rows the body holds, and of how many.
    ContentRange,
    /// The body's media type.
    ContentType,
    /// The preferences that were heeded.
    PreferenceApplied,
    /// The schema that was chosen.
    ContentProfile,
    /// The request in its canonical form.
    ContentLocation,
    /// Where the inserted row is.
    Location,
    /// The methods that there are.
    Allow,
    /// Where the next page is.
    Link,
    /// What of the request will not be understood for ever.
    Warning,
}

impl Field {
    /// Every one, in the order of their numbers.
    pub const ALL: [Field; 9] = [
        Field::ContentRange,
        Field::ContentType,
        Field::PreferenceApplied,
        Field::ContentProfile,
        Field::ContentLocation,
        Field::Location,
        Field::Allow,
        Field::Link,
        Field::Warning,
    ];

    /// Its name.
    pub const fn name(self) -> HeaderName {
        HeaderName::from_static(match self {
            Field::ContentRange => "content-range",
            Field::ContentType => "content-type",
            Field::PreferenceApplied => "preference-applied",
            Field::ContentProfile => "content-profile",
            Field::ContentLocation => "content-location",
            Field::Location => "location",
            Field::Allow => "allow",
            Field::Link => "link",
            Field::Warning => "warning",
        })
    }
}

/// The head of the response to a plan whose statement returned these counts.
pub fn respond(plan: &Plan, counts: &Counts) -> Result<Head, Error> {
    let answer = &plan.answer;
    if let Some(content_type) = answer.shown.content_type() {
        return Ok(answer.shown_as(content_type));
    }
    let Counts { mut rows, total, .. } = *counts;
    if matches!(answer.kind, Kind::Call { set: false, .. }) {
        rows = 1;
    }
    if matches!(answer.kind, Kind::Put { .. }) && rows != 1 {
        return Err(Error::put_key());
    }
    if answer.media.is_singular() && rows != 1 {
        return Err(Error::not_singular(rows));
    }
    let exceeded = answer.max_affected.is_some_and(|max| rows > max);
    if exceeded && !matches!(answer.kind, Kind::Read { .. }) {
        return Err(Error::max_affected(rows));
    }
    let (status, range) = outcome(answer, rows, total)?;
    let mut fields = Vec::with_capacity(4);
    if let Kind::Options(allowed) = answer.kind {
        set(&mut fields, Field::Allow, &allowed.methods(rows));
    }
    if !matches!(answer.kind, Kind::Put { .. } | Kind::Document | Kind::Options(_)) {
        set(&mut fields, Field::ContentRange, &range);
    }
    if answer.body {
        set(&mut fields, Field::ContentType, &answer.media.content_type());
    }
    let optional = [
        (Field::PreferenceApplied, &answer.preference_applied),
        (Field::ContentProfile, if answer.body { &answer.content_profile } else { &None }),
        (Field::ContentLocation, &answer.content_location),
        (Field::Warning, &answer.warning),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            set(&mut fields, field, value);
        }
    }
    if let Some(location) = answer.location.as_ref().filter(|_| rows == 1) {
        set(&mut fields, Field::Location, &location_of(location, &counts.key));
    }
    if let Some(link) = answer.next.as_ref().and_then(|next| link(next, counts)) {
        set(&mut fields, Field::Link, &link);
    }
    Ok(Head { status, fields })
}

/// The status, and which rows of how many the answer holds.
fn outcome(answer: &AnswerRules, rows: u64, total: Option<u64>) -> Result<(StatusCode, String), Error> {
    let counted = total.filter(|_| answer.counted);
    let affected = answer.counted.then_some(rows);
    Ok(match answer.kind {
        Kind::Read { offset } | Kind::Call { offset, void: false, .. } => {
            let status =
                range_status(offset, rows, counted).map_err(|error| answer.described(error, counted))?;
            // How many rows come before a cursor is not known.
            (status, content_range(answer.next.is_none().then_some((offset, rows)), counted))
        }
        Kind::Call { offset, void: true, .. } => {
            (StatusCode::NO_CONTENT, content_range(Some((offset, rows)), counted))
        }
        Kind::Insert { upsert } => {
            let none = upsert && total == Some(0);
            (if none { StatusCode::OK } else { StatusCode::CREATED }, content_range(None, affected))
        }
        Kind::Put { upsert } if answer.body => {
            let none = upsert && total == Some(0);
            (if none { StatusCode::OK } else { StatusCode::CREATED }, content_range(None, affected))
        }
        Kind::Put { .. } => (StatusCode::NO_CONTENT, content_range(None, affected)),
        Kind::Update if answer.body => (StatusCode::OK, content_range(Some((0, rows)), affected)),
        Kind::Update => (StatusCode::NO_CONTENT, content_range(Some((0, rows)), affected)),
        Kind::Delete if answer.body => (StatusCode::OK, content_range(None, affected)),
        Kind::Delete => (StatusCode::NO_CONTENT, content_range(None, affected)),
        Kind::Document | Kind::Options(_) => (StatusCode::OK, String::new()),
    })
}

/// The next page, if this one is full: relative, so that it holds wherever the API is mounted.
fn link(next: &Next, counts: &Counts) -> Option<String> {
    let Next { query, order, limit } = next;
    let cursor = encoded(order, counts.cursor.as_deref().filter(|_| counts.rows >= *limit)?)?;
    let and = if query.is_empty() { "" } else { "&" };
    Some(format!("<?{query}{and}cursor=~{cursor}>; rel=\"next\""))
}

fn set(fields: &mut Vec<(Field, HeaderValue)>, field: Field, value: &str) {
    // A name of a schema or relation may hold what a header cannot.
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.push((field, value));
    }
}

fn range_status(offset: u64, rows: u64, total: Option<u64>) -> Result<StatusCode, Error> {
    let Some(total) = total else { return Ok(StatusCode::OK) };
    if offset > total {
        return Err(Error::range(format!(
            "An offset of {offset} was requested, but there are only {total} rows."
        )));
    }
    Ok(if rows < total { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
}

/// `first-last/total`, where `*` stands for no rows and for a total that was not counted.
fn content_range(page: Option<(u64, u64)>, total: Option<u64>) -> String {
    let range = match page {
        Some((offset, rows)) if rows > 0 && total != Some(0) => {
            format!("{offset}-{}", offset.saturating_add(rows - 1))
        }
        _ => "*".to_owned(),
    };
    match total {
        Some(total) => format!("{range}/{total}"),
        None => format!("{range}/*"),
    }
}

fn location_of(location: &Location, key: &[String]) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let pairs = location.columns.iter().zip(key);
    let pairs: Vec<String> =
        pairs.map(|(column, value)| format!("{}=eq.{}", encode(column), encode(value))).collect();
    format!("/{}?{}", encode(&location.relation), pairs.join("&"))
}
