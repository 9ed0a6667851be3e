//! `pg` against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, wherever in it that is")]

mod cancel;
mod catalog;
mod cluster;
mod fixture;
mod login;
mod pool;
mod proxy;
mod schema;
mod session;
mod tls;

use pg::connect::ConnectOptions;
use pg::session::Session;
use pg::{Parameter, Pool, PoolLimits, Statement};
use tokio_util::task::TaskTracker;

/// Nobody in particular.
const NOBODY: Session<'static> =
    Session { role: None, settings: &[], isolation: None, before: None, is_heard: false };

fn options(text: &str) -> ConnectOptions {
    ConnectOptions::parse(Some(text), &|_| None).expect("the connection string is well-formed")
}

fn pool(text: &str) -> Pool {
    Pool::new(options(text), PoolLimits::default(), TaskTracker::new())
}

fn statement(sql: &str, parameters: &[&str]) -> Statement {
    let parameter = |text: &&str| Parameter::Text(text.as_bytes().to_vec().into());
    Statement { sql: sql.to_owned(), parameters: parameters.iter().map(parameter).collect() }
}

/// Runs the future, which must not take long.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(20), work).await.expect("it ends soon")
}
