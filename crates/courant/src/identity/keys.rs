//! The keys that tokens are checked with: one secret, one JSON Web Key, or a set of them.
//!
//! A token names its algorithm and perhaps its key (`kid`); only keys that are for both are tried, so that nobody
//! chooses how their own token is checked (RFC 8725, section 3.1). Never looks at claims.

use std::str::FromStr;

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, crypto};
use serde_json::{Map, Value};

use super::Refused;
use crate::config::Secret;

/// RFC 7518, 3.2: a key as long as the hash, or longer.
const SECRET_BYTES_MIN: usize = 32;
/// The keys of a set that are tried for one token; more would let anybody buy much work with a request.
const KEYS_MAX: usize = 32;
/// As configurations hold it: with or without the padding.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Every key that a token may be signed with.
pub(super) struct Keys(Vec<Named>);

/// A key, and which tokens it is for.
struct Named {
    kid: Option<String>,
    /// As the key itself says; none: all that its kind can.
    algorithm: Option<String>,
    kind: Kind,
    key: Checker,
    /// Whether it is a secret of no name: Supabase's tokens name one all the same, and mean it.
    is_secret: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hmac,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// What checks a signature.
enum Checker {
    Token(DecodingKey),
    /// A point of P-521, as SEC 1 writes it: the library for tokens does not know ES512.
    P521(Vec<u8>),
}

/// How a token is signed.
#[derive(Clone, Copy)]
enum Signed {
    By(Algorithm),
    Es512,
}

/// What is looked at of a token's header.
struct Header {
    algorithm: String,
    kid: Option<String>,
}

impl Keys {
    /// From the configuration; or what is wrong with it, without showing any of it.
    pub(super) fn of(secret: &Secret, is_base64: bool) -> Result<Keys, String> {
        let bytes = if is_base64 { decoded(secret.expose())? } else { secret.expose().as_bytes().to_vec() };
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Keys::of_json(&bytes);
        }
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(format!("expected {SECRET_BYTES_MIN} bytes or more, found {}", bytes.len()));
        }
        let key = Checker::Token(DecodingKey::from_secret(&bytes));
        Ok(Keys(vec![Named { kid: None, algorithm: None, kind: Kind::Hmac, key, is_secret: true }]))
    }

    fn of_json(text: &[u8]) -> Result<Keys, String> {
        // What the parser would say quotes the text.
        let keys = match serde_json::from_slice::<JwkSet>(text) {
            Ok(set) => set.keys,
            Err(_) => vec![serde_json::from_slice::<Jwk>(text).map_err(|_| {
                "expected a JSON Web Key, or a set of them ({\"keys\": […]}), since it begins with a brace".to_owned()
            })?],
        };
        let usable: Vec<Named> = keys.iter().filter_map(Named::of).collect();
        if usable.is_empty() || usable.len() > KEYS_MAX {
            let found = usable.len();
            return Err(format!(
                "expected 1 to {KEYS_MAX} keys to check signatures with (oct, RSA, EC of P-256, P-384 or P-521, Ed25519), \
                 found {found}"
            ));
        }
        Ok(Keys(usable))
    }

    /// The claims of a token, as JSON text, if one of the keys signed it.
    pub(super) fn claims(&self, token: &str) -> Result<Vec<u8>, Refused> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err(Refused::Parts(parts.len())) };
        let read = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Unreadable);
        let header = Header::of(&read(header)?).ok_or(Refused::Unreadable)?;
        let claims = read(claims)?;
        if header.algorithm == "none" {
            return Err(Refused::Unsecured);
        }
        let algorithm = match header.algorithm.as_str() {
            "ES512" => Signed::Es512,
            named => Signed::By(Algorithm::from_str(named).map_err(|_| Refused::NoKey)?),
        };
        let mut suitable = self.0.iter().filter(|key| key.is_for(&header, algorithm)).peekable();
        if suitable.peek().is_none() {
            return Err(Refused::NoKey);
        }
        let signed = &token.as_bytes()[..token.len() - signature.len() - 1];
        let mut signers = suitable.filter(|key| key.key.holds(signature, signed, algorithm));
        signers.next().map(|_| claims).ok_or(Refused::Signature)
    }
}

impl Checker {
    fn holds(&self, signature: &str, signed: &[u8], algorithm: Signed) -> bool {
        match (self, algorithm) {
            (Checker::Token(key), Signed::By(algorithm)) => {
                matches!(crypto::verify(signature, signed, key, algorithm), Ok(true))
            }
            (Checker::P521(point), Signed::Es512) => {
                URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| {
                    UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).verify(signed, &signature).is_ok()
                })
            }
            _ => false,
        }
    }
}

impl Header {
    /// None where it is none, or names an extension that must be understood (`crit`): none are.
    fn of(text: &[u8]) -> Option<Header> {
        let members: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let text = |name| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_plain = !members.contains_key("crit") && members.get("kid").is_none_or(Value::is_string);
        Some(Header { algorithm: text("alg")?, kid: text("kid") }).filter(|_| is_plain)
    }
}

impl Named {
    /// None where tokens cannot be checked with it: a key to encrypt with, or of a kind that is not known.
    fn of(key: &Jwk) -> Option<Named> {
        let common = &key.common;
        if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let kind = match &key.algorithm {
            AlgorithmParameters::OctetKey(_) => Kind::Hmac,
            AlgorithmParameters::RSA(_) => Kind::Rsa,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Kind::P256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Kind::P384,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P521 => Kind::P521,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
            _ => return None,
        };
        // A key of P-521 is for one algorithm, which the library has no name for.
        let algorithm = common.key_algorithm.filter(|_| kind != Kind::P521);
        let algorithm = algorithm.map(|algorithm| algorithm.to_string());
        let kid = common.key_id.clone();
        let key = match &key.algorithm {
            AlgorithmParameters::EllipticCurve(point) if kind == Kind::P521 => {
                let half = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
                Checker::P521([vec![4], half(&point.x)?, half(&point.y)?].concat())
            }
            _ => Checker::Token(DecodingKey::from_jwk(key).ok()?),
        };
        Some(Named { kid, algorithm, kind, key, is_secret: false })
    }

    /// Whether a token with this header may have been signed with it. A token that names one of a set means no other.
    fn is_for(&self, header: &Header, algorithm: Signed) -> bool {
        let is_kind = match algorithm {
            Signed::Es512 => self.kind == Kind::P521,
            Signed::By(Algorithm::ES256) => self.kind == Kind::P256,
            Signed::By(Algorithm::ES384) => self.kind == Kind::P384,
            Signed::By(algorithm) => match algorithm.family() {
                AlgorithmFamily::Hmac => self.kind == Kind::Hmac,
                AlgorithmFamily::Rsa => self.kind == Kind::Rsa,
                AlgorithmFamily::Ed => self.kind == Kind::Ed25519,
                AlgorithmFamily::Ec => false,
            },
        };
        is_kind
            && (self.is_secret || header.kid.is_none() || header.kid == self.kid)
            && self.algorithm.as_ref().is_none_or(|own| *own == header.algorithm)
    }
}

/// What base64 stands for, in either alphabet; PostgREST takes a dot for padding as well.
fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let standard: String = text
        .trim()
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            '.' => '=',
            letter => letter,
        })
        .collect();
    STANDARD.decode(standard).map_err(|_| "expected base64, since jwt.secret_is_base64 is true".to_owned())
}
