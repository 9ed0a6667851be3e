//! Who asks: from a bearer token to a database role and its claims.
//!
//! `keys` checks signatures, `claim_path` finds the role, `refused` says what was wrong. A token that was signed well
//! once is remembered, but its claims are checked on every request. Never touches the database: whether the role may
//! do something is for PostgreSQL to say.

mod claim_path;
mod keys;
mod refused;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use quick_cache::sync::Cache as Remembered;
use serde_json::{Map, Value};

use crate::config::Jwt;
pub(crate) use claim_path::ClaimPath;
use keys::Keys;
pub(crate) use refused::Refused;

/// Longer tokens are checked each time: what is remembered must stay small.
const TOKEN_BYTES_MAX: usize = 8192;
/// Clocks may differ by this much (PostgREST's allowance).
const SKEW_S: u64 = 30;

/// How requests are told apart.
pub(crate) struct Identities {
    anonymous: Option<Arc<Identity>>,
    keys: Option<Keys>,
    audience: Option<String>,
    role_claim: ClaimPath,
    /// None where nothing is to be remembered.
    remembered: Option<Remembered<Box<str>, Arc<Identity>>>,
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
    expires: Time,
    not_before: Time,
    issued: Time,
    /// What is wrong with the token's audience.
    misdirected: Option<&'static str>,
}

/// A claim in seconds, if it is there; or why it cannot be read, so that it does not count as one that is not there.
type Time = Result<Option<u64>, &'static str>;

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

/// Says what is wrong with the configured secret.
pub(crate) fn check(jwt: &Jwt) -> Result<(), String> {
    jwt.secret.as_ref().map_or(Ok(()), |secret| Keys::of(secret, jwt.secret_is_base64).map(drop))
}

impl Identities {
    /// From the configuration; or what is wrong with its secret. Without an anonymous role and without a secret,
    /// everybody is the connection's own user, read-only.
    pub(crate) fn new(anon_role: Option<&str>, jwt: &Jwt) -> Result<Identities, String> {
        let anonymous = match (anon_role, &jwt.secret) {
            (Some(role), _) => {
                let claims = serde_json::json!({ "role": role }).to_string();
                Some(Identity::unlimited(Some(role.to_owned()), claims))
            }
            (None, None) => Some(Identity::unlimited(None, String::from("{}"))),
            (None, Some(_)) => None,
        };
        let keys = jwt.secret.as_ref().map(|secret| Keys::of(secret, jwt.secret_is_base64));
        let entries_max = jwt.cache_entries_max;
        Ok(Identities {
            anonymous: anonymous.map(Arc::new),
            keys: keys.transpose()?,
            audience: jwt.audience.clone(),
            role_claim: jwt.role_claim.clone(),
            remembered: (entries_max > 0).then(|| Remembered::new(entries_max)),
        })
    }

    /// Whether nothing tells anybody apart: no anonymous role, no secret.
    pub(crate) fn is_open(&self) -> bool {
        self.keys.is_none() && self.anonymous.as_ref().is_some_and(|anonymous| anonymous.role.is_none())
    }

    /// Who sent these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Result<Arc<Identity>, Refused> {
        let Some(token) = bearer(headers)? else {
            return self.anonymous.clone().ok_or(Refused::AnonymousDisabled);
        };
        let keys = self.keys.as_ref().ok_or(Refused::NoSecret)?;
        let identity = self.known(keys, token)?;
        if identity.role.is_none() {
            return Err(Refused::AnonymousDisabled);
        }
        Ok(identity)
    }

    /// Whom a request to somebody else's backend is from, as far as its token tells: it needs no role.
    pub(crate) fn vouch(&self, headers: &HeaderMap) -> Vouched {
        match (&self.keys, bearer(headers)) {
            (None, _) | (_, Ok(None)) => Vouched::Nobody,
            (Some(_), Err(_)) => Vouched::Refused,
            (Some(keys), Ok(Some(token))) => {
                // An app may allow no difference between clocks: whether a token that is just over is good is its to say.
                let is_over =
                    |identity: &Identity| matches!(identity.expires, Ok(Some(expires)) if now_s() >= expires);
                match self.known(keys, token) {
                    Ok(identity) if !is_over(&identity) => Vouched::For(identity),
                    Ok(_) | Err(_) => Vouched::Refused,
                }
            }
        }
    }

    /// A token that is good now.
    fn known(&self, keys: &Keys, token: &str) -> Result<Arc<Identity>, Refused> {
        let remembered = self.remembered.as_ref().filter(|_| token.len() <= TOKEN_BYTES_MAX);
        let identity = match remembered.and_then(|remembered| remembered.get(token)) {
            Some(known) => known,
            None => {
                let identity = Arc::new(self.identity(&keys.claims(token)?)?);
                if let Some(remembered) = remembered {
                    remembered.insert(token.into(), Arc::clone(&identity));
                }
                identity
            }
        };
        identity.stands(now_s())?;
        Ok(identity)
    }

    /// Whom these claims, which were signed, speak of.
    fn identity(&self, claims: &[u8]) -> Result<Identity, Refused> {
        let claims = serde_json::from_slice::<Map<String, Value>>(claims);
        let mut claims = claims.map_err(|_| Refused::Claims("Parsing claims failed"))?;
        let nobody = self.anonymous.as_ref().and_then(|anonymous| anonymous.role.as_ref());
        let role = self.role_claim.role(&claims).or_else(|| nobody.cloned());
        let times = ["exp", "nbf", "iat"].map(|name| claims.get(name));
        let [expires, not_before, issued] = [
            time(times[0], "The JWT 'exp' claim must be a number"),
            time(times[1], "The JWT 'nbf' claim must be a number"),
            time(times[2], "The JWT 'iat' claim must be a number"),
        ];
        let misdirected = misdirected(claims.get("aud"), self.audience.as_deref());
        // What policies read is the role that is taken on, wherever it was found.
        if let Some(role) = &role {
            claims.insert("role".to_owned(), Value::from(role.as_str()));
        }
        let mut claims = Value::Object(claims);
        claims.sort_all_objects();
        Ok(Identity {
            anonymous: role.as_ref() == nobody,
            role,
            claims: claims.to_string(),
            expires,
            not_before,
            issued,
            misdirected,
        })
    }
}

impl Identity {
    fn unlimited(role: Option<String>, claims: String) -> Identity {
        let (expires, not_before, issued) = (Ok(None), Ok(None), Ok(None));
        Identity { role, claims, anonymous: true, expires, not_before, issued, misdirected: None }
    }

    /// Whom the token speaks of; empty where it names nobody.
    pub(crate) fn subject(&self) -> String {
        let claims = serde_json::from_str::<Map<String, Value>>(&self.claims).unwrap_or_default();
        claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whether the token, which was good, still is.
    pub(crate) fn is_good(&self) -> bool {
        self.stands(now_s()).is_ok()
    }

    /// Whether the token is good at this moment and here.
    fn stands(&self, now_s: u64) -> Result<(), Refused> {
        let refused = |why| Err(Refused::Claims(why));
        if self.expires.map_err(Refused::Claims)?.is_some_and(|at| now_s > at.saturating_add(SKEW_S)) {
            return refused("JWT expired");
        }
        if self.not_before.map_err(Refused::Claims)?.is_some_and(|at| now_s + SKEW_S < at) {
            return refused("JWT not yet valid");
        }
        if self.issued.map_err(Refused::Claims)?.is_some_and(|at| now_s + SKEW_S < at) {
            return refused("JWT issued at future");
        }
        self.misdirected.map_or(Ok(()), refused)
    }
}

fn time(claim: Option<&Value>, refused: &'static str) -> Time {
    match claim {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(|seconds| Some(seconds.max(0.0) as u64)).ok_or(refused),
    }
}

/// What is wrong with the audience of a token. One that names none is for all.
fn misdirected(claim: Option<&Value>, audience: Option<&str>) -> Option<&'static str> {
    const WRONG_KIND: Option<&str> = Some("The JWT 'aud' claim must be a string or an array of strings");
    let named: Vec<&str> = match claim {
        None | Some(Value::Null) => return None,
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => match names.iter().map(Value::as_str).collect() {
            Some(names) => names,
            None => return WRONG_KIND,
        },
        Some(_) => return WRONG_KIND,
    };
    let is_meant = named.is_empty() || audience.is_none_or(|audience| named.contains(&audience));
    (!is_meant).then_some("JWT not in audience")
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Refused::Unreadable)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
        (false, _) => Ok(None),
        (true, "") => Err(Refused::Empty),
        (true, token) => Ok(Some(token)),
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
