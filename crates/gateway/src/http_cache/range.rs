//! One range of bytes (RFC 9110, section 14): what a request asks for, and which bytes these are.

use http::HeaderMap;
use http::header::RANGE;

/// What a request wants of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of it, or what nobody has to understand.
    Whole,
    /// From this byte to that, or to the end.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
    /// Several ranges at once, which only the upstream cuts.
    Several,
}

/// Bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first.
    pub from: usize,
    /// One past the last.
    pub to: usize,
}

impl Range {
    /// What a request asks for. A range that is none is passed over (RFC 9110, section 14.2).
    pub fn of(request: &HeaderMap) -> Range {
        let mut lines = request.get_all(RANGE).iter();
        match (lines.next(), lines.next()) {
            (Some(only), None) => only.to_str().ok().and_then(Range::parse).unwrap_or(Range::Whole),
            _ => Range::Whole,
        }
    }

    fn parse(text: &str) -> Option<Range> {
        let (unit, set) = text.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        if set.contains(',') {
            return Some(Range::Several);
        }
        let (first, last) = set.trim().split_once('-')?;
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(Range::From(first, Some(last))),
            (Some(first), None) if last.is_empty() => Some(Range::From(first, None)),
            (None, Some(last)) if first.is_empty() => Some(Range::Last(last)),
            _ => None,
        }
    }

    /// Which bytes of a body of that length these are; none where it has none of them.
    pub fn slice(self, length: usize) -> Option<Slice> {
        let end = |last: u64| usize::try_from(last).unwrap_or(usize::MAX).saturating_add(1).min(length);
        let slice = match self {
            Range::Whole | Range::Several => Slice { from: 0, to: length },
            Range::From(first, last) => {
                Slice { from: usize::try_from(first).unwrap_or(usize::MAX), to: last.map_or(length, end) }
            }
            Range::Last(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Slice { from: length.saturating_sub(count), to: length }
            }
        };
        (slice.from < slice.to).then_some(slice)
    }
}

/// Digits and nothing else; more than a u64 holds are beyond any body.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_range_is_read_or_passed_over() {
        let cases = [
            ("bytes=0-1", Range::From(0, Some(1))),
            ("Bytes=5-", Range::From(5, None)),
            ("bytes=-5", Range::Last(5)),
            ("bytes=0-99999999999999999999999", Range::From(0, Some(u64::MAX))),
            ("bytes=0-1,3-4", Range::Several),
            ("bytes=2-1", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("bytes 0-1", Range::Whole),
            ("rows=0-1", Range::Whole),
            ("", Range::Whole),
        ];
        for (text, expected) in cases {
            let headers: HeaderMap = [(RANGE, HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(Range::of(&headers), expected, "{text}");
        }
    }

    #[test]
    fn a_slice_lies_within_its_body() {
        let cases = [
            (Range::From(0, Some(1)), 10, Some((0, 2))),
            (Range::From(5, None), 10, Some((5, 10))),
            (Range::From(5, Some(u64::MAX)), 10, Some((5, 10))),
            (Range::From(10, None), 10, None),
            (Range::From(u64::MAX, None), 10, None),
            (Range::Last(3), 10, Some((7, 10))),
            (Range::Last(30), 10, Some((0, 10))),
            (Range::Last(0), 10, None),
            (Range::From(0, None), 0, None),
        ];
        for (range, length, expected) in cases {
            assert_eq!(
                range.slice(length).map(|slice| (slice.from, slice.to)),
                expected,
                "{range:?} {length}"
            );
        }
    }
}
