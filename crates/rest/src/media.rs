//! Media types: what the client accepts, of what can be made.
//!
//! Beside what is built in, a function may return a domain that is called like a media type, and an aggregate
//! over a relation's rows may: their texts and bytes are sent as they are.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;
use pg::catalog::{Function, MediaType};

use crate::Error;
use crate::shown::Shown;

/// What the client gets: a body of this form, or how it would be come by.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) media: Media,
    /// The aggregate that makes the body.
    pub(crate) handler: Option<&'a Arc<Function>>,
    pub(crate) shown: Shown,
}

/// The form of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Media {
    Json {
        /// One object instead of an array.
        singular: bool,
        /// Keys whose value is null are left out.
        nulls_stripped: bool,
    },
    Csv,
    GeoJson,
    /// What a function makes: its content type, and whether it is bytes.
    Own {
        content_type: String,
        binary: bool,
    },
}

/// What makes bodies of media types that are not built in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker<'a> {
    /// Nothing.
    BuiltIn,
    /// The description of the API, whatever it is called.
    Document,
    /// The called function itself.
    Function(&'a Function),
    /// These aggregates over the rows.
    Aggregates(&'a [Arc<Function>]),
}

impl Media {
    pub(crate) const JSON: Media = Media::Json { singular: false, nulls_stripped: false };

    /// Whether one object is asked for.
    pub(crate) fn is_singular(&self) -> bool {
        matches!(self, Media::Json { singular: true, .. })
    }

    /// Whether keys whose value is null are left out.
    pub(crate) fn strips_nulls(&self) -> bool {
        matches!(self, Media::Json { nulls_stripped: true, .. })
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Media::Json { singular: true, nulls_stripped: false } => {
                "application/vnd.pgrst.object+json; charset=utf-8"
            }
            Media::Json { singular: true, nulls_stripped: true } => {
                "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
            }
            Media::Json { singular: false, nulls_stripped: true } => {
                "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
            }
            Media::Json { singular: false, nulls_stripped: false } => "application/json; charset=utf-8",
            Media::Csv => "text/csv; charset=utf-8",
            Media::GeoJson => "application/geo+json; charset=utf-8",
            Media::Own { content_type, .. } => content_type,
        })
    }

    /// Chooses by the `Accept` header: the most wanted type that can be made, and the aggregate that makes it.
    /// With `plans`, how it would be come by can be made as well.
    pub(crate) fn negotiate<'a>(
        headers: &HeaderMap,
        maker: Maker<'a>,
        plans: bool,
    ) -> Result<Chosen<'a>, Error> {
        let mut asked: Vec<(&str, f32)> = Vec::new();
        for value in headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()) {
            asked.extend(value.split(',').map(str::trim).filter(|range| !range.is_empty()).map(weighed));
        }
        if asked.is_empty() {
            asked.push(("*/*", 1.0));
        }
        asked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let make = |range: &str| match Shown::of(range).filter(|_| plans) {
            Some((asked, of)) => {
                let (media, handler) = maker.make(of)?;
                let shown = asked.shown(&media);
                Some(Chosen { media, handler, shown })
            }
            None => {
                let (media, handler) = maker.make(range)?;
                Some(Chosen { media, handler, shown: Shown::Answer })
            }
        };
        let found = asked.iter().filter(|(_, q)| *q > 0.0).find_map(|(range, _)| make(range));
        found.ok_or_else(|| {
            let names: Vec<&str> = asked.iter().map(|(range, _)| *range).collect();
            Error::media(&names.join(", "))
        })
    }
}

impl<'a> Maker<'a> {
    fn make(self, range: &str) -> Option<(Media, Option<&'a Arc<Function>>)> {
        if matches!(self, Maker::Document) {
            const DESCRIPTIONS: [&str; 3] = ["*/*", "application/json", "application/openapi+json"];
            let name = range.split(';').next().unwrap_or_default().trim();
            let content_type = || "application/openapi+json; charset=utf-8".to_owned();
            let is_one = DESCRIPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
            return is_one.then(|| (Media::Own { content_type: content_type(), binary: false }, None));
        }
        let built_in = known(range);
        if matches!(built_in, Some(Media::Json { .. })) && range.contains("vnd.pgrst") {
            return Some((built_in?, None));
        }
        let own = |function: &Function| function.media.as_ref().and_then(|media| own(media, range));
        match self {
            Maker::BuiltIn | Maker::Document => None,
            Maker::Function(function) => own(function).map(|media| (media, None)),
            Maker::Aggregates(all) => all.iter().find_map(|function| Some((own(function)?, Some(function)))),
        }
        .or_else(|| Some((built_in?, None)))
    }
}

/// The media type that a domain's name says, if it is in the range.
fn own(media: &MediaType, range: &str) -> Option<Media> {
    let binary = media.binary;
    match media.name.as_str() {
        "*/*" => Some(Media::Own { content_type: "application/octet-stream".to_owned(), binary }),
        name if name.eq_ignore_ascii_case(range) => {
            // PostgREST tells the characters of those that it knows itself.
            const KNOWN: [&str; 5] =
                ["application/json", "application/geo+json", "text/csv", "text/plain", "text/xml"];
            let characters = if KNOWN.contains(&name) { "; charset=utf-8" } else { "" };
            Some(Media::Own { content_type: format!("{name}{characters}"), binary })
        }
        _ => None,
    }
}

/// Splits the weight off a media range.
fn weighed(range: &str) -> (&str, f32) {
    for (at, _) in range.match_indices(';') {
        let parameter = range[at + 1..].trim_start();
        if let Some(weight) = parameter.strip_prefix("q=") {
            return (range[..at].trim_end(), weight.trim().parse().unwrap_or(0.0));
        }
    }
    (range, 1.0)
}

fn known(range: &str) -> Option<Media> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let nulls_stripped = parts.any(|parameter| parameter == "nulls=stripped");
    match name.as_str() {
        "*/*" | "application/json" => Some(Media::JSON),
        "text/csv" => Some(Media::Csv),
        "application/geo+json" => Some(Media::GeoJson),
        "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
            Some(Media::Json { singular: true, nulls_stripped })
        }
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
            Some(Media::Json { singular: false, nulls_stripped })
        }
        _ => None,
    }
}
