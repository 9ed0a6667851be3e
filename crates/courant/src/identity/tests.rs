//! Tokens good and bad, and whom they make of a request.

use http::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::*;
use crate::config::Secret;

const SECRET: &str = "reallyreallyreallyreallyverysafe";

fn identities(anon_role: Option<&str>, secret: Option<&str>) -> Identities {
    let secret = secret.map(Secret::new);
    let role_claim = "role".parse().unwrap();
    let jwt = Jwt { secret, secret_is_base64: false, audience: None, role_claim, cache_entries_max: 10 };
    Identities::new(anon_role, &jwt).unwrap()
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
    assert!(identity.stands(now_s() + 129).is_ok());
    assert!(matches!(identity.stands(now_s() + 200), Err(Refused::Claims("JWT expired"))));
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
    assert!(matches!(refused, Refused::Signature), "{refused}");
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

#[test]
fn a_secret_that_is_none_is_refused_without_being_shown() {
    for (secret, is_base64, expected) in [
        ("hunter2", false, "32 bytes or more"),
        ("aHVudGVyMg==", true, "32 bytes or more"),
        ("not base64, whatever else it may be!", true, "expected base64"),
        (r#"{"kty":"oct","hunter2":"what is missing is the key itself"}"#, false, "1 to 32 keys"),
        (r#"{"keys":[]}"#, false, "1 to 32 keys"),
        (r#"{"keys":[{"kty":"oct","k":"aHVudGVyMg"}], hunter2"#, false, "expected a JSON Web Key"),
    ] {
        let said = Keys::of(&Secret::new(secret), is_base64).err().unwrap();
        assert!(said.contains(expected) && !said.contains("hunter2"), "{secret}: {said}");
    }
}

#[test]
fn base64_is_read_in_either_alphabet_with_or_without_its_padding() {
    let claims = serde_json::json!({"role": "clerk"});
    let token = with_token(&claims, "\u{3ff}".repeat(16).as_str());
    let token = token[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let standard = "z7/Pv8+/z7/Pv8+/z7/Pv8+/z7/Pv8+/z7/Pv8+/z78=";
    for secret in [
        standard.to_owned(),
        standard.trim_end_matches('=').to_owned(),
        standard.replace('/', "_").replace('+', "-"),
        standard.replace('=', "."),
    ] {
        let keys = Keys::of(&Secret::new(secret.as_str()), true).unwrap();
        assert_eq!(keys.claims(token).unwrap(), claims.to_string().into_bytes(), "{secret}");
    }
}
