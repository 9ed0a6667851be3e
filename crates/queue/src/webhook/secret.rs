//! Secrets that both sides know, and comparing with them in a time that tells nothing.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};

/// A secret; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// Of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> SecretKey {
        SecretKey(bytes.into())
    }

    /// Whether these are its bytes.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, bytes).is_ok()
    }

    /// Whether it signed a text so.
    pub(super) fn signed(&self, algorithm: hmac::Algorithm, text: &[&[u8]], signature: &[u8]) -> bool {
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, &self.0));
        text.iter().for_each(|part| context.update(part));
        constant_time::verify_slices_are_equal(context.sign().as_ref(), signature).is_ok()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
