//! Users who share a request and must never share rows.

use serde_json::json;

use crate::http::bearer;
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create schema auth;
    create function auth.uid() returns uuid language sql stable as
        $$ select nullif(current_setting('request.jwt.claims', true)::json ->> 'sub', '')::uuid $$;
    create table memberships (user_id uuid, org_id int, primary key (user_id, org_id));
    create table calls (id int primary key, org_id int not null, body text not null);
    insert into memberships values
        ('00000000-0000-0000-0000-000000000001', 1), ('00000000-0000-0000-0000-000000000002', 2);
    insert into calls select n, 1 + n % 2, 'call ' || n from generate_series(1, 10) n;
    alter table calls enable row level security;
    alter table memberships enable row level security;
    create policy own on memberships for select using (user_id = auth.uid());
    create policy org on calls for select
        using (org_id in (select org_id from memberships where user_id = auth.uid()));
    grant usage on schema auth to clerk;
    grant select on calls, memberships to clerk;
";

fn user(number: u8) -> String {
    bearer(&json!({"role": "clerk", "sub": format!("00000000-0000-0000-0000-00000000000{number}")}))
}

#[tokio::test]
async fn two_users_with_the_same_request_never_share_rows() {
    let cluster = cluster("isolation", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let ids = |user: String| {
        let node = &node;
        async move {
            let answer = node.warm_as(Some(&user), "/calls?select=id&order=id").await;
            answer
                .json()
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_i64().unwrap())
                .collect::<Vec<_>>()
        }
    };
    for _ in 0..3 {
        assert_eq!(ids(user(1)).await, [2, 4, 6, 8, 10]);
        assert_eq!(ids(user(2)).await, [1, 3, 5, 7, 9]);
        assert_eq!(ids(user(3)).await, Vec::<i64>::new());
    }
    let refused = node.get("/calls").await;
    assert_eq!(refused.status, 401, "{refused:?}");
}

#[tokio::test]
async fn a_deleted_membership_ends_access_at_once() {
    let cluster = cluster("membership", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let known = node.warm_as(Some(&user(1)), "/calls?id=eq.2").await;
    assert_eq!(known.json().as_array().unwrap().len(), 1);
    let before = node.warm_as(Some(&user(1)), "/calls?id=eq.4").await;
    assert!(before.is_hit());
    let all = "delete from memberships where user_id = '00000000-0000-0000-0000-000000000001'";
    outside.batch_execute(all).await.unwrap();
    node.until(|cache| cache["entries"] == 0).await;
    assert_eq!(node.get_as(&user(1), "/calls?id=eq.2").await.json(), json!([]));
}

#[tokio::test]
async fn a_changed_policy_is_noticed_within_a_second() {
    let cluster = cluster("policy", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm_as(Some(&user(1)), "/calls?id=eq.2").await;
    outside.batch_execute("alter policy org on calls using (false)").await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    loop {
        let answer = node.get_as(&user(1), "/calls?id=eq.2").await;
        if answer.json() == json!([]) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{answer:?}");
    }
}

#[tokio::test]
async fn a_revoked_grant_is_noticed_within_a_second() {
    let cluster = cluster("grant", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm_as(Some(&user(1)), "/calls?id=eq.2").await;
    outside.batch_execute("revoke select on calls from clerk").await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    loop {
        let answer = node.get_as(&user(1), "/calls?id=eq.2").await;
        if answer.status == 403 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{answer:?}");
    }
}
