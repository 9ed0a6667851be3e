//! Ways in, and refusals.

use std::fs;

use wal::{Error, Stream, StreamOptions};

use crate::cluster::{Cluster, PATIENCE};

fn code(result: Result<Stream, Error>) -> String {
    match result {
        Err(Error::Refused { code, .. }) => code,
        Err(error) => panic!("not a refusal: {error:?}"),
        Ok(_) => panic!("not refused"),
    }
}

async fn open(cluster: &Cluster, user: &str, password: Option<&str>) -> Result<Stream, Error> {
    let endpoint = cluster.endpoint(user, password).await;
    tokio::time::timeout(PATIENCE, Stream::open(endpoint, StreamOptions::new("courant"))).await.unwrap()
}

#[tokio::test]
async fn each_method_of_authentication_lets_the_right_password_in() {
    let cluster = Cluster::start(&[]).await;
    cluster
        .run(
            "set password_encryption = 'scram-sha-256'; create role scram login replication password 'é\u{a0}pass';
             create role plain login replication password 'open';
             set password_encryption = 'md5'; create role md login replication password 'old';",
        )
        .await;
    let rules = "local all postgres trust\nlocal all scram scram-sha-256\nlocal all plain password\nlocal all md md5\n";
    fs::write(cluster.directory().join("pg_hba.conf"), rules).unwrap();
    cluster.run("select pg_reload_conf()").await;
    cluster.until("select count(*) = 4 from pg_hba_file_rules").await;
    for (user, password) in [("scram", "é\u{a0}pass"), ("plain", "open"), ("md", "old")] {
        // The reload reaches the postmaster a moment later, so the refusal is what is waited for.
        let refused = async {
            while open(&cluster, user, Some("wrong")).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.unwrap();
        assert_eq!(code(open(&cluster, user, Some("wrong")).await), "28P01", "{user}");
        assert!(matches!(open(&cluster, user, None).await, Err(Error::Authentication(_))), "{user}");
        open(&cluster, user, Some(password)).await.unwrap_or_else(|error| panic!("{user}: {error}"));
    }
}

#[tokio::test]
async fn a_server_without_logical_wal_refuses_with_its_code() {
    let cluster = Cluster::start(&["wal_level=replica"]).await;
    assert_eq!(code(open(&cluster, "postgres", None).await), "55000");
}

#[tokio::test]
async fn a_role_without_the_right_to_replicate_is_refused_with_its_code() {
    let cluster = Cluster::start(&[]).await;
    cluster.run("create role ordinary login").await;
    assert_eq!(code(open(&cluster, "ordinary", None).await), "42501");
    assert_eq!(code(open(&cluster, "nobody", None).await), "28000");
}

#[tokio::test]
async fn a_server_without_a_free_slot_refuses_with_its_code() {
    let cluster = Cluster::start(&["max_replication_slots=1"]).await;
    let _first = cluster.stream().await;
    assert_eq!(code(open(&cluster, "postgres", None).await), "53400");
}
