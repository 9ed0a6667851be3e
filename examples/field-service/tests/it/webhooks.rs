//! What providers tell comes into the app's tables once, in whatever order it comes.

use field_service::ORGANIZATIONS;
use pg::cluster::Cluster;
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fixture::{generate, installed};

const CALL: &str = "6f6f8c2e-1111-4222-8333-944445555666";

/// The example as its handlers see it, and they run as `service_role`.
async fn received(cluster: &Cluster) -> Client {
    let client = installed(cluster, "example").await;
    generate(&client).await;
    field_service::tune(&client).await.expect("what was added installs");
    client.batch_execute("set role service_role").await.expect("a superuser becomes any role");
    client
}

async fn text(client: &Client, query: &str) -> String {
    let row = client.query_one(&format!("select ({query})::text"), &[]).await.expect(query);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Runs a handler: the code of what it raised, if it did.
async fn handle(client: &Client, handler: &str, args: &Value) -> Option<SqlState> {
    let called = client.execute(&format!("select {handler}($1::text::jsonb)"), &[&args.to_string()]).await;
    called.err().map(|error| error.code().expect("the database said so").clone())
}

fn call(number: &str, rest: &Value) -> Value {
    let mut message = json!({
        "call": { "id": CALL, "customer": { "number": "+15145550123", "name": "Ada" } },
        "phoneNumber": { "number": number },
    });
    message.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    json!({ "provider": "vapi", "payload": { "message": message } })
}

#[tokio::test]
async fn a_call_ends_once_whatever_is_told_of_it_later() {
    let cluster = Cluster::for_test("example");
    let client = received(&cluster).await;
    let number = ORGANIZATIONS[0].phone_number;
    let running = call(number, &json!({ "type": "status-update", "status": "in-progress" }));
    let ended = call(
        number,
        &json!({
            "type": "end-of-call-report", "endedReason": "customer-ended-call", "durationSeconds": 41.6,
            "analysis": { "summary": "A pipe leaks." }, "artifact": { "messages": [{ "role": "user" }] },
            "startedAt": "2026-01-15T10:00:00Z", "endedAt": "2026-01-15T10:00:41.6Z",
        }),
    );
    let found = format!(
        "select status || ' ' || duration || ' ' || phone_number || ' ' || summary from vapi_calls where call_id = '{CALL}'"
    );
    assert_eq!(handle(&client, "take_voice_call", &running).await, None);
    let status = format!("select status from vapi_calls where call_id = '{CALL}'");
    assert_eq!(text(&client, &status).await, "in_progress");
    for told in [&ended, &running, &ended] {
        assert_eq!(handle(&client, "take_voice_call", told).await, None);
        assert_eq!(text(&client, &found).await, "completed 42 +15145550123 A pipe leaks.");
    }
    let logs = format!("select count(*) from call_logs where call_id = '{CALL}'");
    assert_eq!(text(&client, &logs).await, "1");
    let nobody = call("+10000000000", &json!({ "type": "status-update", "status": "in-progress" }));
    let discarded = Some(SqlState::from_code("CQ001"));
    assert_eq!(handle(&client, "take_voice_call", &nobody).await, discarded);
    assert_eq!(
        handle(&client, "take_voice_call", &call(number, &json!({ "type": "transcript" }))).await,
        None
    );
}

#[tokio::test]
async fn a_text_message_comes_once_and_its_state_never_goes_back() {
    let cluster = Cluster::for_test("example");
    let client = received(&cluster).await;
    let number = ORGANIZATIONS[0].phone_number;
    let sms = |rest: Value| json!({ "provider": "twilio", "payload": rest });
    let came = sms(
        json!({ "MessageSid": "SM1", "SmsStatus": "received", "From": "+15145550123", "To": number, "Body": "Oui" }),
    );
    for _ in 0..2 {
        assert_eq!(handle(&client, "take_text_message", &came).await, None);
    }
    let found = "select string_agg(direction || ' ' || body || ' ' || status, ',') from sms_logs where provider_sid = 'SM1'";
    assert_eq!(text(&client, found).await, "inbound Oui received");
    // The state of one that nobody has written down yet: tried again, and then it is there.
    let state = |status: &str| sms(json!({ "MessageSid": "SM2", "MessageStatus": status }));
    assert_eq!(handle(&client, "take_text_message", &state("sent")).await, Some(SqlState::RAISE_EXCEPTION));
    let sent = "insert into sms_logs (org_id, customer_phone, body, provider_sid)
        select org_id, customer_phone, 'Bonjour', 'SM2' from sms_logs where provider_sid = 'SM1'";
    client.batch_execute(sent).await.expect("service_role may");
    for status in ["delivered", "sent", "queued", "no such state"] {
        assert_eq!(handle(&client, "take_text_message", &state(status)).await, None);
    }
    assert_eq!(text(&client, "select status from sms_logs where provider_sid = 'SM2'").await, "delivered");
}

#[tokio::test]
async fn a_whatsapp_message_opens_a_thread_and_a_later_one_joins_it() {
    let cluster = Cluster::for_test("example");
    let client = received(&cluster).await;
    let account = text(&client, "select phone_number_id from whatsapp_accounts order by id limit 1").await;
    let message = |id: &str, at_s: i64, body: &str| {
        let message = json!({
            "id": id, "from": "19995550123", "timestamp": at_s.to_string(), "type": "text", "text": { "body": body }
        });
        let contact = json!({ "profile": { "name": "Ada" }, "wa_id": "19995550123" });
        let metadata = json!({ "phone_number_id": account });
        let payload = json!({ "metadata": metadata, "contact": contact, "message": message });
        json!({ "provider": "whatsapp", "type": "message", "payload": payload })
    };
    // The second comes first, and the first twice.
    for (id, at_s, body) in [
        ("wamid.2", 1_768_500_060, "second"),
        ("wamid.1", 1_768_500_000, "first"),
        ("wamid.1", 1_768_500_000, "first"),
    ] {
        assert_eq!(handle(&client, "take_whatsapp_event", &message(id, at_s, body)).await, None);
    }
    let found = "select string_agg(c.contact_name || ' ' || c.last_message || ' ' || c.unread_count || ' ' || c.status, ',')
        from conversations c where c.contact_phone = '+19995550123'";
    assert_eq!(text(&client, found).await, "Ada second 2 open");
    let said = "select string_agg(m.body, ',' order by m.\"timestamp\") from messages m where wa_message_id like 'wamid.%'
        and conversation_id = (select id from conversations where contact_phone = '+19995550123')";
    assert_eq!(text(&client, said).await, "first,second");
    let status = |id: &str, status: &str| json!({ "type": "status", "payload": { "status": { "id": id, "status": status } } });
    let sent = "insert into messages (org_id, conversation_id, sender, status, wa_message_id)
        select org_id, conversation_id, 'bot', 'queued', 'wamid.3' from messages where wa_message_id = 'wamid.1'";
    assert_eq!(
        handle(&client, "take_whatsapp_event", &status("wamid.3", "read")).await,
        Some(SqlState::RAISE_EXCEPTION)
    );
    client.batch_execute(sent).await.expect("service_role may");
    for state in ["read", "delivered", "sent"] {
        assert_eq!(handle(&client, "take_whatsapp_event", &status("wamid.3", state)).await, None);
    }
    assert_eq!(text(&client, "select status from messages where wa_message_id = 'wamid.3'").await, "read");
    let mut strange = message("wamid.4", 0, "x");
    strange["payload"]["metadata"]["phone_number_id"] = "0".into();
    assert_eq!(handle(&client, "take_whatsapp_event", &strange).await, Some(SqlState::from_code("CQ001")));
    let other = json!({ "provider": "whatsapp", "type": "account_update", "payload": {} });
    assert_eq!(handle(&client, "take_whatsapp_event", &other).await, None);
}
