//! Who asks too often is told when to come back, and nobody else is kept waiting.

use ::http::Method;
use serde_json::json;

use super::node;
use crate::hostile::SCHEMA;
use crate::http::{Answered, bearer, send};
use crate::node::{Node, cluster};

async fn get(node: &Node, target: &str, client: &str, headers: &[(&str, &str)]) -> Answered {
    let headers = [headers, &[("x-forwarded-for", client)]].concat();
    node.send(Method::GET, target, &headers, "").await
}

#[tokio::test]
async fn an_address_has_its_quota_however_the_path_is_written_and_no_other_pays_for_it() {
    let cluster = cluster("quota", SCHEMA).await;
    let file =
        "[[limit]]\nname = 'calls'\nrate = 3\nwindow_ms = 3600000\npath = '/calls*'\nmethods = ['GET']\n";
    let node = node(&cluster, "quota", file);
    let first = get(&node, "/calls?id=eq.1", "203.0.113.1", &[]).await;
    assert_eq!(first.header("ratelimit-policy"), "\"calls\";q=3;w=3600");
    assert_eq!(first.header("ratelimit"), "\"calls\";r=2;t=1200");
    for target in ["/rest/v1/calls", "//%63alls?select=id"] {
        get(&node, target, "1.1.1.1, 203.0.113.1", &[]).await;
    }
    let refused = get(&node, "/calls", "203.0.113.1", &[]).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (429, &json!("COURANT_LIMIT")));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1190..=1200).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").starts_with("\"calls\";r=0;t=36"), "{refused:?}");
    assert_eq!(get(&node, "/calls", "203.0.113.2", &[]).await.status, 200);
    let other = get(&node, "/notes", "203.0.113.1", &[]).await;
    assert_eq!((other.status.as_u16(), other.header("ratelimit")), (200, ""));
    let metrics = send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains("courant_guard_limited_total{limit=\"calls\"} 1"), "{metrics}");
}

#[tokio::test]
async fn an_ipv6_client_has_one_quota_for_its_whole_network() {
    let cluster = cluster("quota6", SCHEMA).await;
    let node = node(&cluster, "quota6", "[[limit]]\nname = 'all'\nrate = 1\nwindow_ms = 3600000\n");
    assert_eq!(get(&node, "/calls", "2001:db8::1", &[]).await.status, 200);
    assert_eq!(get(&node, "/calls", "2001:db8::ffff:1", &[]).await.status, 429);
    assert_eq!(get(&node, "/calls", "2001:db8:0:1::1", &[]).await.status, 200);
}

#[tokio::test]
async fn users_and_keys_have_quotas_of_their_own_wherever_they_are() {
    let cluster = cluster("users", SCHEMA).await;
    let file = "[[limit]]\nname = 'user'\nrate = 1\nwindow_ms = 3600000\nby = 'user'\npath = '/calls'\n\
                [[limit]]\nname = 'key'\nrate = 1\nwindow_ms = 3600000\nby = 'key'\npath = '/notes'\n";
    let node = node(&cluster, "users", file);
    let token = |sub: &str| bearer(&json!({ "role": "clerk", "sub": sub }));
    let (one, two) = (token("one"), token("two"));
    let calls = async |token: &str, client: &str| {
        get(&node, "/calls", client, &[("authorization", token)]).await.status.as_u16()
    };
    assert_eq!(calls(&one, "203.0.113.1").await, 200);
    assert_eq!(calls(&one, "203.0.113.2").await, 429);
    assert_eq!(calls(&two, "203.0.113.1").await, 200);
    let notes = async |key: &str, client: &str| {
        get(&node, "/notes", client, &[("apikey", key)]).await.status.as_u16()
    };
    assert_eq!(notes("a", "203.0.113.1").await, 200);
    assert_eq!(notes("a", "203.0.113.2").await, 429);
    assert_eq!(notes("b", "203.0.113.1").await, 200);
}

#[tokio::test]
async fn who_fails_to_authenticate_too_often_is_asked_to_wait() {
    let cluster = cluster("failures", SCHEMA).await;
    let node = node(&cluster, "failures", "limits.failures_per_minute = 3\n");
    let guess = [("authorization", "Bearer a.b.c")];
    for _ in 0..3 {
        assert_eq!(get(&node, "/calls", "203.0.113.1", &guess).await.status, 401);
    }
    let refused = get(&node, "/calls", "203.0.113.1", &guess).await;
    assert_eq!((refused.status.as_u16(), refused.header("ratelimit")), (429, ""));
    assert_eq!(get(&node, "/calls", "203.0.113.2", &[]).await.status, 200);
}
