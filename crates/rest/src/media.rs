//! Media types: what the client accepts, of what can be made.

use http::HeaderMap;

use crate::Error;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Media {
    /// One object instead of an array.
    pub(crate) singular: bool,
    /// Keys whose value is null are left out.
    pub(crate) nulls_stripped: bool,
}

impl Media {
    const JSON: Media = Media { singular: false, nulls_stripped: false };

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match (self.singular, self.nulls_stripped) {
            (true, false) => "application/vnd.pgrst.object+json; charset=utf-8",
            (true, true) => "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            (false, true) => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            (false, false) => "application/json; charset=utf-8",
        }
    }

    /// Chooses by the `Accept` header: the most wanted type that can be made.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Media, Error> {
        let mut asked: Vec<(&str, f32)> = Vec::new();
        for value in headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()) {
            asked.extend(value.split(',').map(str::trim).filter(|range| !range.is_empty()).map(weighed));
        }
        if asked.is_empty() {
            return Ok(Media::JSON);
        }
        asked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        if let Some(media) = asked.iter().filter(|(_, q)| *q > 0.0).find_map(|(range, _)| known(range)) {
            return Ok(media);
        }
        let names: Vec<&str> = asked.iter().map(|(range, _)| *range).collect();
        Err(Error::media(&names.join(", ")))
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
        "*/*" | "application/*" | "application/json" => Some(Media::JSON),
        "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
            Some(Media { singular: true, nulls_stripped })
        }
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
            Some(Media { singular: false, nulls_stripped })
        }
        _ => None,
    }
}
