//! Several texts in one allocation: a small answer is mostly texts, and each of its own would cost more than it
//! says.

use bytes::Bytes;

/// Texts by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    bytes: Bytes,
    /// Where each text ends; the next begins there.
    ends: Box<[u32]>,
}

impl Packed {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Packed {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            bytes.extend_from_slice(text);
            ends.push(u32::try_from(bytes.len()).expect("PostgreSQL makes no text of more than a gibibyte"));
        }
        // What is weighed is what is held.
        bytes.shrink_to_fit();
        Packed { bytes: bytes.into(), ends: ends.into() }
    }

    /// A text, without copying it.
    pub(crate) fn shared(&self, number: usize) -> Bytes {
        self.bytes.slice(self.range(number))
    }

    /// A text.
    pub(crate) fn text(&self, number: usize) -> &[u8] {
        &self.bytes[self.range(number)]
    }

    /// The bytes of all texts together.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn range(&self, number: usize) -> std::ops::Range<usize> {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        begin..self.ends[number] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_what_it_was() {
        let packed = Packed::new([&b"body"[..], b"", b"tag"]);
        assert_eq!((packed.text(0), packed.text(1), packed.text(2)), (&b"body"[..], &b""[..], &b"tag"[..]));
        assert_eq!((packed.shared(2), packed.len()), (Bytes::from_static(b"tag"), 7));
    }
}
