//! Tokens that are not what they say, and responses that functions raise.

use ::http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use super::SCHEMA;
use crate::http::{SECRET, bearer};
use crate::node::{Node, cluster};

#[tokio::test]
async fn a_token_that_is_not_what_it_says_is_refused() {
    let cluster = cluster("tokens", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiY2xlcmsifQ.".to_owned();
    let longest = "r".repeat(500);
    let other = |header: &Header, secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        format!("Bearer {}", jsonwebtoken::encode(header, &json!({"role": "clerk"}), &key).unwrap())
    };
    let named = Header { kid: Some("../../etc/passwd".to_owned()), ..Header::new(Algorithm::HS256) };
    let nested = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for (token, status) in [
        (unsigned, 401),
        ("Bearer a.b".to_owned(), 401),
        ("Bearer ..".to_owned(), 401),
        ("Bearer \"".to_owned(), 401),
        (format!("Bearer {}", "a.".repeat(20_000)), 401),
        // The secret is no less secret with a longer digest, and 12.0.2 takes it.
        (other(&Header::new(Algorithm::HS512), SECRET.as_bytes()), 200),
        (other(&Header::new(Algorithm::HS256), b""), 401),
        (other(&named, SECRET.as_bytes()), 200),
        (bearer(&json!({"role": "clerk", "exp": 1})), 401),
        (bearer(&json!({"role": "clerk", "exp": -1})), 401),
        (bearer(&json!({"role": "clerk", "exp": "never"})), 401),
        (bearer(&json!({"role": "clerk", "exp": {}})), 401),
        (bearer(&json!({"role": "clerk", "nbf": 1e300})), 401),
        (bearer(&json!({"role": "clerk", "exp": 1e300})), 200),
        (bearer(&json!({"role": "none"})), 401),
        (bearer(&json!({"role": ""})), 401),
        (bearer(&json!({"role": longest})), 401),
        (bearer(&json!({"role": "clerk\"; reset role; --"})), 401),
        (bearer(&json!({"role": "a\u{0}b"})), 400),
        (bearer(&json!({"role": "clerk", "sub": "a\u{0}b"})), 200),
        (bearer(&json!({"role": "clerk", "sub": "'; reset role; --"})), 200),
        (bearer(&json!({"role": "clerk", "nested": nested})), 401),
    ] {
        let answer = node.get_as(&token, "/calls?select=id").await;
        let shown = &token[..token.len().min(200)];
        assert_eq!(answer.status, status, "{shown}: {answer:?}");
        assert!(status == 200 || answer.json()["code"].is_string(), "{answer:?}");
    }
    for claims in [json!([]), json!("clerk"), json!(null), json!({"role": 1}), json!({"role": ["clerk"]})] {
        let answer = node.get_as(&bearer(&claims), "/calls?select=id").await;
        assert!(answer.status.is_client_error() || answer.status == 200, "{claims}: {answer:?}");
    }
}

#[tokio::test]
async fn a_raised_response_carries_its_headers_but_none_that_is_no_header() {
    let cluster = cluster("raised", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let answer = node.send(Method::POST, "/rpc/teapot", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-pot")), (418, "green"), "{answer:?}");
}
