//! `courant queue …`: asks a running node through its admin port.

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use http::Method;
use serde_json::Value;

use crate::admin::client::{ask, encoded};
use crate::cli::Admin;

/// What can be done with jobs and queues.
#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// What waits and runs, by queue, kind and state.
    Stats {
        #[command(flatten)]
        admin: Admin,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List jobs, the latest first.
    #[command(after_help = "\
Examples:
  courant queue list --state discarded             the dead letters
  courant queue list --queue mail --kind send --json | jq '.[].errors'")]
    List {
        /// Of this queue.
        #[arg(long, value_name = "NAME")]
        queue: Option<String>,
        /// Of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// In this state.
        #[arg(long, value_parser = ["available", "scheduled", "retryable", "running", "completed", "discarded", "cancelled"])]
        state: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        #[command(flatten)]
        admin: Admin,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a job available now that has ended, or that waits for its time.
    Retry {
        #[command(flatten)]
        which: Which,
    },
    /// Cancel a job; one that runs is told to stop.
    Cancel {
        #[command(flatten)]
        which: Which,
    },
    /// Start no more jobs of a queue, on any node. Those that run may finish.
    Pause {
        /// The queue.
        queue: String,
        #[command(flatten)]
        admin: Admin,
    },
    /// Let a paused queue go on.
    Resume {
        /// The queue.
        queue: String,
        #[command(flatten)]
        admin: Admin,
    },
}

/// Which job.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The job's id.
    id: i64,
    #[command(flatten)]
    admin: Admin,
}

/// Does what was asked for.
pub(crate) async fn run(command: Queue) -> Result<()> {
    match command {
        Queue::Stats { admin, json } => stats(&admin.url, json).await,
        Queue::List { queue, kind, state, limit, admin, json } => {
            let limit = limit.to_string();
            let said = [("queue", queue), ("kind", kind), ("state", state), ("limit", Some(limit))];
            let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let said: Vec<String> = said.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
            list(&admin.url, &format!("/queue/jobs?{}", said.join("&")), json).await
        }
        Queue::Retry { which: Which { id, admin } } => {
            let told = change(&admin.url, &format!("/queue/retry?id={id}")).await?;
            if told["changed"] == false {
                bail!("there is no job {id} that has ended or waits for its time");
            }
            println!("job {id} is available");
            Ok(())
        }
        Queue::Cancel { which: Which { id, admin } } => {
            let told = change(&admin.url, &format!("/queue/cancel?id={id}")).await?;
            match told["cancelled"].as_str() {
                Some("requested") => println!("job {id} runs, and is told to stop"),
                Some(_) => println!("job {id} is cancelled"),
                None => bail!("there is no job {id}, or it has ended"),
            }
            Ok(())
        }
        Queue::Pause { queue, admin } => {
            let told = change(&admin.url, &format!("/queue/pause?queue={}", encoded(&queue))).await?;
            println!("{queue} {}", if told["changed"] == true { "is paused" } else { "was paused already" });
            Ok(())
        }
        Queue::Resume { queue, admin } => {
            let told = change(&admin.url, &format!("/queue/resume?queue={}", encoded(&queue))).await?;
            println!("{queue} {}", if told["changed"] == true { "goes on" } else { "was not paused" });
            Ok(())
        }
    }
}

async fn change(url: &str, target: &str) -> Result<Value> {
    Ok(serde_json::from_slice(ask(url, Method::PUT, target).await?.body())?)
}

async fn stats(url: &str, json: bool) -> Result<()> {
    let told: Value = serde_json::from_slice(ask(url, Method::GET, "/queue").await?.body())?;
    if json {
        println!("{told}");
        return Ok(());
    }
    let rows = told["jobs"].as_array().context("the node's answer is not what it should be")?;
    println!("{:24} {:24} {:10} {:>12} {:>10}", "queue", "kind", "state", "jobs", "oldest s");
    for row in rows {
        let [queue, kind, state] = ["queue", "kind", "state"].map(|key| text(&row[key]));
        println!("{queue:24} {kind:24} {state:10} {:>12} {:>10}", text(&row["jobs"]), text(&row["oldest_s"]));
    }
    for queue in told["paused"].as_array().into_iter().flatten() {
        println!("{} is paused", text(queue));
    }
    Ok(())
}

async fn list(url: &str, target: &str, json: bool) -> Result<()> {
    let told: Value = serde_json::from_slice(ask(url, Method::GET, target).await?.body())?;
    if json {
        println!("{told}");
        return Ok(());
    }
    for job in told.as_array().context("the node's answer is not an array")? {
        let [id, queue, kind, state] = ["id", "queue", "kind", "state"].map(|key| text(&job[key]));
        let error =
            job["errors"].as_array().and_then(|errors| errors.last()).map(|error| text(&error["error"]));
        let tries = text(&job["attempt"]);
        println!("{id:>10} {queue:20} {kind:20} {state:10} {tries:>4} {}", error.unwrap_or_default());
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
