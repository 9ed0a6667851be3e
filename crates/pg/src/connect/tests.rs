use std::collections::HashMap;

use super::*;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<ConnectOptions, ConnectError> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    ConnectOptions::parse(Some(text), &|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn error(text: &str, variables: &[(&str, &str)]) -> String {
    parse(text, variables).unwrap_err().to_string()
}

#[test]
fn what_is_missing_comes_from_the_environment_and_then_from_defaults() {
    let shown = |text, variables: &[_]| parse(text, variables).unwrap().redacted();
    let local = "/var/run/postgresql:5432,/tmp:5432,localhost:5432";
    assert_eq!(shown("user=u", &[]), format!("u@{local}/u"));
    assert_eq!(shown("user=u", &[("PGHOST", ""), ("PGDATABASE", "")]), format!("u@{local}/u"));
    let variables = [("PGHOST", "h"), ("PGPORT", "1"), ("PGUSER", "u"), ("PGDATABASE", "d")];
    assert_eq!(shown("", &variables), "u@h:1/d");
    assert_eq!(shown("host=x dbname=y", &variables), "u@x:1/y");
    assert_eq!(shown("postgresql://v:secret@x:2/y", &variables), "v@x:2/y");
    // An empty value hides the environment's.
    assert_eq!(shown("host=x port=''", &variables), "u@x:5432/d");
    assert_eq!(shown("mydb", &variables), "u@h:1/mydb");
    assert_eq!(shown("host=a,[b hostaddr=::1,1.2.3.4 port=7,8", &variables), "u@a(::1):7,[b(1.2.3.4):8/d");
    let os_user = parse("", &[]).unwrap();
    assert_eq!(os_user.user(), whoami::username().unwrap());
}

#[test]
fn options_are_never_shown_with_their_password() {
    let options = parse("postgresql://u:secret@h/d?sslmode=disable", &[("PGPASSWORD", "secret2")]).unwrap();
    assert!(!format!("{options} {options:?}").contains("secret"));
    assert!(!options.is_loopback());
    for loopback in ["host=localhost", "host=/tmp", "host=127.0.0.1,::1", ""] {
        assert!(parse(loopback, &[]).unwrap().is_loopback(), "{loopback}");
    }
}

#[test]
fn settings_from_the_environment_come_after_options_and_defaults_before() {
    let variables = [("PGOPTIONS", "-c a.b=1"), ("PGTZ", "a b\\c"), ("PGDATESTYLE", "ISO, MDY")];
    let options = parse("user=u", &variables).unwrap().with_defaults(&[("statement_timeout", "5")], "me");
    let expected = r"-c statement_timeout=5 -c a.b=1 -c timezone=a\ b\\c -c datestyle=ISO,\ MDY";
    assert_eq!(options.config().get_options(), Some(expected));
    assert_eq!(options.config().get_application_name(), Some("me"));
    let named = parse("user=u application_name=x", &[]).unwrap().with_defaults(&[], "me");
    assert_eq!(named.config().get_application_name(), Some("x"));
}

#[test]
fn a_mistake_is_one_line_that_says_what_to_change() {
    for (text, variables, hint) in [
        ("sslmode=maybe", &[][..], "sslmode is \"maybe\"; it must be one of disable, allow, prefer"),
        ("", &[("PGSSLMODE", "on")], "sslmode is \"on\""),
        ("port=70000", &[], "a number from 1 to 65535"),
        ("port=1,2", &[("PGHOST", "a,b,c")], "there are 3 hosts and 2 ports"),
        ("host=a,b hostaddr=::1", &[], "2 hosts and 1 entries of hostaddr"),
        ("hostaddr=localhost", &[], "a name belongs in host"),
        ("connect_timeout=soon", &[], "connect_timeout is \"soon\"; it must be a whole number"),
        ("", &[("PGSERVICE", "prod")], "PGSERVICE is not supported"),
        ("gssencmode=require host=h", &[], "gssencmode=require is not supported; use disable"),
        ("client_encoding=latin1", &[], "client_encoding=latin1 is not supported; use auto"),
        ("target_session_attrs=master", &[], "must be one of any, read-write"),
        (
            "host=h sslmode=verify-full",
            &[("HOME", "/no/such")],
            "/no/such/.postgresql/root.crt: cannot be read",
        ),
        ("host=h sslrootcert=/no/such", &[], "/no/such: cannot be read"),
        ("host=h sslrootcert=system sslmode=require", &[], "it needs sslmode=verify-full"),
        ("host=h sslnegotiation=direct", &[], "needs sslmode=require"),
        ("host=h sslcert=/no/such", &[], "/no/such: cannot be read"),
    ] {
        let error = error(text, variables);
        assert!(error.contains(hint) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn a_timeout_of_one_second_is_two_and_of_zero_is_none() {
    for (text, seconds) in [("0", None), ("-1", None), ("1", Some(2)), ("7", Some(7))] {
        let options = parse(&format!("connect_timeout={text}"), &[]).unwrap();
        assert_eq!(options.connect_timeout, seconds.map(Duration::from_secs));
    }
}
