//! `cargo xtask bench reports`: what the five reports claim, measured on the example app.
//!
//! Before is the app as it was: PostgREST in front of the naive schema, each page asked for as its script says. Then
//! the doctor is let at the database, the developers' functions are added, and the same is asked of Courant: first
//! with its cache off, then with its cache on while one request in twenty writes. The way to the server is equally
//! long before and after.

mod draws;
mod link;
mod mend;
mod outcome;
mod plot;
mod script;
mod standing;
mod timing;
mod visit;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use field_service::Scale;

use self::draws::Draws;
use self::link::Link;
use self::outcome::{Line, Outcome};
use self::script::{Page, Scripts};
use self::timing::{Oracle, Timing, Town};
use super::servers::{self, Node, SECRET};
use super::stage::{self, EXAMPLE, Peers, Stage, Wanted};

/// Connections to PostgreSQL of whoever stands in front of it.
const POOL: u32 = 20;
/// A crowd is as large as can be while its requests' 95th percentile stays below this.
const CROWD_P95_MS: f64 = 200.0;
/// No crowd is larger.
const CROWD_MAX: u64 = 1024;

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Little data and short windows: shows that everything works, not how fast.
    #[arg(long)]
    quick: bool,
    /// How long the way to the server is, each way.
    #[arg(long, value_name = "MS", default_value_t = 1)]
    delay_ms: u64,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Also write everything as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the table as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Also write a plot as SVG to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Measures, prints, and writes.
pub(super) async fn measure(options: Options) -> Result<()> {
    let scale = match options.quick {
        true => Scale { calls: 20_000, messages: 100_000 },
        false => Scale { calls: 1_000_000, messages: 5_000_000 },
    };
    let settings = stage::settings()
        .with("shared_preload_libraries", "pg_stat_statements")
        .with("shared_buffers", "1GB");
    let (peers, binary) = (Peers::Servers, options.binary.clone());
    let wanted = Wanted { quick: options.quick, peers, binary, example: Some(scale), settings };
    let stage = Stage::set(wanted).await?;
    let run = Run { stage: &stage, delay: Duration::from_millis(options.delay_ms), pages: script::pages()? };
    let outcome = run.all(scale).await?;
    stage.clear();
    print!("{}", outcome::table(&outcome));
    let written = [
        (&options.json, serde_json::to_string_pretty(&outcome)? + "\n"),
        (&options.markdown, outcome::markdown(&outcome)),
        (&options.svg, plot::svg(&outcome.lines)),
    ];
    for (file, text) in written {
        if let Some(file) = file {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// What all phases share.
struct Run<'a> {
    stage: &'a Stage,
    delay: Duration,
    pages: Vec<Page>,
}

impl Run<'_> {
    async fn all(&self, scale: Scale) -> Result<Outcome> {
        let scripts = script::scenarios(&self.pages)?;
        let client = self.stage.connect(EXAMPLE).await?;
        client.batch_execute("create extension pg_stat_statements").await?;
        let draws = Draws::read(&client, SECRET).await?;

        let postgrest = servers::postgrest(self.stage, EXAMPLE, POOL).await?;
        let link = Link::new(postgrest.address, self.delay);
        let town = self.town(&link, &draws, false);
        let mut nobody = Oracle::default();
        let before = self.phase("before", &town, &scripts, |scripts| &scripts.before, &mut nobody).await?;
        let users_before = self.crowd("before", &town).await?;
        drop(postgrest);

        let grade_before = mend::grade(self.stage)?;
        self.stage.show("the doctor applies what it advises");
        mend::apply(self.stage)?;
        field_service::tune(&client).await?;
        client.batch_execute("vacuum analyze").await?;
        // What was drawn before may be gone.
        let draws = Draws::read(&client, SECRET).await?;

        let config = self.stage.directory.join("reports.toml");
        std::fs::write(&config, mend::configuration())?;
        let environment = [
            ("COURANT_CONFIG", config.to_str().context("target/bench has a strange path")?),
            ("COURANT_POOL_CONNECTIONS_MAX", "20"),
        ];
        let uncached = Node::start_uncached(self.stage, EXAMPLE, &environment).await?;
        let link = Link::new(uncached.process.address, self.delay);
        let town = self.town(&link, &draws, false);
        let off = self.phase("cache off", &town, &scripts, |scripts| &scripts.after, &mut nobody).await?;
        drop(uncached);

        let counted = standing::Counters::read(&client).await?;
        let node = Node::start(self.stage, EXAMPLE, &environment).await?;
        let link = Link::new(node.process.address, self.delay);
        let town = self.town(&link, &draws, true);
        let mut oracle = Oracle::default();
        let on = self.phase("cache on", &town, &scripts, |scripts| &scripts.after, &mut oracle).await?;
        let users_after = self.crowd("cache on", &town).await?;
        drop(node);

        let lines: Vec<Line> = scripts
            .iter()
            .zip(before.into_iter().zip(off.into_iter().zip(on)))
            .map(|(scripts, (before, (off, on)))| Line {
                name: scripts.scenario.name.clone(),
                is_changed: scripts.is_changed,
                report_ms: scripts.scenario.report_ms,
                before,
                off,
                on,
            })
            .collect();
        let grades = (grade_before, mend::grade(self.stage)?);
        let mut claims = counted.until_now(&client).await?;
        claims.extend(standing::of_pages(&lines, &oracle, (users_before, users_after), &grades));
        let delay_ms = self.delay.as_secs_f64() * 1e3;
        Ok(Outcome { calls: scale.calls, messages: scale.messages, delay_ms, lines, claims, grades })
    }

    fn town<'t>(&'t self, link: &'t Link, draws: &'t Draws, is_written: bool) -> Town<'t> {
        Town { link, draws, pages: &self.pages, is_written }
    }

    /// Times every scenario.
    async fn phase(
        &self,
        name: &str,
        town: &Town<'_>,
        scripts: &[Scripts],
        script: fn(&Scripts) -> &Page,
        oracle: &mut Oracle,
    ) -> Result<Vec<Timing>> {
        let window = self.stage.window() * 3;
        let mut all = Vec::with_capacity(scripts.len());
        for (place, scripts) in scripts.iter().enumerate() {
            let scenario = &scripts.scenario.name;
            self.stage.show(&format!("{name}: {scenario} ({} of {})", place + 1, all.capacity()));
            let timed = town.time(script(scripts), window, window, oracle).await;
            all.push(timed.with_context(|| format!("{name}: {scenario}"))?);
        }
        Ok(all)
    }

    /// How many people may ask at once before the slow ones among the requests take too long.
    async fn crowd(&self, name: &str, town: &Town<'_>) -> Result<u64> {
        let (mut users, mut bearable) = (1, 0);
        while users <= CROWD_MAX {
            self.stage.show(&format!("{name}: {users} people at once"));
            let took = town.crowd(users, self.stage.window() * 2).await?;
            if super::contest::quantile(took, 0.95) > CROWD_P95_MS {
                break;
            }
            bearable = users;
            users = (users * 5 / 4).max(users + 1);
        }
        Ok(bearable)
    }
}
