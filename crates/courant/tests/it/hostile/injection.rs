//! Text that is SQL, in every place where a name or a value may stand: the database is as it was, and every
//! answer is an answer.

use ::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::Client;

use super::SCHEMA;
use crate::http::{Answered, bearer};
use crate::node::{Node, cluster, connect};

const TEXTS: &[&str] = &[
    "\"",
    "\"\"",
    "\\",
    "\\\"",
    "'",
    "id\"; drop table calls; --",
    "id'; drop table calls; --",
    "id); delete from calls; --",
    "calls\" union select rolpassword from pg_authid --",
    "/* x */",
    "--",
    "$$; drop table calls; $$",
    "$1",
    "E'\\'' || pg_sleep(600)",
    "id;select pg_terminate_backend(pg_backend_pid())",
    "pg_catalog.pg_authid",
    "\u{202e}\u{0}",
    "\u{1F600}",
    "null",
    "seventy characters, which are more than PostgreSQL keeps of any one name",
    "(((((((((((((((((((((((((((((((((((((((((",
    "a,b.c:d!e(f)",
];

/// Where a name or value stands, as `@`, in a request for rows.
const TARGETS: &[&str] = &[
    "/@",
    "/@?select=id",
    "/calls?select=@",
    "/calls?select=id,@",
    "/calls?select=@:id",
    "/calls?select=@(id)",
    "/calls?select=x:@(id)",
    "/calls?select=...@(id)",
    "/calls?select=notes!@(id)",
    "/calls?select=notes(@)",
    "/calls?select=id::@",
    "/calls?select=data->@",
    "/calls?select=data->>@",
    "/calls?select=x:data->a->>@::text",
    "/calls?select=id.@",
    "/calls?order=@",
    "/calls?order=id.@",
    "/calls?order=data->@",
    "/calls?order=notes(@)",
    "/calls?select=notes(id)&notes.order=@",
    "/calls?select=notes(id)&notes.@=eq.1",
    "/calls?select=notes(id)&@.id=eq.1",
    "/calls?select=notes(id)&@.limit=1",
    "/calls?@=eq.1",
    "/calls?@",
    "/calls?id=@",
    "/calls?id=@.1",
    "/calls?id=eq.@",
    "/calls?body=eq.@",
    "/calls?body=in.(@)",
    "/calls?body=like.@",
    "/calls?body=match.@",
    "/calls?body=like(any).{@}",
    "/calls?body=is.@",
    "/calls?body=fts(@).a",
    "/calls?body=fts.@",
    "/calls?data->@=eq.1",
    "/calls?data=cs.@",
    "/calls?tags=cs.{@}",
    "/calls?tags=ov.@",
    "/calls?or=(@)",
    "/calls?or=(@.eq.1,id.eq.1)",
    "/calls?and=(body.eq.@,id.eq.1)",
    "/calls?limit=@",
    "/calls?offset=@",
    "/rpc/@",
    "/rpc/@?a=1",
    "/rpc/add?@=1",
    "/rpc/add?a=@&b=1",
    "/rpc/add?a=1&b=2&select=@",
];

/// Headers in which one stands.
const HEADERS: &[&str] = &[
    "accept-profile",
    "content-profile",
    "accept",
    "prefer",
    "range",
    "courant-consistency",
    "authorization",
    "cookie",
    "x-any",
    "user-agent",
];

/// Everything that a request could have changed.
async fn state(client: &Client) -> String {
    let sql = "select concat_ws(' ',
        (select md5(string_agg(c::text, ',' order by id)) from calls c),
        (select md5(string_agg(n::text, ',' order by id)) from notes n),
        (select string_agg(relname, ',' order by relname) from pg_class
            where relnamespace = 'public'::regnamespace),
        (select string_agg(proname, ',' order by proname) from pg_proc
            where pronamespace = 'public'::regnamespace),
        (select string_agg(rolname, ',' order by rolname) from pg_roles))";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

fn check(answer: &Answered, of: &str) {
    assert!(answer.status.as_u16() < 500, "{of}: {answer:?}");
    let said = String::from_utf8_lossy(&answer.body);
    assert!(!said.contains("SCRAM-SHA") && !said.contains("syntax error at or near"), "{of}: {answer:?}");
    if answer.status.is_client_error() {
        let error = answer.json();
        let object = error.as_object().unwrap();
        assert!(error["code"].is_string() && error["message"].is_string(), "{of}: {answer:?}");
        assert!(object.contains_key("details") && object.contains_key("hint"), "{of}: {answer:?}");
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn no_text_in_any_place_of_a_target_is_sql() {
    let cluster = cluster("injection", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let outside = connect(&cluster).await;
    let before = state(&outside).await;
    for text in TEXTS {
        let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        for target in TARGETS {
            for text in [text, &quoted[..]] {
                let target = target.replace('{', "%7B").replace('}', "%7D").replace('>', "%3E");
                let target = target.replace('@', &encoded(text));
                check(&node.get(&target).await, &target);
            }
        }
    }
    assert_eq!(state(&outside).await, before);
}

#[tokio::test]
async fn no_text_in_a_header_or_a_body_is_sql() {
    let cluster = cluster("injection_body", SCHEMA).await;
    let node = Node::start_uncached(&cluster, &[]);
    let outside = connect(&cluster).await;
    let before = state(&outside).await;
    let clerk = bearer(&serde_json::json!({"role": "clerk"}));
    for text in TEXTS {
        let value: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
        for name in HEADERS {
            check(
                &node.send(Method::GET, "/calls", &[(name, &value)], "").await,
                &format!("{name}: {value}"),
            );
        }
        let (in_target, in_json) = (encoded(text), serde_json::Value::from(*text).to_string());
        // No row is written in any case: the first is there already, and the ninth is not.
        for (method, target, body) in [
            (Method::POST, format!("/calls?columns={in_target}"), r#"{"id":1}"#.to_owned()),
            (Method::POST, format!("/calls?columns=id,%22{in_target}%22"), r#"{"id":1}"#.to_owned()),
            (Method::POST, format!("/calls?on_conflict={in_target}"), r#"{"id":1}"#.to_owned()),
            (Method::POST, format!("/calls?select={in_target}"), r#"{"id":1}"#.to_owned()),
            (Method::POST, "/calls".to_owned(), format!("{{\"id\":1,{in_json}:1}}")),
            (Method::POST, "/calls".to_owned(), format!("{{\"id\":1,\"body\":{in_json}}}")),
            (Method::POST, "/calls".to_owned(), format!("{{\"id\":{in_json}}}")),
            (Method::POST, "/calls".to_owned(), format!("[{{\"id\":1}},{in_json}]")),
            (Method::POST, "/calls".to_owned(), (*text).to_owned()),
            (Method::PATCH, "/calls?id=eq.9".to_owned(), format!("{{{in_json}:1}}")),
            (Method::PATCH, "/calls?id=eq.9".to_owned(), format!("{{\"body\":{in_json}}}")),
            (Method::PATCH, format!("/calls?id=eq.9&{in_target}=eq.1"), r#"{"body":"x"}"#.to_owned()),
            (Method::DELETE, format!("/calls?id=eq.9&body=eq.{in_target}"), String::new()),
            (Method::DELETE, format!("/calls?id=eq.9&or=({in_target})"), String::new()),
            (Method::POST, "/rpc/add".to_owned(), format!("{{{in_json}:1}}")),
            (Method::POST, "/rpc/add".to_owned(), format!("{{\"a\":{in_json},\"b\":1}}")),
            (Method::POST, format!("/rpc/{in_target}"), "{}".to_owned()),
        ] {
            let headers = [("authorization", &*clerk), ("content-type", "application/json")];
            check(&node.send(method, &target, &headers, &body).await, &format!("{target} {body}"));
        }
    }
    assert_eq!(state(&outside).await, before);
}
