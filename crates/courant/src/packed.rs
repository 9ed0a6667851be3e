//! Several texts in one allocation that many may hold: a small answer is mostly texts, and each of its own would
//! cost more than it says.
//!
//! Its count of holders is one word and not two, since nobody holds it weakly.
//!
//! Before the texts stand how many there are and how long each is, in as few bytes as that takes (LEB128).

use std::ops::Range;

use triomphe::Arc;

/// Texts by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed(Arc<[u8]>);

impl Packed {
    pub(crate) fn new(texts: &[&[u8]]) -> Packed {
        let lengths = || std::iter::once(texts.len()).chain(texts.iter().map(|text| text.len()));
        let bytes = lengths().map(|length| written_bytes(short(length))).sum::<usize>();
        let mut packed = Vec::with_capacity(bytes + texts.iter().map(|text| text.len()).sum::<usize>());
        lengths().for_each(|length| write(&mut packed, short(length)));
        texts.iter().for_each(|text| packed.extend_from_slice(text));
        Packed(packed.into())
    }

    /// A text; empty where there is none of that number.
    pub(crate) fn text(&self, number: usize) -> &[u8] {
        &self.0[self.range(number)]
    }

    /// Where a text stands in all of it.
    pub(crate) fn range(&self, number: usize) -> Range<usize> {
        let mut at = 0;
        let count = read(&self.0, &mut at);
        let (mut before, mut length) = (0, 0);
        for each in 0..count {
            let next = read(&self.0, &mut at);
            match each.cmp(&number) {
                std::cmp::Ordering::Less => before += next,
                std::cmp::Ordering::Equal => length = next,
                std::cmp::Ordering::Greater => {}
            }
        }
        at + before..at + before + length
    }

    /// Whether both hold the same allocation.
    pub(crate) fn is_one_with(&self, other: &Packed) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// All of it.
impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn short(length: usize) -> u32 {
    u32::try_from(length).expect("PostgreSQL makes no text of more than a gibibyte")
}

/// Seven bits a byte.
fn written_bytes(number: u32) -> usize {
    (u32::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

fn write(packed: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

/// The number that stands at `at`, which then stands behind it.
fn read(packed: &[u8], at: &mut usize) -> usize {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = packed.get(*at) {
        *at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_what_it_was_whatever_its_length() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let long = vec![b'x'; length];
            let packed = Packed::new(&[b"body", b"", &long, b"tag"]);
            assert_eq!(
                (packed.text(0), packed.text(1), packed.text(3)),
                (&b"body"[..], &b""[..], &b"tag"[..])
            );
            assert_eq!(packed.text(2), long);
            assert_eq!(&packed.as_ref()[packed.range(3)], b"tag");
            assert_eq!(packed.text(4), b"");
        }
        let packed = Packed::new(&[b"1234567"]);
        assert_eq!(packed.as_ref().len(), 2 + 7);
    }
}
