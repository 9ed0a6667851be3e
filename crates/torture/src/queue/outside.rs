//! Workers outside: they fetch over HTTP from whichever node there is, note an effect, and report; or fail, put the job
//! off, or forget it, as chance wants.
//!
//! What they do happens at least once: a report that does not arrive is made up for by another run.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::connect;
use crate::client::Browser;
use crate::dice::Dice;

/// Works for ever, whatever happens to nodes and the database.
pub(super) async fn work(uri: &str, nodes: &[SocketAddr], mut dice: Dice) {
    loop {
        if let (Ok(client), Some(node)) =
            (connect(uri).await, nodes.get(dice.roll(nodes.len() as u64) as usize))
        {
            let mut browser = Browser::new(*node);
            // Until that node or the database is killed.
            while turn(&client, &mut browser, &mut dice).await.is_ok() {}
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn turn(client: &Client, browser: &mut Browser, dice: &mut Dice) -> anyhow::Result<()> {
    let fetched = ask(browser, "fetch", &json!({ "max": 5, "wait_ms": 500 })).await?;
    let mut runs = Vec::new();
    for job in fetched["jobs"].as_array().context("no jobs")? {
        let n = job["args"]["n"].as_i64().context("no number")?;
        let mut run = json!({ "id": job["id"], "attempt": job["attempt"] });
        match dice.roll(20) {
            // Its lease ends.
            0 => continue,
            1 => {
                run["outcome"] = "failed".into();
                run["error"] = "not this time".into();
            }
            2 => {
                run["outcome"] = "snoozed".into();
                run["after_ms"] = 20.into();
            }
            _ => {
                client.execute("insert into effect (n) values ($1)", &[&n]).await?;
                run["outcome"] = "completed".into();
            }
        }
        runs.push(run);
    }
    if !runs.is_empty() {
        ask(browser, "report", &json!({ "runs": runs })).await?;
    }
    Ok(())
}

async fn ask(browser: &mut Browser, what: &str, asked: &Value) -> anyhow::Result<Value> {
    let target = format!("/queue/v1/queues/outside/{what}");
    let answered = browser.send(Method::POST, &target, &[], &asked.to_string()).await?;
    // A report on runs that others have by now is refused, and that is all.
    let is_fine = answered.status == StatusCode::OK || answered.status == StatusCode::CONFLICT;
    ensure!(is_fine, "{what}: {}", answered.status);
    answered.json()
}
