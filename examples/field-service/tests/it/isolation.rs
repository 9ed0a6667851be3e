//! Who sees what.

use field_service::{DEMO_USERS, ORGANIZATIONS};
use pg::cluster::Cluster;
use tokio_postgres::Client;

use crate::fixture::{generate, installed, sign_in};

const OWNED: &[&str] = &[
    "modules",
    "vapi_calls",
    "call_logs",
    "leads",
    "appointments",
    "interventions",
    "sms_logs",
    "alerts",
    "analytics",
    "whatsapp_accounts",
    "conversations",
    "messages",
    "daily_call_summary",
    "priority_distribution",
];

async fn count(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect("the query runs").get(0)
}

#[tokio::test]
async fn members_see_the_rows_of_their_organization_and_no_others() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    for user in DEMO_USERS {
        let large = ORGANIZATIONS[..2].iter().any(|org| org.id == user.org_id);
        for relation in OWNED {
            let stored = format!("select count(*) from {relation} where org_id = '{}'", user.org_id);
            let stored = count(&client, &stored).await;
            sign_in(&client, user.sub).await;
            let seen = count(&client, &format!("select count(*) from {relation}")).await;
            let own = format!("select count(*) from {relation} where org_id = '{}'", user.org_id);
            assert_eq!(seen, count(&client, &own).await, "{} sees others' {relation}", user.name);
            client.batch_execute("reset role").await.unwrap();
            // The views are empty without a claim; tables show everything to the superuser.
            if !matches!(*relation, "daily_call_summary" | "priority_distribution") {
                assert_eq!(seen, stored, "{} of {}", relation, user.name);
            }
            client.batch_execute("reset request.jwt.claims").await.unwrap();
            assert_eq!(seen > 0, large || *relation == "modules", "{} of {}", relation, user.name);
        }
    }
}

#[tokio::test]
async fn a_member_writes_only_for_the_own_organization() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    sign_in(&client, DEMO_USERS[0].sub).await;
    let insert =
        "insert into leads (org_id, name, phone_number) values ($1::text::uuid, 'Luc', '+14185550000')";
    assert_eq!(client.execute(insert, &[&ORGANIZATIONS[0].id]).await.unwrap(), 1);
    let error = client.execute(insert, &[&ORGANIZATIONS[1].id]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501");
    let elsewhere = "update leads set status = 'lost' where org_id = $1::text::uuid";
    assert_eq!(client.execute(elsewhere, &[&ORGANIZATIONS[1].id]).await.unwrap(), 0);
    for forbidden in [
        "insert into memberships (user_id, org_id) select auth.uid(), id from organizations",
        "delete from memberships",
        "update organizations set name = 'À moi'",
    ] {
        let error = client.execute(forbidden, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{forbidden}");
    }
    assert_eq!(client.execute("update users set locale = 'en-CA'", &[]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_deleted_membership_ends_access() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    sign_in(&client, DEMO_USERS[1].sub).await;
    assert!(count(&client, "select count(*) from messages").await > 0);
    assert_eq!(count(&client, "select count(*) from memberships").await, 1);
    client.batch_execute("reset role").await.unwrap();
    let delete = "delete from memberships where user_id = $1::text::uuid";
    assert_eq!(client.execute(delete, &[&DEMO_USERS[1].sub]).await.unwrap(), 1);
    sign_in(&client, DEMO_USERS[1].sub).await;
    assert_eq!(count(&client, "select count(*) from messages").await, 0);
    assert_eq!(count(&client, "select count(*) from daily_call_summary").await, 0);
}

#[tokio::test]
async fn the_public_sees_the_companies_and_the_robots_they_show() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    // What a pooled connection looks like after somebody else's transaction.
    client.batch_execute("select set_config('request.jwt.claims', '', false)").await.unwrap();
    client.batch_execute("set role anon").await.unwrap();
    assert_eq!(count(&client, "select count(*) from organizations").await, ORGANIZATIONS.len() as i64);
    assert_eq!(count(&client, "select count(*) from bot_profiles").await, 4);
    for relation in OWNED.iter().chain(&["users", "memberships"]) {
        let error = client.query(&format!("select from {relation}"), &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{relation}");
    }
    assert!(client.query("select get_dashboard_metrics()", &[]).await.is_err());
    client.batch_execute("set role service_role").await.unwrap();
    assert_eq!(count(&client, "select count(*) from vapi_calls").await, 500);
}
