//! What browsers are told and what pages of other sites may do.

use ::http::Method;
use serde_json::json;

use super::node;
use crate::hostile::SCHEMA;
use crate::http::{bearer, send};
use crate::node::cluster;

const APP: (&str, &str) = ("origin", "https://app.example");
const EVIL: (&str, &str) = ("origin", "https://app.example.evil");
const PREFLIGHT: [(&str, &str); 2] =
    [("access-control-request-method", "PATCH"), ("access-control-request-headers", "authorization,apikey")];

#[tokio::test]
async fn every_origin_may_read_the_api_without_cookies_unless_some_are_listed() {
    let cluster = cluster("cors", SCHEMA).await;
    let open = node(&cluster, "cors-open", "");
    let read = open.send(Method::GET, "/calls", &[EVIL], "").await;
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert_eq!(read.header("access-control-allow-credentials"), "");
    assert!(read.header("access-control-expose-headers").contains("Content-Range"));
    let asked = open.send(Method::OPTIONS, "/calls", &[&PREFLIGHT[..], &[EVIL]].concat(), "").await;
    let allowed = "Authorization, authorization, apikey, Accept, Accept-Language, Content-Language";
    assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-headers")), (200, allowed));
    let methods = open.send(Method::OPTIONS, "/calls", &[], "").await;
    assert_eq!(
        (methods.header("access-control-allow-origin"), methods.header("allow").is_empty()),
        ("*", false)
    );
    assert!(asked.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(open.get("/calls").await.header("access-control-allow-origin"), "");
    let error = open.send(Method::GET, "/nothing", &[APP], "").await;
    assert_eq!((error.status.as_u16(), error.header("access-control-allow-origin")), (404, "*"));

    let listed = node(&cluster, "cors-listed", "cors.origins = ['https://app.example']\n");
    let read = listed.send(Method::GET, "/calls", &[APP], "").await;
    assert_eq!(read.header("access-control-allow-origin"), APP.1);
    assert_eq!(read.header("access-control-allow-credentials"), "true");
    for headers in [&[EVIL][..], &[]] {
        let read = listed.send(Method::GET, "/calls", headers, "").await;
        assert_eq!(read.header("access-control-allow-origin"), "", "{headers:?}");
        let varies = read.headers.get_all("vary").iter().any(|vary| vary == "Origin");
        assert!(varies, "{read:?}");
    }
    let methods = listed.send(Method::OPTIONS, "/calls", &[EVIL], "").await;
    assert_eq!(
        (methods.header("access-control-allow-origin"), methods.header("allow").is_empty()),
        ("", false)
    );
    let asked = listed.send(Method::OPTIONS, "/calls", &[&PREFLIGHT[..], &[EVIL]].concat(), "").await;
    assert_eq!(asked.header("access-control-allow-origin"), "");
    assert_eq!(asked.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_with_the_apps_cookies() {
    let cluster = cluster("csrf", SCHEMA).await;
    let node = node(&cluster, "csrf", "csrf.paths = ['/rpc/*']\n");
    let call = async |headers: &[(&str, &str)]| {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        node.send(Method::POST, "/rpc/add", &headers, r#"{"a":1,"b":2}"#).await
    };
    let cookie = ("cookie", "sid=1; csrf_token=t0k3n");
    let refused = call(&[cookie, ("sec-fetch-site", "cross-site")]).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (403, &json!("COURANT_CSRF")));
    assert_eq!(call(&[cookie, EVIL]).await.status, 403);
    assert_eq!(call(&[cookie]).await.status, 403);
    assert_eq!(call(&[cookie, ("x-csrf-token", "t0k3n")]).await.status, 200);
    assert_eq!(call(&[cookie, ("sec-fetch-site", "same-origin")]).await.status, 200);
    let own = format!("http://{}", node.clients);
    assert_eq!(call(&[cookie, ("origin", &own)]).await.status, 200);
    assert_eq!(call(&[("sec-fetch-site", "cross-site")]).await.status, 200);
    let token = bearer(&json!({ "role": "clerk" }));
    let with_token = [cookie, ("sec-fetch-site", "cross-site"), ("authorization", &token)];
    assert_eq!(call(&with_token).await.status, 200);
}

#[tokio::test]
async fn answers_carry_the_security_headers_that_are_configured() {
    let cluster = cluster("headers", SCHEMA).await;
    let plain = node(&cluster, "headers-default", "");
    // Anything that is not JSON may be a document.
    let other = plain.send(Method::OPTIONS, "/calls", &[&PREFLIGHT[..], &[APP]].concat(), "").await;
    assert_eq!(other.header("x-content-type-options"), "nosniff");
    assert_eq!(other.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(other.header("referrer-policy"), "strict-origin-when-cross-origin");
    assert_eq!(other.header("strict-transport-security"), "");
    let json = plain.get("/calls").await;
    assert_eq!((json.header("x-content-type-options"), json.header("x-frame-options")), ("nosniff", ""));
    let file = "[headers]\ncontent_type_options = 'none'\nframe_options = 'DENY'\nreferrer_policy = 'none'\n\
                content_security_policy = \"default-src 'none'; frame-ancestors 'none'\"\n";
    let told = node(&cluster, "headers-told", file);
    let json = told.get("/nothing").await;
    assert_eq!(json.header("x-content-type-options"), "");
    assert_eq!(json.header("x-frame-options"), "DENY");
    assert_eq!(json.header("referrer-policy"), "");
    assert!(json.header("content-security-policy").starts_with("default-src 'none'"));
    // The admin port speaks to no browser.
    assert_eq!(send(told.admin, Method::GET, "/live", &[], "").await.header("x-frame-options"), "");
}
