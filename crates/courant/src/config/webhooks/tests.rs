use std::collections::BTreeMap;

use super::super::{Config, ConfigError, Sources};
use super::*;

fn read(text: &str) -> Result<Webhooks, ConfigError> {
    let file = Some(("courant.toml".to_owned(), text.to_owned()));
    let sources = Sources { file, environment: BTreeMap::new(), ..Sources::default() };
    Config::read(&sources).map(|config| config.webhooks)
}

const SECRET: &str = "secret = '0123456789abcdef'\n";

#[test]
fn addresses_of_every_provider_are_read() {
    let webhooks = read(&format!(
        "[[queue]]\nname = 'default'\n\
         [[webhook]]\npath = '/hooks/whatsapp'\nprovider = 'whatsapp'\nverify_token = 'token'\n{SECRET}\
         [[webhook]]\npath = '/hooks/sms'\nprovider = 'twilio'\npublic_url = 'https://example.com/sms'\n{SECRET}\
         kind = 'sms'\nqueue = 'inbox'\nbody_bytes_max = 65536\n\
         [[webhook]]\npath = '/hooks/voice'\nprovider = 'vapi'\n{SECRET}\
         [[webhook]]\npath = '/hooks/voice2'\nprovider = 'vapi'\nalgorithm = 'sha512'\n{SECRET}\
         [[webhook]]\npath = '/hooks/pay'\nprovider = 'stripe'\ntolerance_ms = 60000\n\
         secret = ['0123456789abcdef', 'fedcba9876543210']\n\
         [[webhook]]\npath = '/hooks/standard'\nprovider = 'hmac'\nheader = 'Webhook-Signature'\nprefix = 'v1,'\n\
         encoding = 'base64'\nsigns = 'id.timestamp.body'\nid_header = 'webhook-id'\n\
         timestamp_header = 'webhook-timestamp'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n"
    ))
    .unwrap();
    let [whatsapp, sms, voice, voice2, pay, standard] = &webhooks.addresses[..] else {
        panic!("{webhooks:?}")
    };
    assert_eq!(
        (whatsapp.destination.kind.as_str(), whatsapp.destination.queue.as_str()),
        ("whatsapp", "default")
    );
    assert_eq!((sms.destination.kind.as_str(), sms.destination.queue.as_str()), ("sms", "inbox"));
    assert_eq!((sms.public_url.as_deref(), sms.body_bytes_max), (Some("https://example.com/sms"), 65536));
    let header = "x-vapi-secret".to_owned();
    assert_eq!(voice.verifier.provider, Provider::Vapi(Vapi::Secret { header }));
    let Provider::Vapi(Vapi::Hmac(keyed)) = &voice2.verifier.provider else { panic!("{voice2:?}") };
    assert_eq!((keyed.header.as_str(), keyed.signed), ("x-signature", Signed::TimestampBody));
    assert_eq!((pay.verifier.secrets.len(), pay.verifier.tolerance), (2, Duration::from_secs(60)));
    let Provider::Hmac(keyed) = &standard.verifier.provider else { panic!("{standard:?}") };
    assert_eq!((keyed.header.as_str(), keyed.signed), ("webhook-signature", Signed::IdTimestampBody));
    assert_eq!(
        standard.verifier.secrets[0],
        SecretKey::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap())
    );
    assert!(!format!("{webhooks:?}").contains("0123456789abcdef"), "no secret is ever shown");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let hook = |rest: &str| format!("[[queue]]\nname = 'q'\n[[webhook]]\npath = '/h'\n{rest}");
    for (text, why) in [
        ("[[queue]]\nname = 'q'\n[[webhook]]\nprovider = 'twilio'".to_owned(), "has a path"),
        (hook("provider = 'twilio'\n").replace("'/h'", "'h'"), "expected one like"),
        (hook("provider = 'twilio'\n").replace("'/h'", "'/h?a'"), "expected one like"),
        (hook(SECRET), "has a provider"),
        (hook(&format!("provider = 'other'\n{SECRET}")), "one of whatsapp"),
        (hook("provider = 'twilio'\n"), "has a secret"),
        (hook("provider = 'twilio'\nsecret = 'short'"), "16 bytes"),
        (
            hook("provider = 'twilio'\nsecret = '$COURANT_NO_SUCH_VARIABLE'"),
            "has no COURANT_NO_SUCH_VARIABLE",
        ),
        (hook("provider = 'twilio'\nsecret = '@/no/such/file'"), "cannot read the file"),
        (hook(&format!("provider = 'twilio'\nheader = 'x'\n{SECRET}")), "says itself"),
        (hook(&format!("provider = 'twilio'\npublic_url = '/hooks'\n{SECRET}")), "expected an address"),
        (hook(&format!("provider = 'stripe'\npublic_url = 'https://a/'\n{SECRET}")), "is for twilio"),
        (hook(&format!("provider = 'whatsapp'\n{SECRET}")), "verify_token"),
        (hook(&format!("provider = 'vapi'\nprefix = 'x'\n{SECRET}")), "with algorithm"),
        (hook(&format!("provider = 'hmac'\n{SECRET}")), "header: expected"),
        (hook(&format!("provider = 'hmac'\nheader = 'a b'\n{SECRET}")), "no header's name"),
        (hook(&format!("provider = 'hmac'\nheader = 'a'\nid_header = 'b'\n{SECRET}")), "counts for nothing"),
        (
            hook(&format!("provider = 'hmac'\nheader = 'a'\nsigns = 'timestamp.body'\n{SECRET}")),
            "timestamp_header",
        ),
        (hook(&format!("provider = 'hmac'\nheader = 'a'\nevent_id = 'id'\n{SECRET}")), "JSON pointer"),
        (hook(&format!("provider = 'stripe'\nqueue = 'No'\n{SECRET}")), "a-z"),
        (
            hook(&format!(
                "provider = 'stripe'\n{SECRET}[[webhook]]\npath = '/h'\nprovider = 'stripe'\n{SECRET}"
            )),
            "twice",
        ),
        (format!("[[webhook]]\npath = '/h'\nprovider = 'stripe'\n{SECRET}"), "expected a [[queue]] too"),
    ] {
        let refused = read(&text).expect_err(&text).to_string();
        assert!(refused.contains(why), "{text}: {refused}");
        assert!(!refused.contains("0123456789abcdef"), "{refused}");
    }
}
