//! The `Prefer` header (RFC 7240).

use std::collections::HashSet;

use http::HeaderMap;

use crate::Error;

/// What the client prefers, as far as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    pub(crate) resolution: Option<Resolution>,
    pub(crate) missing: Option<Missing>,
    pub(crate) returning: Option<Return>,
    /// How rows are to be counted.
    pub(crate) count: Option<Count>,
    /// `tx=rollback` or `tx=commit`, where the configuration lets the client say so.
    pub(crate) rollback: Option<bool>,
    /// `handling=strict` or not, where it was said.
    pub(crate) strict: Option<bool>,
    /// A time zone that the server knows, or an offset.
    pub(crate) timezone: Option<String>,
    /// Only together with `handling=strict`.
    pub(crate) max_affected: Option<u64>,
    /// What was not understood.
    invalid: Vec<String>,
}

/// What is wanted to be known of how many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Exact,
    Planned,
    Estimated,
}

/// What the server lets a client prefer.
pub(crate) struct Offered<'a> {
    pub(crate) timezones: &'a HashSet<String>,
    pub(crate) rollback: bool,
}

/// What an insert does with a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Merge,
    Ignore,
}

/// What a key that a row lacks becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Default,
    Null,
}

/// What a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    Representation,
    HeadersOnly,
    Minimal,
}

impl Preferences {
    pub(crate) fn read(headers: &HeaderMap, offered: &Offered<'_>) -> Preferences {
        let mut preferences = Preferences::default();
        let mut max_affected = None;
        let all = headers.get_all("prefer");
        for preference in
            all.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
        {
            let Preferences { resolution, missing, returning, count, rollback, strict, .. } =
                &mut preferences;
            // The first one said of a kind holds.
            match preference.trim() {
                "resolution=merge-duplicates" => *resolution = resolution.or(Some(Resolution::Merge)),
                "resolution=ignore-duplicates" => *resolution = resolution.or(Some(Resolution::Ignore)),
                "missing=default" => *missing = missing.or(Some(Missing::Default)),
                "missing=null" => *missing = missing.or(Some(Missing::Null)),
                "return=representation" => *returning = returning.or(Some(Return::Representation)),
                "return=headers-only" => *returning = returning.or(Some(Return::HeadersOnly)),
                "return=minimal" => *returning = returning.or(Some(Return::Minimal)),
                "count=exact" => *count = count.or(Some(Count::Exact)),
                "count=planned" => *count = count.or(Some(Count::Planned)),
                "count=estimated" => *count = count.or(Some(Count::Estimated)),
                "handling=strict" => *strict = strict.or(Some(true)),
                "handling=lenient" => *strict = strict.or(Some(false)),
                // Not offered, it is no mistake to ask for it.
                "tx=commit" => *rollback = rollback.or(offered.rollback.then_some(false)),
                "tx=rollback" => *rollback = rollback.or(offered.rollback.then_some(true)),
                "" => {}
                other => match other.split_once('=') {
                    Some(("max-affected", rows)) if rows.parse::<u64>().is_ok() => {
                        max_affected = max_affected.or(rows.parse().ok());
                    }
                    Some(("timezone", zone)) if offered.timezones.contains(zone) || is_offset(zone) => {
                        preferences.timezone.get_or_insert_with(|| zone.to_owned());
                    }
                    _ => preferences.invalid.push(other.to_owned()),
                },
            }
        }
        preferences.max_affected = max_affected.filter(|_| preferences.strict == Some(true));
        preferences
    }

    /// Fails where the client asked to be told of what cannot be fulfilled.
    pub(crate) fn fulfillable(&self) -> Result<(), Error> {
        let told = self.strict == Some(true) && !self.invalid.is_empty();
        if told { Err(Error::preferences(&self.invalid)) } else { Ok(()) }
    }

    /// `Preference-Applied` for the kinds that this answer heeds, in PostgREST's order.
    pub(crate) fn applied(&self, heeded: Heeded) -> Option<String> {
        let resolution = self.resolution.filter(|_| heeded.resolution).map(|resolution| match resolution {
            Resolution::Merge => "resolution=merge-duplicates",
            Resolution::Ignore => "resolution=ignore-duplicates",
        });
        let missing = self.missing.filter(|_| heeded.missing).map(|missing| match missing {
            Missing::Default => "missing=default",
            Missing::Null => "missing=null",
        });
        let returning = self.returning.filter(|_| heeded.returning).map(|returning| match returning {
            Return::Representation => "return=representation",
            Return::HeadersOnly => "return=headers-only",
            Return::Minimal => "return=minimal",
        });
        let count = self.count.map(|count| match count {
            Count::Exact => "count=exact",
            Count::Planned => "count=planned",
            Count::Estimated => "count=estimated",
        });
        let end = self.rollback.map(|rollback| if rollback { "tx=rollback" } else { "tx=commit" });
        let strict = self.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" });
        let mut applied: Vec<String> = [resolution, missing, returning, count, end, strict]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        applied.extend(self.timezone.iter().map(|zone| format!("timezone={zone}")));
        if let Some(rows) = self.max_affected.filter(|_| heeded.max_affected) {
            applied.push(format!("max-affected={rows}"));
        }
        (!applied.is_empty()).then(|| applied.join(", "))
    }
}

/// Whether it is an offset that PostgreSQL takes for a time zone: `-4`, `05:30`, in POSIX's sense.
fn is_offset(zone: &str) -> bool {
    let digits = zone.strip_prefix(['+', '-']).unwrap_or(zone);
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    let within = |text: &str, max: u8| {
        let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number && text.parse::<u8>().is_ok_and(|number| number <= max)
    };
    within(hours, 14) && minutes.len() == 2 && within(minutes, 59)
}

/// The kinds of preferences that a kind of answer heeds; all others always are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heeded {
    pub(crate) resolution: bool,
    pub(crate) missing: bool,
    pub(crate) returning: bool,
    pub(crate) max_affected: bool,
}
