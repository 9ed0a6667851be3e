//! The audit log: what is in it, who may touch it, and how a change of it is found.

mod events;
mod rights;
mod tampering;
mod writes;

use std::time::{Duration, Instant};

use pg::cluster::Cluster;
use serde_json::Value;
use tokio_postgres::Client;

use crate::node::command;

const ON: [(&str, &str); 1] = [("COURANT_AUDIT_ENABLED", "true")];

/// What `courant audit …` says, and whether it ended well.
fn run(cluster: &Cluster, arguments: &[&str]) -> (bool, String) {
    let uri = cluster.uri("postgres");
    let output = command(&[&["audit"], arguments, &["--database-url", &uri]].concat()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn verified(cluster: &Cluster) -> Value {
    let (intact, said) = run(cluster, &["verify", "--json"]);
    let told: Value = serde_json::from_str(said.lines().next().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(told["intact"], intact, "{said}");
    told
}

/// Waits until a number in the database is that.
async fn until(client: &Client, sql: &str, expected: i64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{sql}: {found}, never {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
