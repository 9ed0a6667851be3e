//! Two users, and every trick by which one could be taken for the other.

use ::http::Method;
use serde_json::json;

use super::{SCHEMA, exchange, replies_to};
use crate::http::bearer;
use crate::node::{Node, cluster};

const SECRETS: &str = "
    create table secrets (id int primary key, owner text not null, text text not null);
    insert into secrets select n, case when n % 2 = 0 then 'ann' else 'bob' end,
        case when n % 2 = 0 then 'of-ann' else 'of-bob' end from generate_series(1, 20) n;
    alter table secrets enable row level security;
    create policy own on secrets using
        (owner = nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub');
    grant select on secrets to clerk;
";

fn user(name: &str) -> String {
    bearer(&json!({"role": "clerk", "sub": name}))
}

const TARGETS: &[&str] = &[
    "/secrets",
    "/secrets?",
    "/secrets?select=*",
    "/secrets?id=eq.1",
    "/secrets?id=eq.2",
    "/secrets?id=in.(1,2,3)",
    "/secrets?owner=eq.ann",
    "/secrets?text=eq.of-ann",
    "/secrets?or=(owner.eq.ann,owner.eq.bob)",
    "/secrets?not.and=(owner.eq.bob)",
    "/secrets?order=id&limit=5",
    "/secrets?order=text.desc&offset=1",
    "/secrets?select=text::text,owner",
    "/rest/v1/secrets",
    "/%73ecrets",
    "/secrets?role=eq.postgres",
    "/secrets?request.jwt.claims=eq.x",
    "/secrets?sub=ann",
];

const HEADERS: &[(&str, &str)] = &[
    ("x-any", "1"),
    ("role", "ann"),
    ("sub", "ann"),
    ("request.jwt.claims", r#"{"sub":"ann"}"#),
    ("cookie", r#"request.jwt.claims={"sub":"ann"}; sub=ann"#),
    ("x-forwarded-user", "ann"),
    ("prefer", "count=exact"),
    ("prefer", "timezone=UTC,handling=lenient"),
    ("accept", "application/vnd.pgrst.object+json"),
    ("accept", "application/vnd.pgrst.array+json;nulls=stripped"),
    ("accept-encoding", "br, gzip, zstd"),
    ("range", "0-3"),
    ("cache-control", "no-cache"),
    ("courant-consistency", "strict"),
    ("courant-consistency", "bounded=3600000"),
    ("if-none-match", "*"),
    ("vary", "authorization"),
];

#[tokio::test]
async fn no_variation_of_a_request_shows_another_users_rows() {
    let cluster = cluster("leaks", &format!("{SCHEMA}{SECRETS}")).await;
    let node = Node::start(&cluster).await;
    let (ann, bob) = (user("ann"), user("bob"));
    for target in TARGETS {
        // What could leak is there to be leaked.
        let of_ann = node.get_as(&ann, target).await;
        node.get_as(&ann, target).await;
        let tag = of_ann.header("etag").to_owned();
        for &(name, value) in HEADERS.iter().chain([&("if-none-match", tag.as_str())]) {
            for method in [Method::GET, Method::HEAD] {
                let both = [("authorization", bob.as_str()), (name, value)];
                let answer = node.send(method, target, &both, "").await;
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(!said.contains("of-ann"), "{target} {name}: {value}: {answer:?}");
                let total = answer.header("content-range").rsplit('/').next().unwrap_or_default().to_owned();
                let all = total.parse::<u32>().unwrap_or(0);
                assert!(all <= 10, "{target} counts what is not bob's: {answer:?}");
                let without = node.send(Method::GET, target, &[(name, value)], "").await;
                assert!(without.status.is_client_error(), "{target} {name}: {value}: {without:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_holds_for_its_request_and_no_other_on_the_connection() {
    let cluster = cluster("pipelined", &format!("{SCHEMA}{SECRETS}")).await;
    let node = Node::start(&cluster).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let get = |headers: &str| format!("GET /secrets?order=id HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let of = |token: &str| get(&format!("Authorization: {token}\r\n"));
    for _ in 0..20 {
        let sent = format!("{}{}{}{}\0", of(&ann), get(""), of(&bob), of(&ann));
        let replies = replies_to(&node, sent.as_bytes()).await;
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses, [200, 401, 200, 200, 400], "{replies:?}");
        for (reply, others) in replies.iter().zip(["of-bob", "of-", "of-ann", "of-bob", "of-"]) {
            assert!(!reply.body.contains(others), "{reply:?}");
        }
    }
    // Two tokens in one request: the answer is that of one of them or none, never that of both.
    let two = get(&format!("Authorization: {bob}\r\nAuthorization: {ann}\r\nConnection: close\r\n"));
    let answer = exchange(&node, two.as_bytes()).await;
    assert!(!(answer.contains("of-ann") && answer.contains("of-bob")), "{answer}");
}
