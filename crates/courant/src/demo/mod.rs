//! `courant demo`: the embedded cluster, the example app in it, and a tour.

mod tour;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use field_service::{DEMO_USERS, Scale};
use indicatif::{ProgressBar, ProgressStyle};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pg::cluster::Cluster;
use tokio_postgres::NoTls;

use crate::app;
use crate::config::{Config, Origin, Secret};
use crate::node::Node;
use crate::{embedded, log};

/// The database of the example, apart from the cluster's default one.
const DATABASE: &str = "field_service";
/// The demo's own secret: its cluster answers on this machine only and holds invented people.
const SECRET: &str = "the demo's secret is no secret, it is printed here";
/// How long the printed token is good for.
const TOKEN_S: u64 = 24 * 3600;
/// Messages of the example for each call.
const MESSAGES_PER_CALL: u64 = 5;

/// Serves the example until stopped, or takes the tour once. `calls` is how many to generate when the
/// example is not there yet.
pub(crate) async fn run(mut config: Config, calls: u64, tour_once: bool) -> Result<()> {
    if tour_once {
        // The tour tells what the log would.
        config.log.level = "warn".to_owned();
    }
    let _pending = log::start(&config.log)?;
    let mut cluster = embedded::start().await?;
    let ran = async {
        prepare(&cluster, calls).await?;
        config.database.url = Some(Secret::new(cluster.uri(DATABASE)));
        config.jwt.secret = Some(Secret::new(SECRET));
        // No source says what was just said.
        config.origin = Origin::default();
        let node = Node::build(config).await?;
        if tour_once { once(node, &cluster).await } else { serve(node, &cluster).await }
    }
    .await;
    cluster.stop();
    ran
}

async fn serve(node: Arc<Node>, cluster: &Cluster) -> Result<()> {
    let psql = cluster.psql(DATABASE);
    let greet = move |clients: SocketAddr, admin: SocketAddr| tour::invite(clients, admin, &token(), &psql);
    app::run(node, app::signalled(), greet).await
}

async fn once(node: Arc<Node>, cluster: &Cluster) -> Result<()> {
    let (told, listening) = tokio::sync::oneshot::channel();
    let uri = cluster.uri(DATABASE);
    let (over, stop) = tokio::sync::oneshot::channel::<()>();
    let serving = app::run(
        node,
        async {
            let _ = stop.await;
        },
        move |clients, admin| {
            let _ = told.send((clients, admin));
        },
    );
    let touring = async {
        let (clients, admin) = listening.await.context("the node did not start")?;
        let toured = tour::take(clients, admin, &token(), &uri).await;
        drop(over);
        toured
    };
    let (served, toured) = tokio::join!(serving, touring);
    served.and(toured)
}

/// Installs and fills the example where it is not there yet.
async fn prepare(cluster: &Cluster, calls: u64) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(&cluster.uri("postgres"), NoTls).await?;
    tokio::select! {
        made = create_database(&client) => made?,
        ended = connection => bail!("the embedded database ended the connection: {ended:?}"),
    }
    let (client, connection) = tokio_postgres::connect(&cluster.uri(DATABASE), NoTls).await?;
    let filled = async {
        if client.query_one(include_str!("installed.sql"), &[]).await?.get::<_, bool>("installed") {
            tracing::debug!("the example is installed");
        } else {
            field_service::install(&client).await?;
        }
        match fill(&client, calls).await {
            Err(field_service::Error::NotEmpty) => {
                tracing::info!(
                    "the example was filled when the demo was last run and is kept as it is; without .courant it \
                     is made anew, with --scale"
                );
                Ok(())
            }
            filled => Ok(filled?),
        }
    };
    tokio::select! {
        filled = filled => filled,
        ended = connection => bail!("the embedded database ended the connection: {ended:?}"),
    }
}

async fn create_database(client: &tokio_postgres::Client) -> Result<()> {
    if client.query_opt(include_str!("database.sql"), &[&DATABASE]).await?.is_none() {
        client.batch_execute(&format!("create database {DATABASE}")).await?;
    }
    Ok(())
}

async fn fill(client: &tokio_postgres::Client, calls: u64) -> Result<(), field_service::Error> {
    let scale = Scale { calls, messages: calls * MESSAGES_PER_CALL };
    let style =
        ProgressStyle::with_template("{prefix:>16} {bar:40} {human_pos}/{human_len} rows ({elapsed})")
            .expect("the template is a constant");
    let bar = ProgressBar::no_length().with_style(style);
    let mut progress = |progress: field_service::Progress| {
        bar.set_prefix(progress.table);
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let now = SystemTime::now();
    field_service::generate(client, scale, now, &mut progress).await?;
    bar.finish_and_clear();
    Ok(())
}

/// A token of the demo's first user.
fn token() -> String {
    let user = &DEMO_USERS[0];
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = serde_json::json!({ "role": "authenticated", "sub": user.sub, "exp": now_s + TOKEN_S });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .expect("HS256 signs any claims with any secret")
}
