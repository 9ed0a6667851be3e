use super::*;

fn read(text: &str) -> String {
    match parse(text) {
        Ok(keywords) => ["user", "password", "dbname", "host", "hostaddr", "port", "sslmode", "options"]
            .iter()
            .filter_map(|keyword| Some(format!("{keyword}={}", keywords.get(keyword)?)))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn a_uri_means_what_libpq_takes_it_to_mean() {
    for (uri, meaning) in [
        ("postgresql://", ""),
        ("postgresql://localhost", "host=localhost"),
        ("postgresql://localhost:5433", "host=localhost port=5433"),
        ("postgresql://localhost/mydb", "dbname=mydb host=localhost"),
        ("postgresql://user@localhost", "user=user host=localhost"),
        ("postgresql://user:secret@localhost", "user=user password=secret host=localhost"),
        (
            "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
            "user=other dbname=otherdb host=localhost",
        ),
        ("postgresql://host1:123,host2:456/somedb", "dbname=somedb host=host1,host2 port=123,456"),
        ("postgresql://host1,host2:456/somedb", "dbname=somedb host=host1,host2 port=,456"),
        ("postgresql:///mydb?host=localhost&port=5433", "dbname=mydb host=localhost port=5433"),
        (
            "postgresql://user@localhost:5433/mydb?options=-c%20synchronous_commit%3Doff",
            "user=user dbname=mydb host=localhost port=5433 options=-c synchronous_commit=off",
        ),
        ("postgresql://[2001:db8::1234]/database", "dbname=database host=2001:db8::1234"),
        ("postgresql://[::1]:12345/db", "dbname=db host=::1 port=12345"),
        ("postgresql:///dbname?host=/var/lib/postgresql", "dbname=dbname host=/var/lib/postgresql"),
        ("postgresql://%2Fvar%2Flib%2Fpostgresql/dbname", "dbname=dbname host=/var/lib/postgresql"),
        ("postgres://%68ost/", "host=host"),
        ("postgresql://?hostaddr=127.0.0.1", "hostaddr=127.0.0.1"),
        ("postgresql://example.com?hostaddr=63.1.2.4", "host=example.com hostaddr=63.1.2.4"),
        ("postgresql://uri-user@", "user=uri-user"),
        (
            "postgresql://host/db?u%73er=someotheruser&port=12345",
            "user=someotheruser dbname=db host=host port=12345",
        ),
        ("postgres://otheruser@/?host=/no/such/socket/path", "user=otheruser host=/no/such/socket/path"),
        ("postgres://:12345/db?host=/path", "dbname=db host=/path port=12345"),
        ("postgres://user:p%40ss%2Fw%3Aord@host", "user=user password=p@ss/w:ord host=host"),
        ("postgres://user:what?@host", "user=user password=what? host=host"),
        ("postgresql://host?ssl=true", "host=host sslmode=require"),
        ("postgresql://host/db?", "dbname=db host=host"),
    ] {
        assert_eq!(read(uri), meaning, "{uri}");
    }
}

#[test]
fn a_wrong_uri_says_what_is_wrong_and_not_the_password() {
    for (uri, hint) in [
        ("postgresql://host?uzer=", "unknown parameter \"uzer\""),
        ("postgresql://host?zzz", "has no \"=\""),
        ("postgres://host?key=key=value", "more than one \"=\""),
        ("postgres://[::1", "closing \"]\""),
        ("postgres://[]", "is empty"),
        ("postgres://[::1]z", "after an IPv6 address"),
        ("postgres://a%00b", "%00"),
        ("postgres://%zz", "two hexadecimal digits"),
        ("postgres://%1", "two hexadecimal digits"),
        ("postgres://user:secret%zz@host", "two hexadecimal digits"),
        ("mysql://user:secret@host", "must begin with postgresql://"),
        ("host=h password='secret", "closing \"'\""),
        ("host=h secret", "no \"=\" after word 2"),
    ] {
        let error = read(uri);
        assert!(error.contains(hint), "{uri}: {error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn pairs_may_have_blanks_quotes_and_escapes() {
    for (text, meaning) in [
        ("host=localhost port=5432 dbname=mydb", "dbname=mydb host=localhost port=5432"),
        ("  host = localhost   user= 'a b' ", "user=a b host=localhost"),
        (r"password='it\'s \\' user=x\ y", r"user=x y password=it's \"),
        ("user='' host=h", "host=h"),
        ("options='-c geqo=off'", "options=-c geqo=off"),
        ("mydb", "dbname=mydb"),
        ("", ""),
    ] {
        assert_eq!(read(text), meaning, "{text}");
    }
}
