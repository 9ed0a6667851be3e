//! `courant audit …`: straight against the database, whether a node runs or not.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::chain::{Head, Link, head, hexadecimal};
use super::reading::{Verified, behind, verify};
use crate::config::{Config, ConfigError};
use crate::{cli, node};

/// How often `tail -f` looks.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);
/// Rows that `tail -f` takes at once.
const FOLLOW_ROWS: i64 = 1000;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Walk along the chain, and name the first row that was edited, removed, inserted or reordered.
    #[command(after_help = "\
Examples:
  courant audit verify --database-url postgresql://postgres@localhost/app
  courant audit verify --json
  courant audit verify --head 1234:9f86d081884c…    as courant's log said it, out of the database's reach

Exit code 0: intact. 1: changed, and the first change is named.")]
    Verify {
        #[command(flatten)]
        database: Database,
        /// A row's number and hash that you noted elsewhere: it must still be there.
        #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
        head: Option<Head>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the latest entries.
    #[command(after_help = "\
Examples:
  courant audit tail --limit 100
  courant audit tail -f --json | jq 'select(.entry.event == \"write\")'")]
    Tail {
        #[command(flatten)]
        database: Database,
        /// Print what is added, until interrupted.
        #[arg(short = 'f', long)]
        follow: bool,
        /// How many of the entries that are there.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
        limit: u32,
        /// Print JSON, a line for each entry.
        #[arg(long)]
        json: bool,
    },
    /// Forget old entries. The rest can still be verified: an entry says what went.
    #[command(after_help = "\
Example:
  courant audit prune --older-than 90d --database-url postgresql://owner@localhost/app")]
    Prune {
        #[command(flatten)]
        database: Database,
        /// 90d, 12h, …
        #[arg(long, value_name = "TIME", value_parser = cli::span)]
        older_than: Duration,
    },
    /// Prepare the audit log as an administrator, so that the node's own login cannot change it.
    #[command(after_help = "\
Example:
  courant audit install --for app --database-url postgresql://postgres@localhost/app")]
    Install {
        #[command(flatten)]
        database: Database,
        /// The login that courant serve uses.
        #[arg(long = "for", value_name = "LOGIN")]
        login: String,
    },
}

/// Which database.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The database, as a URI or key=value pairs (else what the configuration says).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The configuration file (else courant.toml, if there is one).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Database {
    fn read(self) -> Result<Config, ConfigError> {
        let flags = self.database_url.map(|url| ("database.url", url)).into_iter().collect();
        cli::read(self.config, flags)
    }
}

/// Does what was asked for.
pub(crate) async fn run(command: Audit) -> Result<()> {
    match command {
        Audit::Verify { database, head, json } => {
            let verified = with(database, async |client| verify(client, head).await).await?;
            report(&verified, json)
        }
        Audit::Tail { database, follow, limit, json } => {
            with(database, async |client| tail(client, follow, i64::from(limit), json).await).await
        }
        Audit::Prune { database, older_than } => {
            with(database, async |client| prune(client, older_than).await).await
        }
        Audit::Install { database, login } => {
            with(database, async |client| {
                if !pg::schema::install(client).await?.schema {
                    bail!("this role may not make or change the schema courant");
                }
                pg::schema::enable_audit(client, Some(&login)).await?;
                println!("{login} may add to the audit log; set audit.enabled = true, and start courant");
                Ok(())
            })
            .await
        }
    }
}

/// Connects, works, and says what a user can do about what went wrong.
async fn with<T>(database: Database, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    let options = node::options(&database.read()?)?;
    let (client, connection) = options.connect().await.with_context(|| format!("cannot reach {options}"))?;
    let working = async {
        work(&client).await.map_err(|error| {
            let code = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            match code {
                Some(
                    &SqlState::UNDEFINED_TABLE
                    | &SqlState::INVALID_SCHEMA_NAME
                    | &SqlState::UNDEFINED_FUNCTION,
                ) => error
                    .context(format!("there is no audit log in {options}: audit.enabled = true makes one")),
                Some(&SqlState::INSUFFICIENT_PRIVILEGE) => error.context(format!(
                    "{options} may not: the audit log is for the owner of the schema courant"
                )),
                _ => error,
            }
        })
    };
    tokio::pin!(working);
    tokio::select! {
        done = &mut working => done,
        // What was asked last hears of it with its reason.
        _ = connection => working.await,
    }
}

fn report(verified: &Verified, json: bool) -> Result<()> {
    let Verified { rows, ends, waiting, finding } = verified;
    let head = ends.as_ref().map(|ends| format!("{}:{}", ends.last_seq, hexadecimal(&ends.last_hash)));
    let first = ends.as_ref().map(|ends| ends.first_seq);
    if json {
        let found = finding.as_ref().map(|finding| {
            let (what, seq) = finding.told();
            json!({ "what": what, "seq": seq, "message": finding.to_string() })
        });
        let told = json!({
            "intact": finding.is_none(), "rows": rows, "first": first, "head": head, "waiting": waiting,
            "finding": found,
        });
        println!("{told}");
    }
    match (finding, head) {
        (Some(finding), _) => bail!("the audit log was changed: {finding} ({rows} rows before it are sound)"),
        (None, Some(head)) if !json => {
            println!(
                "intact: {rows} rows from {} on; {waiting} wait to be linked",
                first.unwrap_or_default()
            );
            println!("head    {head}");
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

async fn tail(client: &Client, follow: bool, limit: i64, json: bool) -> Result<()> {
    let mut shown = behind(client, None, limit.max(1)).await?;
    let mut last = shown.last().map_or(0, |link| link.seq);
    if limit == 0 {
        shown.clear();
    }
    loop {
        let mut out = std::io::stdout().lock();
        for link in &shown {
            // Whoever reads it may have seen enough.
            if writeln!(out, "{}", line(link, json)).is_err() {
                return Ok(());
            }
        }
        drop(out);
        if !follow {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
        shown = behind(client, Some(last), FOLLOW_ROWS).await?;
        last = shown.last().map_or(last, |link| link.seq);
    }
}

/// An entry in a line: its time and kind, and whatever else it says.
fn line(link: &Link, json: bool) -> String {
    let entry = serde_json::from_str(&link.entry).unwrap_or(Value::Null);
    if json {
        return json!({ "seq": link.seq, "hash": hexadecimal(&link.hash), "entry": entry }).to_string();
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let first = ["at", "event"].map(|key| text(&entry[key]));
    let rest = entry.as_object().into_iter().flatten();
    let rest = rest.filter(|(key, _)| !["id", "at", "event"].contains(&key.as_str()));
    let rest: Vec<String> = rest.map(|(key, value)| format!("{key}={}", text(value))).collect();
    format!("{:>8} {:32} {:22} {}", link.seq, first[0], first[1], rest.join(" "))
}

async fn prune(client: &Client, older_than: Duration) -> Result<()> {
    let sql = "select courant.audit_prune(pg_catalog.now() - pg_catalog.make_interval(secs => $1))";
    let seconds = older_than.as_secs_f64();
    let row = client.query_typed_one(sql, &[(&seconds, Type::FLOAT8)]).await?;
    println!("{} entries forgotten", row.try_get::<_, i64>(0)?);
    Ok(())
}
