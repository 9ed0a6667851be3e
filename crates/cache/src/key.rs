//! What an answer is kept under.

use std::sync::Arc;

/// Everything an answer depends on besides the data, as bytes.
///
/// Compared in full, so that two requests share an entry only if every part is the same. It says in which
/// store its answer lives, so that nobody can look for an answer where it is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Arc<[u8]>);

/// The store's number stands before the parts, where it makes no key larger than a pointer and a length.
const STORE_BYTES: usize = 2;

/// One of the cache's stores, by its number: zero is the general one, which is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoreId(pub u16);

impl Key {
    /// The store's number, and the parts, each behind its length (little-endian, 32 bits).
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The store its answer lives in.
    pub fn store(&self) -> StoreId {
        let number = self.0.first_chunk().expect("every builder begins with a number");
        StoreId(u16::from_le_bytes(*number))
    }

    /// The parts in the order in which they were added.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[STORE_BYTES..];
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (part, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(part)
        })
    }
}

/// Builds a [`Key`] part by part.
///
/// Each part is preceded by its length, so that no two lists of parts give the same bytes.
#[derive(Debug)]
pub struct KeyBuilder(Vec<u8>);

impl Default for KeyBuilder {
    fn default() -> KeyBuilder {
        KeyBuilder(vec![0; STORE_BYTES])
    }
}

impl KeyBuilder {
    /// A key without parts.
    pub fn new() -> KeyBuilder {
        KeyBuilder::default()
    }

    /// Adds a part; an empty one counts.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> KeyBuilder {
        self.push(part);
        self
    }

    /// Adds a part in place.
    pub fn push(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        let length = u32::try_from(part.len()).expect("requests are bounded far below 4 GiB");
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(part);
    }

    /// The key of an answer that lives in the general store.
    pub fn build(self) -> Key {
        self.build_in(StoreId::default())
    }

    /// The key of an answer that lives in that store.
    pub fn build_in(mut self, store: StoreId) -> Key {
        self.0[..STORE_BYTES].copy_from_slice(&store.0.to_le_bytes());
        Key(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_parts_never_make_the_same_key() {
        let key = |parts: &[&str]| parts.iter().fold(KeyBuilder::new(), |key, part| key.part(part)).build();
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab"]), key(&["ab", ""]));
        assert_ne!(key(&["", "ab"]), key(&["ab", ""]));
        assert_ne!(KeyBuilder::new().build(), KeyBuilder::new().build_in(StoreId(1)));
    }

    #[test]
    fn the_parts_of_a_key_read_back() {
        let key = KeyBuilder::new().part("role").part("").part("/calls").build();
        let parts: Vec<&[u8]> = key.parts().collect();
        assert_eq!(parts, [&b"role"[..], b"", b"/calls"]);
        assert_eq!(key.store(), StoreId(0));
        let elsewhere = KeyBuilder::new().part("role").part("").part("/calls").build_in(StoreId(300));
        assert_eq!((elsewhere.store(), elsewhere.parts().count()), (StoreId(300), 3));
    }
}
