//! The run: the app as it was, the doctor and the developers at work, then Courant without and with its cache.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use field_service::Scale;
use tokio_postgres::Client;

use super::draws::Draws;
use super::link::Link;
use super::mend::{self, Doctor};
use super::outcome::{Line, Mixed, Outcome};
use super::script::{self, Page, Scripts};
use super::standing;
use super::timing::{Oracle, Timing, Town};
use crate::bench::contest::quantile;
use crate::bench::report::figure;
use crate::bench::servers::{self, Node, SECRET};
use crate::bench::stage::{EXAMPLE, LOGIN, Stage};

/// Connections to PostgreSQL of whoever stands in front of it.
const POOL: u32 = 20;
/// A crowd is as large as can be while its requests' 95th percentile stays below this.
const CROWD_P95_MS: f64 = 200.0;
/// No crowd is larger.
const CROWD_MAX: u64 = 1024;
/// So many people visit all pages at once, before and after, for the requests' times overall.
const MIXED: u64 = 8;
/// What PostgreSQL has not answered by then, nobody waits for any more.
const STATEMENT_S: u32 = 30;

/// What all phases share.
pub(super) struct Run<'a> {
    stage: &'a Stage,
    delay: Duration,
    pages: Vec<Page>,
}

/// How long each part of the run took.
struct Laps<'a> {
    stage: &'a Stage,
    /// When the last one ended.
    since: Instant,
    seconds: Vec<(String, f64)>,
}

impl Laps<'_> {
    fn ended(&mut self, part: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        self.stage.tell(&format!("{part} took {seconds:.0} s"));
        self.seconds.push((part.to_owned(), seconds));
        self.since = Instant::now();
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(stage: &'a Stage, delay: Duration) -> Result<Run<'a>> {
        Ok(Run { stage, delay, pages: script::pages()? })
    }

    pub(super) async fn all(&self, began: Instant, scale: Scale) -> Result<Outcome> {
        let mut laps = Laps { stage: self.stage, since: began, seconds: Vec::new() };
        let scripts = script::scenarios(&self.pages)?;
        let client = self.stage.connect(EXAMPLE).await?;
        let limit = format!("alter role {LOGIN} set statement_timeout = '{STATEMENT_S}s'");
        client.batch_execute(&format!("create extension pg_stat_statements; {limit}")).await?;
        let draws = Draws::read(&client, SECRET).await?;
        let doctor = Doctor::new(self.stage, &client).await?;
        laps.ended("filling");

        // What filled the tables is not what the app asks.
        mend::forget(&client).await?;
        let postgrest = servers::postgrest(self.stage, EXAMPLE, POOL).await?;
        let link = Link::new(postgrest.address, self.delay);
        let town = self.town(&link, &draws, false);
        let mut nobody = Oracle::default();
        let before = self.phase("before", &town, &scripts, |scripts| &scripts.before, &mut nobody).await?;
        let mixed_before = self.mixed("before", &town).await?;
        drop(postgrest);
        laps.ended("before");

        let grade_before = doctor.grade("before")?;
        let (applied, draws) = self.treat(&client, &doctor).await?;
        let mut treatments = vec![applied];
        laps.ended("treatment");

        let config = mend::configuration(self.stage)?;
        let environment = [
            ("COURANT_CONFIG", config.as_str()),
            ("COURANT_POOL_CONNECTIONS_MAX", "20"),
            ("PGRST_DB_AGGREGATES_ENABLED", "true"),
        ];
        let uncached = Node::start_uncached(self.stage, EXAMPLE, &environment).await?;
        let link = Link::new(uncached.process.address, self.delay);
        let town = self.town(&link, &draws, false);
        // The doctor is let at what the developers added, too, once it has been asked for.
        for scripts in &scripts {
            town.try_out(&scripts.after).await?;
        }
        treatments.push(doctor.apply("functions", false)?);
        mend::forget(&client).await?;
        client.batch_execute("vacuum analyze").await?;
        laps.ended("second treatment");

        let counted = standing::Counters::read(&client).await?;
        let off = self.phase("cache off", &town, &scripts, |scripts| &scripts.after, &mut nobody).await?;
        drop(uncached);
        laps.ended("cache off");

        let node = Node::start(self.stage, EXAMPLE, &environment).await?;
        let link = Link::new(node.process.address, self.delay);
        let town = self.town(&link, &draws, true);
        let mut oracle = Oracle::default();
        let on = self.phase("cache on", &town, &scripts, |scripts| &scripts.after, &mut oracle).await?;
        let mixed_after = self.mixed("cache on", &town).await?;
        drop(node);
        laps.ended("cache on");

        let timed = before.into_iter().zip(off.into_iter().zip(on));
        let lines = scripts.iter().zip(timed);
        let lines = lines.map(|(scripts, (before, (off, on)))| Line::new(scripts, before, off, on)).collect();
        let grades = (grade_before, doctor.grade("after")?);
        let mut claims = counted.until_now(&client).await?;
        claims.extend(standing::of_requests(&oracle, (&mixed_before, &mixed_after), &grades));
        laps.ended("grading");
        let delay_ms = self.delay.as_secs_f64() * 1e3;
        let (calls, messages, seconds) = (scale.calls, scale.messages, laps.seconds);
        Ok(Outcome { calls, messages, delay_ms, lines, claims, grades, treatments, seconds })
    }

    /// The doctor applies what the app's statements make it advise; the developers add their functions. What may be drawn
    /// is read anew: some of it may be gone.
    async fn treat(&self, client: &Client, doctor: &Doctor<'_>) -> Result<(String, Draws)> {
        let applied = doctor.apply("app", true)?;
        // Trigram indexes are proposed only where this is.
        client.batch_execute("create extension pg_trgm").await?;
        field_service::tune(client).await?;
        client.batch_execute("vacuum analyze").await?;
        let draws = Draws::read(client, SECRET).await?;
        mend::forget(client).await?;
        Ok((applied, draws))
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
        let count = scripts.len();
        let mut all = Vec::with_capacity(count);
        for (place, scripts) in scripts.iter().enumerate() {
            let scenario = &scripts.scenario.name;
            self.stage.show(&format!("{name}: {scenario} ({} of {})", place + 1, count));
            let timed = town.time(&scripts.scenario, script(scripts), window, oracle).await;
            let timed = timed.with_context(|| format!("{name}: {scenario}"))?;
            self.stage.tell(&format!("{name}: {scenario}: {} ms", figure(timed.p50_ms)));
            all.push(timed);
        }
        let client = self.stage.connect(EXAMPLE).await?;
        client.batch_execute(include_str!("sql/forget_bulk.sql")).await?;
        client.batch_execute("vacuum analyze vapi_calls").await?;
        Ok(all)
    }

    /// Some people on all pages, and how many there may be before the slow ones among their requests take too long.
    async fn mixed(&self, name: &str, town: &Town<'_>) -> Result<Mixed> {
        let window = self.stage.window() * 2;
        self.stage.show(&format!("{name}: {MIXED} people at once"));
        // Once to warm up.
        town.crowd(MIXED, window).await?;
        let took = town.crowd(MIXED, window * 2).await?;
        let of = |share| quantile(took.clone(), share);
        let mut mixed = Mixed { p50_ms: of(0.5), p95_ms: of(0.95), p99_ms: of(0.99), users: 0 };
        let mut users = 1;
        while users <= CROWD_MAX {
            self.stage.show(&format!("{name}: {users} people at once"));
            let took = town.crowd(users, window).await?;
            let p95_ms = quantile(took, 0.95);
            self.stage.tell(&format!("{name}: {users} people at once: p95 {} ms", figure(p95_ms)));
            if p95_ms > CROWD_P95_MS {
                break;
            }
            mixed.users = users;
            users = (users * 5 / 4).max(users + 1);
        }
        Ok(mixed)
    }
}
