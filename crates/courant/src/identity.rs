//! Who asks: from a bearer token to a database role and its claims.
//!
//! Signatures are checked by `jsonwebtoken`; a token that was good once is remembered, but its times are
//! checked on every request. Never touches the database: whether the role may do something is for
//! PostgreSQL to say.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use quick_cache::sync::Cache as Remembered;
use serde_json::{Map, Value};

use crate::config::{Jwt, Secret};

/// Tokens remembered as verified; the least used is forgotten first.
const TOKENS_MAX: usize = 10_000;
/// Clocks may differ by this much (PostgREST's allowance).
const SKEW_S: u64 = 30;

/// How requests are told apart.
pub(crate) struct Identities {
    anonymous: Option<Arc<Identity>>,
    verifier: Option<Verifier>,
    role_claim: String,
    remembered: Remembered<Box<str>, Arc<Identity>>,
}

struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

/// Who asks.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The role the transaction takes on; `None` runs as the connection's own user, read-only.
    pub(crate) role: Option<String>,
    /// The token's claims as JSON text, as policies read them from `request.jwt.claims`.
    pub(crate) claims: String,
    /// Whether that is the anonymous role, with a token (an app's public key) or without.
    pub(crate) anonymous: bool,
    expires_s: Option<u64>,
    not_before_s: Option<u64>,
    issued_s: Option<u64>,
}

/// What can be said of a request to somebody else's backend.
#[derive(Clone, Debug)]
pub(crate) enum Vouched {
    /// Its token is good.
    For(Arc<Identity>),
    /// It has none, or nothing is known by which to judge it.
    Nobody,
    /// It has one that is not good here.
    Refused,
}

/// Why a request's token was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("Anonymous access is disabled")]
    AnonymousDisabled,
    #[error("Server lacks JWT secret")]
    NoSecret,
    #[error("{0}")]
    Malformed(&'static str),
    #[error("JWT cryptographic operation failed")]
    Signature(#[source] jsonwebtoken::errors::Error),
    #[error("{0}")]
    Claims(&'static str),
}

impl Identities {
    /// From the configuration. Without an anonymous role and without a secret, everybody is the
    /// connection's own user, read-only.
    pub(crate) fn new(anon_role: Option<&str>, jwt: &Jwt) -> Identities {
        let anonymous = match (anon_role, &jwt.secret) {
            (Some(role), _) => {
                let claims = serde_json::json!({ &jwt.role_claim: role }).to_string();
                Some(Identity::unlimited(Some(role.to_owned()), claims))
            }
            (None, None) => Some(Identity::unlimited(None, String::from("{}"))),
            (None, Some(_)) => None,
        };
        let verifier = jwt.secret.as_ref().map(|secret| Verifier::new(secret, jwt.audience.as_deref()));
        Identities {
            anonymous: anonymous.map(Arc::new),
            verifier,
            role_claim: jwt.role_claim.clone(),
            remembered: Remembered::new(TOKENS_MAX),
        }
    }

    /// Whether nothing tells anybody apart: no anonymous role, no secret.
    pub(crate) fn is_open(&self) -> bool {
        self.verifier.is_none() && self.anonymous.as_ref().is_some_and(|anonymous| anonymous.role.is_none())
    }

    /// Who sent these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Result<Arc<Identity>, Refused> {
        let Some(token) = bearer(headers)? else {
            return self.anonymous.clone().ok_or(Refused::AnonymousDisabled);
        };
        let verifier = self.verifier.as_ref().ok_or(Refused::NoSecret)?;
        let identity = self.known(verifier, token)?;
        if identity.role.is_none() {
            return Err(Refused::AnonymousDisabled);
        }
        Ok(identity)
    }

    /// Whom a request to somebody else's backend is from, as far as its token tells: it needs no role.
    pub(crate) fn vouch(&self, headers: &HeaderMap) -> Vouched {
        match (&self.verifier, bearer(headers)) {
            (None, _) | (_, Ok(None)) => Vouched::Nobody,
            (Some(_), Err(_)) => Vouched::Refused,
            (Some(verifier), Ok(Some(token))) => {
                // An app may allow no difference between clocks: whether a token that is just over is good is its to say.
                let is_over =
                    |identity: &Identity| identity.expires_s.is_some_and(|expires| now_s() >= expires);
                match self.known(verifier, token) {
                    Ok(identity) if !is_over(&identity) => Vouched::For(identity),
                    Ok(_) | Err(_) => Vouched::Refused,
                }
            }
        }
    }

    /// A token that is good now.
    fn known(&self, verifier: &Verifier, token: &str) -> Result<Arc<Identity>, Refused> {
        let identity = match self.remembered.get(token) {
            Some(known) => known,
            None => {
                let identity = Arc::new(self.verify(verifier, token)?);
                self.remembered.insert(token.into(), Arc::clone(&identity));
                identity
            }
        };
        identity.in_time(now_s())?;
        Ok(identity)
    }

    fn verify(&self, verifier: &Verifier, token: &str) -> Result<Identity, Refused> {
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &verifier.key, &verifier.validation)
            .map_err(refusal)?;
        let claims = decoded.claims;
        let nobody = self.anonymous.as_ref().and_then(|anonymous| anonymous.role.as_ref());
        let role = match claims.get(&self.role_claim) {
            Some(Value::String(role)) => Some(role.clone()),
            _ => nobody.cloned(),
        };
        Ok(Identity {
            anonymous: role.as_ref() == nobody,
            role,
            expires_s: time(&claims, "exp", "The JWT 'exp' claim must be a number")?,
            not_before_s: time(&claims, "nbf", "The JWT 'nbf' claim must be a number")?,
            issued_s: time(&claims, "iat", "The JWT 'iat' claim must be a number")?,
            claims: Value::Object(claims).to_string(),
        })
    }
}

impl Verifier {
    fn new(secret: &Secret, audience: Option<&str>) -> Verifier {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked on every request, remembered or not.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        match audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        Verifier { key: DecodingKey::from_secret(secret.expose().as_bytes()), validation }
    }
}

impl Identity {
    fn unlimited(role: Option<String>, claims: String) -> Identity {
        Identity { role, claims, anonymous: true, expires_s: None, not_before_s: None, issued_s: None }
    }

    /// Whom the token speaks of; empty where it names nobody.
    pub(crate) fn subject(&self) -> String {
        let claims = serde_json::from_str::<Map<String, Value>>(&self.claims).unwrap_or_default();
        claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn in_time(&self, now_s: u64) -> Result<(), Refused> {
        if self.expires_s.is_some_and(|expires| now_s > expires.saturating_add(SKEW_S)) {
            return Err(Refused::Claims("JWT expired"));
        }
        if self.not_before_s.is_some_and(|not_before| now_s + SKEW_S < not_before) {
            return Err(Refused::Claims("JWT not yet valid"));
        }
        if self.issued_s.is_some_and(|issued| now_s + SKEW_S < issued) {
            return Err(Refused::Claims("JWT issued at future"));
        }
        Ok(())
    }
}

/// A claim in seconds. One that is there and cannot be read must not count as one that is not there.
fn time(claims: &Map<String, Value>, name: &str, refused: &'static str) -> Result<Option<u64>, Refused> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) => Ok(Some(seconds.max(0.0) as u64)),
            None => Err(Refused::Claims(refused)),
        },
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Refused::Malformed("Authorization is not ASCII"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => match token.trim() {
            "" => Err(Refused::Malformed("Empty JWT is sent in Authorization header")),
            token => Ok(Some(token)),
        },
        _ => Ok(None),
    }
}

fn refusal(error: jsonwebtoken::errors::Error) -> Refused {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidAudience => Refused::Claims("JWT not in audience"),
        ErrorKind::InvalidToken => Refused::Malformed("Expected 3 parts in JWT; got another number"),
        _ => Refused::Signature(error),
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use jsonwebtoken::{EncodingKey, Header};

    const SECRET: &str = "reallyreallyreallyreallyverysafe";

    fn identities(anon_role: Option<&str>, secret: Option<&str>) -> Identities {
        let secret = secret.map(Secret::new);
        Identities::new(anon_role, &Jwt { secret, audience: None, role_claim: "role".to_owned() })
    }

    fn with_token(claims: &Value, secret: &str) -> HeaderMap {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        headers
    }

    #[test]
    fn a_token_names_the_role_and_its_claims_reach_the_session() {
        let headers = with_token(&serde_json::json!({"role": "clerk", "sub": "u1"}), SECRET);
        let identity = identities(Some("anon"), Some(SECRET)).of(&headers).unwrap();
        assert_eq!(identity.role.as_deref(), Some("clerk"));
        assert_eq!(identity.claims, r#"{"role":"clerk","sub":"u1"}"#);
    }

    #[test]
    fn a_remembered_token_still_expires() {
        let identities = identities(None, Some(SECRET));
        let headers = with_token(&serde_json::json!({"role": "clerk", "exp": now_s() + 100}), SECRET);
        let identity = identities.of(&headers).unwrap();
        assert!(identity.in_time(now_s() + 129).is_ok());
        assert!(matches!(identity.in_time(now_s() + 200), Err(Refused::Claims("JWT expired"))));
    }

    #[test]
    fn a_time_that_is_no_number_is_refused_and_not_ignored() {
        for name in ["exp", "nbf", "iat"] {
            for time in [serde_json::json!("4102444800"), serde_json::json!([]), serde_json::json!(true)] {
                let headers = with_token(&serde_json::json!({"role": "clerk", name: time}), SECRET);
                let refused = identities(None, Some(SECRET)).of(&headers).unwrap_err();
                assert!(matches!(refused, Refused::Claims(why) if why.contains(name)), "{refused}");
            }
        }
    }

    #[test]
    fn a_token_signed_with_another_secret_is_refused() {
        let headers = with_token(&serde_json::json!({"role": "clerk"}), "another secret of thirty-two bytes");
        let refused = identities(Some("anon"), Some(SECRET)).of(&headers).unwrap_err();
        assert!(matches!(refused, Refused::Signature(_)), "{refused}");
    }

    #[test]
    fn without_a_token_the_anonymous_role_or_nobody_asks() {
        let none = HeaderMap::new();
        assert_eq!(identities(Some("anon"), None).of(&none).unwrap().role.as_deref(), Some("anon"));
        assert_eq!(identities(None, None).of(&none).unwrap().role, None);
        assert!(matches!(identities(None, Some(SECRET)).of(&none), Err(Refused::AnonymousDisabled)));
    }

    #[test]
    fn a_token_for_the_anonymous_role_is_anonymous() {
        let identities = identities(Some("anon"), Some(SECRET));
        for (claims, anonymous) in [
            (serde_json::json!({"role": "anon"}), true),
            (serde_json::json!({"sub": "somebody"}), true),
            (serde_json::json!({"role": "clerk"}), false),
        ] {
            let identity = identities.of(&with_token(&claims, SECRET)).unwrap();
            assert_eq!(identity.anonymous, anonymous, "{claims}");
        }
    }

    #[test]
    fn a_token_without_a_secret_to_check_it_is_refused() {
        let headers = with_token(&serde_json::json!({"role": "clerk"}), SECRET);
        assert!(matches!(identities(Some("anon"), None).of(&headers), Err(Refused::NoSecret)));
    }
}
