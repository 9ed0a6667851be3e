//! Known answers: from the providers' documentation and libraries where they publish any, else from OpenSSL.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;

const MINUTES: Duration = Duration::from_secs(300);

struct Sent<'a> {
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    at_s: u64,
}

impl<'a> Sent<'a> {
    fn new(headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Sent<'a> {
        Sent { url: "https://example.com/hook", headers, body, at_s: 0 }
    }

    fn with<T>(&self, look: impl Fn(&Delivery<'_>) -> T) -> T {
        let header = |name: &str| {
            self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
        };
        let at = UNIX_EPOCH + Duration::from_secs(self.at_s);
        look(&Delivery { url: self.url, header: &header, body: self.body, at })
    }
}

fn verifier(provider: Provider, secrets: &[&str]) -> Verifier {
    let secrets = secrets.iter().map(|secret| SecretKey::new(*secret)).collect();
    Verifier { provider, secrets, tolerance: MINUTES }
}

fn whatsapp(secret: &str) -> Verifier {
    verifier(Provider::WhatsApp { verify_token: SecretKey::new("a token") }, &[secret])
}

fn keyed(header: &str, signed: Signed) -> Keyed {
    Keyed {
        header: header.to_owned(),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: String::new(),
        signed,
        timestamp_header: "x-timestamp".to_owned(),
        id_header: "webhook-id".to_owned(),
        id_pointer: None,
        what_pointer: Some("/type".to_owned()),
    }
}

#[test]
fn a_hub_signature_is_that_of_the_documented_example() {
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, which Meta's is like.
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let hub = whatsapp("It's a Secret to Everybody");
    let said = |signature: &str, body: &[u8]| {
        Sent::new(&[("x-hub-signature-256", signature)], body).with(|sent| hub.verify(sent))
    };
    assert_eq!(said(signature, b"Hello, World!"), Ok(()));
    assert_eq!(said(signature, b"Hello, World?"), Err(Unsigned::Wrong));
    assert_eq!(said(&signature[7..], b"Hello, World!"), Err(Unsigned::Wrong));
    assert_eq!(said(&signature[..69], b"Hello, World!"), Err(Unsigned::Wrong));
    assert_eq!(said("sha256=", b"Hello, World!"), Err(Unsigned::Wrong));
    assert_eq!(Sent::new(&[], b"Hello, World!").with(|sent| hub.verify(sent)), Err(Unsigned::Missing));
}

#[test]
fn metas_question_is_answered_to_whoever_knows_the_token() {
    let ask = |query: &str| whatsapp("s").challenge(query).unwrap();
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a+token";
    assert_eq!(ask(right), Ok("1158201444".to_owned()));
    assert_eq!(ask(&right.replace("a+token", "b+token")), Err(Unsigned::Wrong));
    assert_eq!(ask(&right.replace("subscribe", "else")), Err(Unsigned::Missing));
    assert_eq!(ask(&right.replace("1158201444", "%3Cscript%3E%20")), Err(Unsigned::Missing));
    assert_eq!(ask(""), Err(Unsigned::Missing));
}

#[test]
fn a_batch_of_metas_is_an_event_for_each_message_and_status() {
    let body = json!({ "object": "whatsapp_business_account", "entry": [
        { "id": "102290129340398", "changes": [{ "field": "messages", "value": {
            "metadata": { "display_phone_number": "15550783881", "phone_number_id": "106540352242922" },
            "contacts": [{ "profile": { "name": "Sheena Nelson" }, "wa_id": "16505551234" }],
            "messages": [
                { "from": "16505551234", "id": "wamid.A", "timestamp": "1749416383", "type": "text",
                  "text": { "body": "Does it come in another color?" } },
                { "from": "16505559999", "id": "wamid.B", "timestamp": "1749416384", "type": "unsupported" },
            ],
        } }] },
        { "id": "102290129340398", "changes": [
            { "field": "messages", "value": { "metadata": { "phone_number_id": "106540352242922" },
              "statuses": [{ "id": "wamid.C", "status": "sent" }, { "id": "wamid.C", "status": "read" }] } },
            { "field": "account_update", "value": { "event": "VERIFIED_ACCOUNT" } },
        ] },
    ] });
    let text = body.to_string();
    let events = Sent::new(&[], text.as_bytes()).with(|sent| whatsapp("s").events(sent)).unwrap();
    let known: Vec<(&str, &str)> =
        events.iter().map(|event| (event.id.as_str(), event.what.as_str())).collect();
    assert_eq!(
        &known[..4],
        [
            ("wamid.A", "message"),
            ("wamid.B", "message"),
            ("wamid.C:sent", "status"),
            ("wamid.C:read", "status"),
        ]
    );
    assert!(known[4].0.starts_with("sha256:") && known[4].1 == "account_update", "{known:?}");
    let first: Value = serde_json::from_str(&events[0].payload).unwrap();
    assert_eq!(first["contact"]["profile"]["name"], "Sheena Nelson");
    assert_eq!(first["metadata"]["phone_number_id"], "106540352242922");
    assert_eq!(first["message"]["text"]["body"], "Does it come in another color?");
    assert!(serde_json::from_str::<Value>(&events[1].payload).unwrap()["contact"].is_null());
}

#[test]
fn what_says_more_than_it_holds_is_no_batch_of_metas() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"entry":[{}]}"#,
        r#"{"entry":[{"changes":[{}]}]}"#,
        r#"{"entry":[{"changes":[{"value":{"messages":{}}}]}]}"#,
        r#"{"entry":[{"changes":[{"value":{"messages":[{"text":1}]}}]}]}"#,
        r#"{"entry":[{"changes":[{"value":{"statuses":[{"id":"a"}]}}]}]}"#,
    ] {
        let events = Sent::new(&[], body.as_bytes()).with(|sent| whatsapp("s").events(sent));
        assert!(events.is_err(), "{body}: {events:?}");
    }
    // What is said once for all of them stands in each: a body of a megabyte must not become a gigabyte.
    let messages: Vec<Value> = (0..900).map(|id| json!({ "id": id.to_string() })).collect();
    let value = json!({ "metadata": { "x": "x".repeat(100_000) }, "messages": messages });
    let body = json!({ "entry": [{ "changes": [{ "value": value }] }] }).to_string();
    assert!(Sent::new(&[], body.as_bytes()).with(|sent| whatsapp("s").events(sent)).is_err());
}

#[test]
fn twilios_signatures_are_those_of_its_documentation_and_libraries() {
    let form =
        b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
    let said = |url: &str, body: &[u8], signature: &str| {
        let headers = [("x-twilio-signature", signature)];
        Sent { url, ..Sent::new(&headers, body) }
            .with(|sent| verifier(Provider::Twilio, &["12345"]).verify(sent))
    };
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let plain = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert_eq!(said(url, form, plain), Ok(()));
    // Whether the port was named when it was signed depends on the sender.
    assert_eq!(said("https://mycompany.com:1234/myapp.php?foo=1&bar=2", form, plain), Ok(()));
    assert_eq!(said(url, form, "kvajT1Ptam85bY51eRf/AJRuM3w="), Ok(()));
    assert_eq!(
        said("http://mycompany.com/myapp.php?foo=1&bar=2", form, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        Ok(())
    );
    assert_eq!(
        said("https://mycompany.com:1234/myapp.php?foo=1&bar=2", form, "CYn1h0gLBdNxDGkKJg6hYohgeD8="),
        Ok(())
    );
    let body = br#"{"property": "value", "boolean": true}"#;
    let hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let hashed = format!("{url}&bodySHA256={hash}");
    assert_eq!(said(&hashed, body, "a9nBmqA0ju/hNViExpshrM61xv4="), Ok(()));
    assert_eq!(said(&hashed, b"{}", "a9nBmqA0ju/hNViExpshrM61xv4="), Err(Unsigned::Wrong));
    for (url, body, signature) in [
        ("https://mycompany.com/myapp.php?foo=1&bar=3", &form[..], plain),
        ("https://another.com/myapp.php?foo=1&bar=2", &form[..], plain),
        (url, &form[1..], plain),
        (url, &form[..], "not base64"),
        (url, &form[..], ""),
        (url, body, plain),
    ] {
        assert_eq!(said(url, body, signature), Err(Unsigned::Wrong), "{url} {signature}");
    }
}

#[test]
fn twilios_parameters_that_come_twice_count_once_and_in_order() {
    let headers = [("x-twilio-signature", "IK+Dwps556ElfBT0I3Rgjkr1wJU=")];
    let body = b"SidAccount=AC123&Digits=5678&Sid=CA123&Digits=1234&Digits=1234";
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let sent = Sent { url, ..Sent::new(&headers, body) };
    assert_eq!(sent.with(|sent| verifier(Provider::Twilio, &["12345"]).verify(sent)), Ok(()));
}

#[test]
fn twilios_message_is_an_event_in_each_of_its_states() {
    let id = |body: &str| {
        let events = Sent::new(&[], body.as_bytes())
            .with(|sent| verifier(Provider::Twilio, &["12345"]).events(sent))
            .unwrap();
        events[0].id.clone()
    };
    assert_eq!(id("MessageSid=SM1&SmsStatus=received&Body=Hello+there"), "SM1:received");
    assert_eq!(id("SmsSid=SM1&MessageSid=SM1&MessageStatus=delivered"), "SM1:delivered");
    let call = id("CallSid=CA1&CallStatus=completed&CallDuration=7");
    assert!(call.starts_with("CA1:sha256:"), "{call}");
    assert_eq!(call, id("CallDuration=7&CallSid=CA1&CallStatus=completed"));
    assert_ne!(call, id("CallSid=CA1&CallStatus=ringing"));
}

#[test]
fn stripes_signature_holds_for_its_time_and_either_secret() {
    let body = br#"{"id":"evt_1","type":"charge.succeeded","amount":12345678901234567890123}"#;
    let right = "9fdef1c62b180b57663fab4e12638538db26159dab00f054618704c48ab1caba";
    let verifier = verifier(Provider::Stripe, &["the next one", "whsec_a stripe like secret"]);
    let said = |header: String, at_s: u64| {
        let headers = [("stripe-signature", header.as_str())];
        Sent { at_s, ..Sent::new(&headers, body) }.with(|sent| verifier.verify(sent))
    };
    let header = format!("t=1492774577,v1={right},v0=00");
    assert_eq!(said(header.clone(), 1_492_774_577), Ok(()));
    assert_eq!(said(format!("t=1492774577, v1=00,v1={right}"), 1_492_774_877), Ok(()));
    assert_eq!(said(header.clone(), 1_492_774_878), Err(Unsigned::Stale));
    assert_eq!(said(header, 1_492_774_276), Err(Unsigned::Stale));
    assert_eq!(said(format!("t=1492774578,v1={right}"), 1_492_774_577), Err(Unsigned::Wrong));
    assert_eq!(said(format!("t=1492774577,v0={right}"), 1_492_774_577), Err(Unsigned::Wrong));
    assert_eq!(said(format!("v1={right}"), 1_492_774_577), Err(Unsigned::Missing));
    let event = Sent::new(&[], body).with(|sent| verifier.events(sent)).unwrap().remove(0);
    assert_eq!((event.id.as_str(), event.what.as_str()), ("evt_1", "charge.succeeded"));
    assert!(event.payload.contains("12345678901234567890123"), "no number loses a digit");
}

#[test]
fn vapi_is_known_by_a_secret_or_by_a_signature() {
    let body = br#"{"message":{"type":"end-of-call-report","call":{"id":"c1"}}}"#;
    let secret =
        verifier(Provider::Vapi(Vapi::Secret { header: "x-vapi-secret".to_owned() }), &["vapi secret"]);
    for (given, said) in
        [("vapi secret", Ok(())), ("vapi secre", Err(Unsigned::Wrong)), ("", Err(Unsigned::Wrong))]
    {
        assert_eq!(Sent::new(&[("x-vapi-secret", given)], body).with(|sent| secret.verify(sent)), said);
    }
    let hmac = Vapi::Hmac(keyed("x-signature", Signed::TimestampBody));
    let hmac = verifier(Provider::Vapi(hmac), &["vapi secret"]);
    let signature = "fd5335e3c9277f9e41f240c62ebe865745ccfde46c056b86c81edbf87af51aac";
    for (at_s, timestamp, said) in [
        (1_700_000_000, "1700000000", Ok(())),
        (1_700_000_301, "1700000000", Err(Unsigned::Stale)),
        (1_700_000_000, "1700000001", Err(Unsigned::Wrong)),
    ] {
        let headers = [("x-signature", signature), ("x-timestamp", timestamp)];
        assert_eq!(Sent { at_s, ..Sent::new(&headers, body) }.with(|sent| hmac.verify(sent)), said);
    }
    let event = Sent::new(&[], body).with(|sent| hmac.events(sent)).unwrap().remove(0);
    assert_eq!((event.id.as_str(), event.what.as_str()), ("c1:end-of-call-report", "end-of-call-report"));
    assert!(Sent::new(&[], b"{}").with(|sent| hmac.events(sent)).is_err());
}

#[test]
fn a_standard_webhook_is_verified_as_its_documentation_says() {
    // The example of https://www.standardwebhooks.com.
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let keyed = Keyed {
        encoding: Encoding::Base64,
        prefix: "v1,".to_owned(),
        timestamp_header: "webhook-timestamp".to_owned(),
        ..keyed("webhook-signature", Signed::IdTimestampBody)
    };
    let verifier =
        Verifier { provider: Provider::Hmac(keyed), secrets: vec![SecretKey::new(key)], tolerance: MINUTES };
    let said = |id: &str, signature: &str| {
        let headers =
            [("webhook-id", id), ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)];
        let sent = Sent { at_s: 1_614_265_330, ..Sent::new(&headers, br#"{"test": 2432232314}"#) };
        sent.with(|sent| verifier.verify(sent).map(|()| verifier.events(sent).unwrap().remove(0).id))
    };
    let (id, signature) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(said(id, signature), Ok(id.to_owned()));
    assert_eq!(said(id, &format!("v1,AAAA v1a,AAAA {signature}")), Ok(id.to_owned()));
    assert_eq!(said("msg_another", signature), Err(Unsigned::Wrong));
}

#[test]
fn an_event_without_a_name_is_known_by_its_body() {
    let events = |keyed: Keyed, body: &str| {
        let verifier = verifier(Provider::Hmac(keyed), &["s"]);
        Sent::new(&[], body.as_bytes()).with(|sent| verifier.events(sent))
    };
    let nameless = keyed("x-signature", Signed::Body);
    let named = Keyed { id_pointer: Some("/data/id".to_owned()), ..nameless.clone() };
    assert_eq!(events(named.clone(), r#"{"data":{"id":7}}"#).unwrap()[0].id, "7");
    assert!(events(named.clone(), r#"{"data":{"id":null}}"#).is_err());
    let long = events(named, &json!({ "data": { "id": "x".repeat(201) } }).to_string()).unwrap();
    assert!(long[0].id.starts_with("sha256:"));
    let (one, two) = (events(nameless.clone(), r#"{"type":"a"}"#), events(nameless, r#"{"type": "a"}"#));
    let (one, two) = (one.unwrap().remove(0), two.unwrap().remove(0));
    assert_eq!(one.what, "a");
    assert_ne!(one.id, two.id);
}

proptest::proptest! {
    #[test]
    fn nothing_that_anybody_sends_is_believed_or_panics(
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        header in "[ -~]{0,80}",
        url in "[ -~]{0,80}",
    ) {
        let headers = [
            ("x-hub-signature-256", header.as_str()), ("x-twilio-signature", &header), ("stripe-signature", &header),
            ("x-vapi-secret", &header), ("x-signature", &header), ("x-timestamp", "0"), ("webhook-id", &header),
        ];
        let vapi = Vapi::Secret { header: "x-vapi-secret".to_owned() };
        let providers = [
            Provider::WhatsApp { verify_token: SecretKey::new("a token") }, Provider::Twilio, Provider::Vapi(vapi),
            Provider::Stripe, Provider::Hmac(keyed("x-signature", Signed::IdTimestampBody)),
        ];
        for provider in providers {
            let verifier = verifier(provider, &["\u{1}a secret that nobody guesses"]);
            let sent = Sent { url: &url, ..Sent::new(&headers, &body) };
            proptest::prop_assert!(sent.with(|sent| verifier.verify(sent)).is_err());
            // Also what was signed may be anything.
            drop(sent.with(|sent| verifier.events(sent)));
            drop(verifier.challenge(&header));
        }
    }
}
