//! Logging in: environment, password file, several hosts, and errors that say what to change.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use pg::cluster::{Cluster, ClusterSettings};
use pg::connect::{ConnectError, ConnectOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{execute, trusting, url};
use crate::options;

/// Logs in and shows a setting.
async fn show(options: &ConnectOptions, name: &str) -> Result<String, ConnectError> {
    let (client, driver) = options.connect().await?;
    tokio::spawn(driver);
    Ok(client.query_one(&format!("show {name}"), &[]).await.unwrap().get(0))
}

fn from(variables: &[(&str, &str)]) -> ConnectOptions {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    ConnectOptions::parse(None, &|name| variables.get(name).map(|value| (*value).to_owned())).unwrap()
}

#[tokio::test]
async fn the_environment_says_where_and_how() {
    let cluster = trusting();
    let port = cluster.port().to_string();
    let options = from(&[
        ("PGHOST", cluster.sockets().to_str().unwrap()),
        ("PGPORT", &port),
        ("PGUSER", "postgres"),
        ("PGOPTIONS", "-c work_mem=5MB -c timezone=Asia/Tokyo"),
        ("PGTZ", "America/Montreal"),
        ("PGDATESTYLE", "SQL, DMY"),
        ("PGAPPNAME", "my app"),
    ]);
    assert_eq!(options.redacted(), format!("postgres@{}:{port}/postgres", cluster.sockets().display()));
    assert!(options.is_loopback());
    for (name, value) in [
        ("work_mem", "5MB"),
        ("timezone", "America/Montreal"),
        ("datestyle", "SQL, DMY"),
        ("application_name", "my app"),
    ] {
        assert_eq!(show(&options, name).await.unwrap(), value);
    }
}

#[tokio::test]
async fn a_password_comes_from_the_string_the_environment_or_the_file() {
    let cluster = Cluster::for_test_with(
        "login",
        ClusterSettings::for_tests().with_tcp(&["host all all all scram-sha-256"]),
    );
    execute(&cluster, "create role ann login password 'p:w'").await;
    let port = cluster.port().to_string();
    let base = [("PGHOST", "127.0.0.1"), ("PGPORT", &*port), ("PGUSER", "ann"), ("PGDATABASE", "postgres")];
    let with = |more: &[(&'static str, String)]| {
        let mut variables = base.to_vec();
        variables.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        from(&variables)
    };
    let right = options(&format!("postgresql://ann:p%3Aw@127.0.0.1:{port}/postgres"));
    show(&right, "port").await.unwrap();
    show(&with(&[("PGPASSWORD", "p:w".to_owned())]), "port").await.unwrap();

    let home = cluster.directory().join("home");
    fs::create_dir(&home).unwrap();
    let file = home.join(".pgpass");
    fs::write(&file, format!("other:*:*:*:x\n127.0.0.1:{port}:postgres:ann:p\\:w\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let in_home = [("HOME", home.to_str().unwrap().to_owned())];
    let named = [("PGPASSFILE", file.to_str().unwrap().to_owned())];
    show(&with(&in_home), "port").await.unwrap();
    show(&with(&named), "port").await.unwrap();

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let error = show(&with(&named), "port").await.unwrap_err();
    assert!(matches!(error, ConnectError::PasswordMissing { .. }), "{error}");
    let error = show(&with(&[("PGPASSWORD", "wrong".to_owned())]), "port").await.unwrap_err().to_string();
    assert!(error.contains("password authentication failed for user \"ann\" (28P01)"), "{error}");
}

#[tokio::test]
async fn hosts_are_tried_in_order_until_one_serves() {
    let cluster = trusting();
    let port = cluster.port();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hosts = format!("postgresql://postgres@127.0.0.1:{nobody},127.0.0.1:{port}/postgres");
    assert_eq!(show(&options(&hosts), "port").await.unwrap(), port.to_string());
    let pairs = format!("host=/no/such,127.0.0.1 hostaddr=,127.0.0.1 port={port} user=postgres");
    assert_eq!(show(&options(&pairs), "port").await.unwrap(), port.to_string());

    let error = show(&options(&format!("postgresql://postgres@127.0.0.1:{nobody}/x")), "port").await;
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot reach 127.0.0.1:{nobody}: ")), "{error}");

    let read_only = "options=-c%20default_transaction_read_only=on";
    for (wanted, more, fits) in [
        ("primary", "", true),
        ("read-write", "", true),
        ("prefer-standby", "", true),
        ("standby", "", false),
        ("read-only", "", false),
        ("read-only", "options=-c%20default_transaction_read_only%3Don", true),
        ("read-write", "options=-c%20default_transaction_read_only%3Don", false),
    ] {
        let text = format!("{hosts}?target_session_attrs={wanted}&{more}");
        assert_eq!(show(&options(&text), "port").await.is_ok(), fits, "{wanted} {more}");
    }
    assert!(ConnectOptions::parse(Some(&format!("{hosts}?{read_only}")), &|_| None).is_err());
}

#[tokio::test]
async fn an_opened_stream_awaits_the_startup_message() {
    let cluster = trusting();
    let mut opened = options(&url(&cluster)).open().await.unwrap();
    assert!(!opened.encrypted && opened.login.channel_binding.is_none());
    let mut message = bytes::BytesMut::new();
    let parameters = [("user", opened.login.user.as_str()), ("database", &opened.login.database)];
    let more = opened.login.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    postgres_protocol::message::frontend::startup_message(parameters.into_iter().chain(more), &mut message)
        .unwrap();
    opened.stream.write_all(&message).await.unwrap();
    assert_eq!(opened.stream.read_u8().await.unwrap(), b'R');
}

#[tokio::test]
async fn a_refusal_names_the_server_and_repeats_what_it_said() {
    let cluster = trusting();
    let text =
        format!("host={} port={} user=nobody dbname=postgres", cluster.sockets().display(), cluster.port());
    let error = show(&options(&text), "port").await.unwrap_err().to_string();
    assert!(error.ends_with("refused: role \"nobody\" does not exist (28000)"), "{error}");
    let error = options("host=/no/such user=postgres").connect().await.err().unwrap().to_string();
    assert!(error.starts_with("cannot reach /no/such:5432: "), "{error}");
}
