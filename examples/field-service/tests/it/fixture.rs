//! The example in a database of its own, and its rows at the tests' scale.

use std::time::{Duration, UNIX_EPOCH};

use field_service::{Scale, Summary};
use pg::cluster::Cluster;
use tokio_postgres::{Client, NoTls};

/// Creates a database with the example's schema in it, and connects to it as a superuser.
pub(crate) async fn installed(cluster: &Cluster, database: &str) -> Client {
    let client = connect(cluster, "postgres").await;
    client.batch_execute(&format!("create database {database}")).await.expect("the name is free");
    let client = connect(cluster, database).await;
    field_service::install(&client).await.expect("the schema installs");
    client
}

pub(crate) async fn connect(cluster: &Cluster, database: &str) -> Client {
    let connected = tokio_postgres::connect(&cluster.uri(database), NoTls).await;
    let (client, connection) = connected.expect("the server was waited for");
    tokio::spawn(connection);
    client
}

/// Fills the example at the tests' scale, with data that ends at midnight of 15 January 2026.
pub(crate) async fn generate(client: &Client) -> Summary {
    let scale = Scale { calls: 500, messages: 2000 };
    let until = UNIX_EPOCH + Duration::from_secs(1_768_435_200);
    field_service::generate(client, scale, until, &mut |_| {}).await.expect("the tables take the rows")
}

/// Lets the session be a signed-in user until it is reset.
pub(crate) async fn sign_in(client: &Client, sub: &str) {
    let claims = format!(r#"{{"role":"authenticated","sub":"{sub}"}}"#);
    client
        .query_one("select set_config('request.jwt.claims', $1, false)", &[&claims])
        .await
        .expect("settable");
    client.batch_execute("set role authenticated").await.expect("a superuser becomes any role");
}
