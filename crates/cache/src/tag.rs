//! Hashes that stand for values, so that neither the index nor the log keeps the values themselves.
//!
//! Seeded at random per process. Two values with one hash only drop an entry too many.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use pg::Datum;

/// Longer values are told by their length and by this many bytes at either end: a document of a
/// megabyte must not cost its reading on every update of its row.
const END_BYTES: usize = 128;

/// One column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u64);

impl Code {
    /// The log does not tell the value.
    pub(crate) const ABSENT: Code = Code(0);
    /// SQL null, which equals nothing.
    pub(crate) const NULL: Code = Code(1);
}

/// The values of a shape's columns together.
///
/// Of 32 bits, since a link holds one: of a million tags of one shape, a change of another row drops one entry
/// too many in four thousand changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(u32);

impl Tag {
    /// For a table, which takes its bits from both ends.
    pub(crate) fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// The process's seed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashing(RandomState);

impl Hashing {
    /// The code of a value in canonical form.
    pub(crate) fn code(&self, value: &[u8]) -> Code {
        let hash = if value.len() <= 2 * END_BYTES {
            self.0.hash_one(value)
        } else {
            self.0.hash_one((value.len(), &value[..END_BYTES], &value[value.len() - END_BYTES..]))
        };
        // Above the two codes that are no values.
        Code(hash | 2)
    }

    /// The code of a value from the change stream.
    pub(crate) fn datum(&self, datum: &Datum) -> Code {
        match datum {
            Datum::Absent => Code::ABSENT,
            Datum::Null => Code::NULL,
            Datum::Text(text) => self.code(text),
        }
    }

    /// The tag of a row's codes, in the order of the shape's columns.
    pub(crate) fn tag(&self, codes: impl IntoIterator<Item = Code>) -> Tag {
        let mut hasher = self.0.build_hasher();
        for code in codes {
            hasher.write_u64(code.0);
        }
        Tag(hasher.finish() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_read_and_the_same_value_streamed_have_one_code() {
        let hashing = Hashing::default();
        let long = "x".repeat(10_000);
        for text in ["", "1", "pending", &long] {
            let streamed = hashing.datum(&Datum::Text(bytes::Bytes::copy_from_slice(text.as_bytes())));
            assert_eq!(streamed, hashing.code(text.as_bytes()));
            assert!(streamed != Code::ABSENT && streamed != Code::NULL);
        }
        assert_ne!(hashing.code(b"1"), hashing.code(b"2"));
        let pair = |a: &[u8], b: &[u8]| hashing.tag([hashing.code(a), hashing.code(b)]);
        assert_ne!(pair(b"1", b"2"), pair(b"2", b"1"));
    }
}
