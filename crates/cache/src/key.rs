//! What an answer is kept under.

use std::hash::{Hash, Hasher};

use siphasher::sip128::{Hasher128, SipHasher24};

/// Everything an answer depends on besides the data, as a digest that only this process can compute.
///
/// Two lists of parts have one digest with a chance of 2^-128, whoever chooses them, for who does not know the
/// secret cannot look for such a pair (`docs/decisions/0013-keys-are-digests.md`). It says in which store its
/// answer lives, so that nobody can look for an answer where it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    digest: [u8; 16],
    store: StoreId,
}

/// One of the cache's stores, by its number: zero is the general one, which is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoreId(pub u16);

impl Key {
    /// The store its answer lives in.
    pub fn store(&self) -> StoreId {
        self.store
    }
}

/// Half of the digest, which is as good a hash as any: a table need not make another of it.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let half = self.digest.first_chunk().expect("a digest is longer than its half");
        state.write_u64(u64::from_le_bytes(*half));
    }
}

/// What digests are made with: random, and never told.
#[derive(Clone)]
pub struct KeySecret(SipHasher24);

impl KeySecret {
    /// From bytes that nobody can guess.
    pub fn new(random: &[u8; 16]) -> KeySecret {
        KeySecret(SipHasher24::new_with_key(random))
    }

    /// A key without parts, to add them to.
    pub fn key(&self) -> KeyBuilder {
        KeyBuilder(self.0)
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret")
    }
}

/// Builds a [`Key`] part by part.
///
/// Each part is preceded by its length, so that no two lists of parts are the same bytes.
#[must_use]
pub struct KeyBuilder(SipHasher24);

impl KeyBuilder {
    /// Adds a part; an empty one counts.
    pub fn part(mut self, part: impl AsRef<[u8]>) -> KeyBuilder {
        let part = part.as_ref();
        self.0.write(&(part.len() as u64).to_le_bytes());
        self.0.write(part);
        self
    }

    /// The key of an answer that lives in the general store.
    pub fn build(self) -> Key {
        self.build_in(StoreId::default())
    }

    /// The key of an answer that lives in that store.
    pub fn build_in(self, store: StoreId) -> Key {
        Key { digest: self.0.finish128().as_bytes(), store }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_parts_never_make_the_same_key() {
        let secret = KeySecret::new(&[1; 16]);
        let key = |parts: &[&str]| parts.iter().fold(secret.key(), |key, part| key.part(part)).build();
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab"]), key(&["ab", ""]));
        assert_ne!(key(&["", "ab"]), key(&["ab", ""]));
        assert_ne!(secret.key().build(), secret.key().build_in(StoreId(1)));
    }

    #[test]
    fn a_key_tells_its_store_and_is_another_under_another_secret() {
        let key = |byte| KeySecret::new(&[byte; 16]).key().part("role").part("/calls").build_in(StoreId(300));
        assert_eq!((key(1), key(1).store()), (key(1), StoreId(300)));
        assert_ne!(key(1), key(2));
        assert!(!format!("{:?}", KeySecret::new(&[7; 16])).contains('7'));
    }
}
