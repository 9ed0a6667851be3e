//! `courant init`: stands in front of an app, watches for a while, and proposes the routes to declare.
//!
//! Requests and answers pass as they are; nothing is kept of them but figures and digests. What it proposes is a
//! file in which everything is commented out: it proposes, the user decides.

mod database;
mod findings;
mod journal;
mod output;
mod paths;
mod proposal;
mod reads;
mod statement;
mod watch;
mod who;
mod written;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app;
use crate::config::{Config, ConfigError};
use crate::listen::{self, Entrance};
use crate::log;
use crate::proxy::Plain;
use database::{Database, Told};
use findings::Findings;
use journal::{EXCHANGES_MAX, Journal, Seen};
use output::Output;
use proposal::{Ground, Proposal, Schema};
use watch::Watch;
use written::Outcome;

/// What configures the watch, whatever else is configured: nothing is kept, and nothing is cut short that the app
/// would not cut short itself.
pub(crate) const FLAGS: [(&str, &str); 6] = [
    ("proxy.cache", "none"),
    ("proxy.retries", "0"),
    ("proxy.timeout_ms", "3600000"),
    ("proxy.idle_timeout_ms", "3600000"),
    ("proxy.body_bytes_max", "1099511627776"),
    ("log.level", "warn"),
];

/// How often the line that tells of progress is drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(250);

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// As it was typed.
    pub(crate) upstream: String,
    /// As it was typed.
    pub(crate) listen: Option<String>,
    pub(crate) time: Duration,
    pub(crate) requests: Option<usize>,
    /// `-`: standard output.
    pub(crate) output: PathBuf,
    pub(crate) json: bool,
}

/// Watches, and writes what it proposes.
pub(crate) async fn run(config: Config, asked: Asked) -> Result<()> {
    let _pending = log::start(&config.log)?;
    let output = Output::of(&asked)?;
    let (tasks, over) = (TaskTracker::new(), CancellationToken::new());
    let plain = Plain::new(&config, &tasks, &over)?;
    let database = match &config.database.url {
        Some(_) => Some(Database::connect(&config, &tasks).await?),
        None => None,
    };
    let listener = TcpListener::bind(config.listen).await.map_err(|error| ConfigError::Invalid {
        key: "listen".to_owned(),
        place: config.listen.to_string(),
        why: format!("{error}; name another address (--listen), or stop what listens there"),
    })?;
    let address = listener.local_addr()?;
    let (journal, stirred) = (Arc::new(Journal::new()), Arc::new(Notify::new()));
    let watch = Arc::new(Watch { plain, journal: Arc::clone(&journal), stirred: Arc::clone(&stirred) });
    let source = database.as_ref().map(Database::source);
    eprintln!(
        "courant: watching http://{address}, in front of {}; tables: {}; ends in {} s, or with Ctrl-C",
        asked.upstream,
        source.unwrap_or("not learnt, without --database-url"),
        asked.time.as_secs()
    );
    let answering = Arc::clone(&watch);
    let answer = move |request, visit| watch::answer(Arc::clone(&answering), request, visit);
    let bounds = app::bounds(&config);
    let serving = listen::serve(listener, bounds, Entrance::default(), &tasks, &over, answer);
    let ending = until_over(&journal, &asked, &over);
    let looking = async {
        match &database {
            Some(database) => Some(database.watch(&journal, &stirred, &over).await),
            None => None,
        }
    };
    let ((), took, told) = tokio::join!(serving, ending, looking);
    watch.plain.close();
    tasks.close();
    // Requests in flight end with their connections; the database's ends with the process.
    let _ = tokio::time::timeout(config.http.drain_timeout, drained(&journal, &watch)).await;
    let seen = journal.take();
    report(&config, &asked, output, Learnt { seen, took, told, database: database.as_ref() })
}

/// Waits until nothing is under way any more but what is written down.
async fn drained(journal: &Arc<Journal>, watch: &Arc<Watch>) {
    let mut ticks = interval(DRAW_INTERVAL);
    // One is ours; every answer on its way holds another.
    while Arc::strong_count(watch) > 1 && journal.count() < EXCHANGES_MAX {
        ticks.tick().await;
    }
}

/// Waits for the end of the watch, and tells how it goes meanwhile.
async fn until_over(journal: &Journal, asked: &Asked, over: &CancellationToken) -> Duration {
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    let requests_max = asked.requests.unwrap_or(EXCHANGES_MAX).min(EXCHANGES_MAX);
    let mut stop = std::pin::pin!(app::signalled());
    let mut ticks = interval(DRAW_INTERVAL);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = ticks.tick() => {}
        }
        let (count, now) = (journal.count(), journal.now());
        if count >= requests_max || now >= asked.time {
            break;
        }
        let left = (asked.time - now).as_secs();
        bar.set_message(format!(
            "{count} requests seen, {}:{:02} left, Ctrl-C ends it",
            left / 60,
            left % 60
        ));
        bar.tick();
    }
    bar.finish_and_clear();
    over.cancel();
    journal.now()
}

/// All that the watch brought home.
struct Learnt<'a> {
    seen: Seen,
    took: Duration,
    told: Option<Told>,
    database: Option<&'a Database>,
}

fn report(config: &Config, asked: &Asked, output: Output, learnt: Learnt<'_>) -> Result<()> {
    let Learnt { seen, took, told, database } = learnt;
    let findings = findings::learn(&seen);
    let doings = told.as_ref().map(|told| reads::attribute(&seen, &findings, told)).unwrap_or_default();
    let schema = database.map(|database| Schema {
        catalog: &database.catalog,
        searched: &database.searched,
        served: &config.database.schemas,
    });
    let ground = Ground { told: told.as_ref(), doings, schema, has_secret: config.jwt.secret.is_some() };
    let proposals = proposal::propose(&findings, &ground);
    let unclaimed = unclaimed(told.as_ref(), &proposals);
    let mut lacks = told.as_ref().map(|told| told.lacks.clone()).unwrap_or_default();
    if findings.patterns_untold > 0 {
        lacks.push(format!("{} more routes, which took less time, are not told", findings.patterns_untold));
    }
    let outcome = Outcome {
        upstream: &asked.upstream,
        listen: asked.listen.as_deref(),
        took,
        requests: seen.exchanges.len(),
        untold: seen.untold + findings.paths_untold as u64,
        source: database.map(Database::source),
        lacks: &lacks,
        unclaimed: &unclaimed,
        proposals: &proposals,
    };
    output.write(&written::text(&outcome))?;
    // A reader that closes the pipe early has read enough.
    let mut out = std::io::stdout().lock();
    if asked.json {
        let _ = writeln!(out, "{:#}", written::json(&outcome));
    } else {
        let _ = write!(out, "{}", summary(&findings, &proposals, &asked.output));
    }
    Ok(())
}

/// Tables that were scanned in the time, and that no route was seen to read.
fn unclaimed(told: Option<&Told>, proposals: &[Proposal]) -> Vec<String> {
    let claimed: BTreeSet<&str> = proposals
        .iter()
        .flat_map(|proposal| proposal.doing.reads.iter().chain(&proposal.doing.writes))
        .map(|name| name.rsplit('.').next().unwrap_or(name))
        .collect();
    let scanned = told.into_iter().flat_map(|told| told.scanned.iter());
    scanned.filter(|name| !claimed.contains(name.rsplit('.').next().unwrap_or(name))).cloned().collect()
}

fn summary(findings: &Findings, proposals: &[Proposal], output: &Path) -> String {
    if output == Path::new("-") {
        return String::new();
    }
    if findings.routes.is_empty() {
        return format!("no request came; {} says so\n", output.display());
    }
    let declared = proposals.iter().filter(|one| matches!(one.advice, proposal::Advice::Declare(_))).count();
    format!(
        "{} routes seen, {declared} proposed with what they depend on: read {}, and take away the # before what you decide \
         for\nthen: courant serve --config {}\n",
        proposals.len(),
        output.display(),
        output.display()
    )
}
