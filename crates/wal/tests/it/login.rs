//! Ways in, and refusals.

use pg::cluster::ClusterSettings;
use wal::{Error, Stream, StreamOptions};

use crate::source::{PATIENCE, Source, settings};

fn code(result: Result<Stream, Error>) -> String {
    match result {
        Err(Error::Refused { code, .. }) => code,
        Err(error) => panic!("not a refusal: {error:?}"),
        Ok(_) => panic!("not refused"),
    }
}

async fn open(source: &Source, user: &str, password: Option<&str>) -> Result<Stream, Error> {
    let opened = source.opened(user, password).await;
    tokio::time::timeout(PATIENCE, Stream::open(opened, StreamOptions::new("courant"))).await.unwrap()
}

#[tokio::test]
async fn each_method_of_authentication_lets_the_right_password_in() {
    let methods = ["postgres trust", "scram scram-sha-256", "plain password", "md md5"];
    let hba = methods.map(|method| format!("local all {method}")).into();
    let source = Source::start_with(ClusterSettings { hba, ..settings() }).await;
    source
        .run(
            "set password_encryption = 'scram-sha-256'; create role scram login replication password 'é\u{a0}pass';
             create role plain login replication password 'open';
             set password_encryption = 'md5'; create role md login replication password 'old';",
        )
        .await;
    for (user, password) in [("scram", "é\u{a0}pass"), ("plain", "open"), ("md", "old")] {
        assert_eq!(code(open(&source, user, Some("wrong")).await), "28P01", "{user}");
        assert!(matches!(open(&source, user, None).await, Err(Error::Authentication(_))), "{user}");
        open(&source, user, Some(password)).await.unwrap_or_else(|error| panic!("{user}: {error}"));
    }
}

#[tokio::test]
async fn a_server_without_logical_wal_refuses_with_its_code() {
    let source = Source::start_with(settings().with("wal_level", "replica")).await;
    assert_eq!(code(open(&source, "postgres", None).await), "55000");
}

#[tokio::test]
async fn a_role_without_the_right_to_replicate_is_refused_with_its_code() {
    let source = Source::start().await;
    source.run("create role ordinary login").await;
    assert_eq!(code(open(&source, "ordinary", None).await), "42501");
    assert_eq!(code(open(&source, "nobody", None).await), "28000");
}

#[tokio::test]
async fn a_server_without_a_free_slot_refuses_with_its_code() {
    let source = Source::start_with(settings().with("max_replication_slots", "1")).await;
    let _first = source.stream().await;
    assert_eq!(code(open(&source, "postgres", None).await), "53400");
}
