//! Visits made for a while, one after another, and what they add up to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::draws::Draws;
use super::link::Link;
use super::script::{Page, Scenario};
use super::visit::{Asked, Visit, Visited, visit};
use crate::bench::contest::quantile;

/// Reads for each write.
const READS_PER_WRITE: u64 = 19;
/// The pages that write, as the app's users and the services' webhooks do.
const WRITING: [&str; 6] = [
    "webhook_call",
    "webhook_message",
    "lead_update",
    "appointment_confirm",
    "alert_acknowledge",
    "conversation_send",
];
/// Even a slow page is visited so often, unless that takes longer than anybody waits.
const VISITS_MIN: usize = 3;
/// In windows.
const PATIENCE: u32 = 5;

/// What some visits add up to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Timing {
    pub(super) visits: usize,
    /// Requests that the database gave up at its time limit: the times are then less than the truth.
    pub(super) given_up: usize,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
    /// In a visit.
    pub(super) requests: f64,
    /// In a visit, heads of answers included.
    pub(super) wire_bytes: f64,
    /// Of the reads, how many the cache answered.
    pub(super) hit_share: f64,
    /// Of the reads, how many somebody would have answered who knows exactly which answers have changed.
    pub(super) oracle_share: f64,
}

/// What every question was answered last, as somebody knows it who sees everything.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    last: HashMap<u64, u64>,
    pub(super) reads: u64,
    pub(super) hits: u64,
    pub(super) knew: u64,
}

impl Oracle {
    /// Hears of a request.
    fn hear(&mut self, asked: &Asked) {
        if asked.is_write {
            return;
        }
        let knew = self.last.insert(asked.question, asked.answer) == Some(asked.answer);
        self.reads += 1;
        self.hits += u64::from(asked.is_hit);
        self.knew += u64::from(knew);
    }
}

/// Who is visited, and by whom.
pub(super) struct Town<'a> {
    pub(super) link: &'a Link,
    pub(super) draws: &'a Draws,
    pub(super) pages: &'a [Page],
    /// Whether others write meanwhile.
    pub(super) is_written: bool,
}

impl Town<'_> {
    /// Visits a scenario's page for that long, or as often as it allows, after a warm-up that does not count.
    pub(super) async fn time(
        &self,
        scenario: &Scenario,
        page: &Page,
        length: Duration,
        oracle: &mut Oracle,
    ) -> Result<Timing> {
        let pace = Pace::default();
        let mut dice = StdRng::seed_from_u64(1);
        let most = scenario.visits_max.unwrap_or(usize::MAX);
        let visiting = async {
            let warm_up = self.visits(page, length, (1, most), &pace, &mut dice).await?;
            warm_up.iter().flat_map(|visited| &visited.asked).for_each(|asked| oracle.hear(asked));
            let (reads, hits, knew) = (oracle.reads, oracle.hits, oracle.knew);
            // What takes so long cannot be warmed up, and is not waited for twice.
            let is_slow = warm_up.iter().any(|visited| visited.took > PATIENCE * length);
            let mut visited = match is_slow {
                true => warm_up,
                false => self.visits(page, length, (VISITS_MIN, most), &pace, &mut dice).await?,
            };
            if scenario.is_slowest {
                visited.iter_mut().for_each(Visited::take_slowest);
            }
            if !is_slow {
                visited.iter().flat_map(|visited| &visited.asked).for_each(|asked| oracle.hear(asked));
            }
            let reads = (oracle.reads - reads).max(1) as f64;
            Ok(timing(&visited, (oracle.hits - hits) as f64 / reads, (oracle.knew - knew) as f64 / reads))
        };
        if !self.is_written {
            return visiting.await;
        }
        tokio::select! {
            timing = visiting => timing,
            failed = self.write(&pace) => failed,
        }
    }

    /// Visits a page once.
    pub(super) async fn try_out(&self, page: &Page) -> Result<()> {
        visit(self.link, self.draws, page, &mut StdRng::seed_from_u64(3)).await?;
        Ok(())
    }

    async fn visits(
        &self,
        page: &Page,
        length: Duration,
        (least, most): (usize, usize),
        pace: &Pace,
        dice: &mut StdRng,
    ) -> Result<Vec<Visited>> {
        let began = Instant::now();
        let mut all = Vec::new();
        while all.len() < most
            && (began.elapsed() < length || all.len() < least && began.elapsed() < PATIENCE * length)
        {
            let visited = visit(self.link, self.draws, page, dice).await?;
            pace.read(visited.asked.len() as u64);
            all.push(visited);
        }
        Ok(all)
    }

    /// Writes one request in twenty, for as long as it is polled.
    async fn write<T>(&self, pace: &Pace) -> Result<T> {
        let pages: Vec<&Page> =
            self.pages.iter().filter(|page| WRITING.contains(&page.name.as_str())).collect();
        let mut dice = StdRng::seed_from_u64(2);
        let mut written = 0;
        loop {
            pace.until((written + 1) * READS_PER_WRITE).await;
            let page = pages[dice.random_range(0..pages.len())];
            let visited = visit(self.link, self.draws, page, &mut dice).await?;
            written += visited.asked.iter().filter(|asked| asked.is_write).count() as u64;
        }
    }

    /// So many people for so long, each on one page after another as often as the pages are visited; the requests' times.
    /// Who still waits at the end counts with the time so far.
    pub(super) async fn crowd(&self, users: u64, length: Duration) -> Result<Vec<f64>> {
        let total: u32 = self.pages.iter().map(|page| page.visits_per_hour).sum();
        let until = tokio::time::Instant::now() + length;
        let busy = async |number: u64| {
            let mut dice = StdRng::seed_from_u64(number);
            let mut took = Vec::new();
            loop {
                let mut place = dice.random_range(0..total);
                let page = self.pages.iter().find(|page| {
                    let is_it = place < page.visits_per_hour;
                    place = place.saturating_sub(page.visits_per_hour);
                    is_it
                });
                let Some(page) = page else { continue };
                let mut visit = Visit::new(self.link, self.draws, page, &mut dice);
                let ended = tokio::time::timeout_at(until, visit.go(page)).await;
                took.extend(visit.asked().iter().map(|asked| asked.took.as_secs_f64() * 1e3));
                match ended {
                    Ok(gone) => gone?,
                    Err(_) => {
                        took.extend(visit.waits_for().map(|since| since.elapsed().as_secs_f64() * 1e3));
                        return anyhow::Ok(took);
                    }
                }
            }
        };
        let all = futures_util::future::try_join_all((0..users).map(busy)).await?;
        Ok(all.concat())
    }
}

/// How far the reads are, for whoever writes in proportion.
#[derive(Default)]
struct Pace {
    reads: AtomicU64,
    moved: Notify,
}

impl Pace {
    fn read(&self, more: u64) {
        self.reads.fetch_add(more, Ordering::Relaxed);
        self.moved.notify_one();
    }

    async fn until(&self, reads: u64) {
        while self.reads.load(Ordering::Relaxed) < reads {
            self.moved.notified().await;
        }
    }
}

fn timing(visited: &[Visited], hit_share: f64, oracle_share: f64) -> Timing {
    let took: Vec<f64> = visited.iter().map(|visited| visited.took.as_secs_f64() * 1e3).collect();
    let visits = visited.len().max(1) as f64;
    let asked = || visited.iter().flat_map(|visited| &visited.asked);
    Timing {
        visits: visited.len(),
        given_up: asked().filter(|asked| asked.is_given_up).count(),
        p50_ms: quantile(took.clone(), 0.5),
        p95_ms: quantile(took.clone(), 0.95),
        p99_ms: quantile(took, 0.99),
        requests: asked().count() as f64 / visits,
        wire_bytes: asked().map(|asked| asked.wire_bytes).sum::<usize>() as f64 / visits,
        hit_share,
        oracle_share,
    }
}
