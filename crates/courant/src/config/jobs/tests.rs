use std::collections::BTreeMap;

use super::super::{Config, ConfigError, Sources};
use super::*;

fn read(text: &str) -> Result<Jobs, ConfigError> {
    let file = Some(("courant.toml".to_owned(), text.to_owned()));
    let sources = Sources { file, environment: BTreeMap::new(), ..Sources::default() };
    Config::read(&sources).map(|config| config.jobs)
}

#[test]
fn queues_handlers_and_schedules_are_read() {
    let jobs = read(
        "[[queue]]\nname = 'mail'\nconcurrency = 50\nrate = 100\nlease_ms = 60000\n\
         [[queue]]\nname = 'voice'\nworkers = 'outside'\n\
         [[job]]\nkind = 'send'\nfunction = 'app.send'\nrole = 'mailer'\n\
         [[job]]\nkind = 'call'\nurl = 'http://127.0.0.1:8000/jobs'\ntimeout_ms = 5000\n\
         [[periodic]]\nname = 'report'\ncron = '0 3 * * *'\nzone = 'Europe/Berlin'\nkind = 'send'\nargs = '{\"a\":1}'\n\
         [jobs]\ncompleted_kept_ms = 0\n",
    )
    .unwrap();
    let [mail, voice] = &jobs.queues[..] else { panic!("{jobs:?}") };
    assert_eq!((mail.concurrency, voice.concurrency), (Some(50), None));
    assert_eq!(mail.rate, Some(Rate { count: 100, window: Duration::from_secs(1) }));
    let [send, call] = &jobs.handlers[..] else { panic!("{jobs:?}") };
    let Handling::Function(function) = &send.what else { panic!("{send:?}") };
    let function = function.called(send.timeout, &["public".to_owned()]);
    assert_eq!(function.function, ("app".to_owned(), "send".to_owned()));
    assert_eq!((function.role.as_deref(), call.timeout), (Some("mailer"), Duration::from_secs(5)));
    assert_eq!(jobs.periodics[0].job, r#"{"kind":"send","args":{"a":1}}"#);
    assert!(jobs.completed_kept.is_zero());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let queue = "[[queue]]\nname = 'q'\n";
    for (text, why) in [
        ("[[queue]]\nconcurrency = 1".to_owned(), "has a name"),
        ("[[queue]]\nname = 'No'".to_owned(), "a-z"),
        (format!("{queue}workers = 'elsewhere'"), "expected one of here, outside"),
        (format!("{queue}workers = 'outside'\nconcurrency = 5"), "decide themselves"),
        (format!("{queue}lease_ms = 1"), "from 3000"),
        (format!("{queue}backoff_min_ms = 10\nbackoff_max_ms = 5"), "at most backoff_max_ms"),
        (format!("{queue}{queue}"), "found q twice"),
        (format!("{queue}[[job]]\nkind = 'a'"), "either a function or a url"),
        (format!("{queue}[[job]]\nkind = 'a'\nurl = 'ftp://a/'"), "expected an address"),
        (format!("{queue}[[job]]\nkind = 'a'\nurl = 'https://a/'"), "not spoken yet"),
        (format!("{queue}[[periodic]]\nname = 'a'\ncron = '* * *'\nkind = 'a'"), "minute, hour"),
        (format!("{queue}[[periodic]]\nname = 'a'\ncron = '* * * * *'\nkind = 'a'\nzone = 'X'"), "time zone"),
        (
            format!("{queue}[[periodic]]\nname = 'a'\ncron = '* * * * *'\nkind = 'a'\nargs = '{{'"),
            "expected JSON",
        ),
        ("[[job]]\nkind = 'a'\nfunction = 'f'".to_owned(), "expected a [[queue]] too"),
        ("[jobs]\nsigning_secret = 'short'".to_owned(), "32 bytes"),
    ] {
        let refused = read(&text).expect_err(&text).to_string();
        assert!(refused.contains(why), "{text}: {refused}");
    }
}
