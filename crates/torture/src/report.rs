//! What a run counts, shows while it goes on, and says in the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

/// Violations that are kept word for word; of the others, the number.
const TOLD_MAX: usize = 25;

/// The counts of a run, readable while it goes on.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers judged, by the reader's mode.
    pub(crate) reads: Mutex<BTreeMap<&'static str, u64>>,
    pub(crate) judged: AtomicU64,
    pub(crate) hits: AtomicU64,
    pub(crate) backend_reads: AtomicU64,
    pub(crate) backend_hits: AtomicU64,
    pub(crate) backend_writes: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) facts: AtomicU64,
    pub(crate) tokens: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) worst_us: AtomicU64,
    pub(crate) compared: AtomicU64,
    pub(crate) compared_hits: AtomicU64,
    pub(crate) faults: Mutex<BTreeMap<&'static str, u64>>,
    pub(crate) playing: Mutex<&'static str>,
    violations: Mutex<(u64, Vec<String>)>,
}

impl Counts {
    pub(crate) fn violated(&self, told: String) {
        let mut violations = self.violations.lock();
        violations.0 += 1;
        if violations.1.len() < TOLD_MAX {
            violations.1.push(told);
        }
    }

    /// An answer is about to be judged.
    pub(crate) fn read(&self, mode: &'static str, is_hit: bool, is_backends: bool) {
        *self.reads.lock().entry(mode).or_default() += 1;
        self.judged.fetch_add(1, Relaxed);
        self.hits.fetch_add(u64::from(is_hit), Relaxed);
        self.backend_reads.fetch_add(u64::from(is_backends), Relaxed);
        self.backend_hits.fetch_add(u64::from(is_backends && is_hit), Relaxed);
    }

    pub(crate) fn stale(&self, by: Duration) {
        self.worst_us.fetch_max(by.as_micros() as u64, Relaxed);
    }

    /// Where the run is, in a line.
    pub fn line(&self) -> String {
        let (judged, hits) = (self.judged.load(Relaxed), self.hits.load(Relaxed));
        format!(
            "{judged} reads, {} % hits, {} refused, {} writes, worst {} ms, {} violations; {}",
            100 * hits / judged.max(1),
            self.refused.load(Relaxed),
            self.writes.load(Relaxed),
            self.worst_us.load(Relaxed) / 1000,
            self.violations.lock().0,
            *self.playing.lock()
        )
    }

    pub(crate) fn report(&self, seed: u64, postgres: u32) -> Report {
        let of = |count: &AtomicU64| count.load(Relaxed);
        let violations = self.violations.lock();
        Report {
            seed,
            postgres,
            reads: of(&self.judged),
            by_mode: self.reads.lock().clone(),
            hits: of(&self.hits),
            backend_reads: of(&self.backend_reads),
            backend_hits: of(&self.backend_hits),
            backend_writes: of(&self.backend_writes),
            refused: of(&self.refused),
            rows: of(&self.rows),
            facts: of(&self.facts),
            tokens: of(&self.tokens),
            writes: of(&self.writes),
            worst: Duration::from_micros(of(&self.worst_us)),
            compared: of(&self.compared),
            compared_hits: of(&self.compared_hits),
            faults: self.faults.lock().clone(),
            violations: violations.0,
            told: violations.1.clone(),
        }
    }
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What made its choices.
    pub seed: u64,
    /// PostgreSQL's major version.
    pub postgres: u32,
    /// Answers judged.
    pub reads: u64,
    /// The same, by the reader's mode.
    pub by_mode: BTreeMap<&'static str, u64>,
    /// Of those, hits.
    pub hits: u64,
    /// Of the answers judged, those of the backend's routes.
    pub backend_reads: u64,
    /// Of those, hits.
    pub backend_hits: u64,
    /// Of the writes acknowledged, those that the backend made.
    pub backend_writes: u64,
    /// Requests without an answer that shows anything: a fault was being played.
    pub refused: u64,
    /// Rows held against the ledger.
    pub rows: u64,
    /// Facts (memberships, junction rows, policy, grant) held against theirs.
    pub facts: u64,
    /// Rows held against what the same reader had seen or written before, under its token.
    pub tokens: u64,
    /// Writes acknowledged.
    pub writes: u64,
    /// How long before its request the first thing that an answer missed had been acknowledged, at worst.
    pub worst: Duration,
    /// Answers compared with the database when nothing moved any more.
    pub compared: u64,
    /// Of those, hits.
    pub compared_hits: u64,
    /// How often each fault was played.
    pub faults: BTreeMap<&'static str, u64>,
    /// Broken promises.
    pub violations: u64,
    /// The first of them, word for word.
    pub told: Vec<String>,
}

impl Report {
    /// Hits among the answers judged.
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / self.reads.max(1) as f64
    }

    /// For machines.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "postgres": self.postgres,
            "reads": self.reads,
            "reads_by_mode": self.by_mode,
            "hit_ratio": self.hit_ratio(),
            "backend_reads": self.backend_reads,
            "backend_hits": self.backend_hits,
            "backend_writes": self.backend_writes,
            "refused": self.refused,
            "rows_checked": self.rows,
            "facts_checked": self.facts,
            "token_checks": self.tokens,
            "writes": self.writes,
            "worst_staleness_ms": self.worst.as_secs_f64() * 1000.0,
            "compared_at_rest": self.compared,
            "compared_at_rest_hits": self.compared_hits,
            "faults": self.faults,
            "violations": self.violations,
            "told": self.told,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |counts: &BTreeMap<&str, u64>| {
            counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "PostgreSQL {}, seed {}", self.postgres, self.seed)?;
        let percent = 100.0 * self.hit_ratio();
        writeln!(f, "{} reads checked ({}), {percent:.1} % hits", self.reads, pairs(&self.by_mode))?;
        writeln!(
            f,
            "of them the backend's: {} reads, {} hits, {} writes",
            self.backend_reads, self.backend_hits, self.backend_writes
        )?;
        writeln!(f, "{} refused, {} writes acknowledged", self.refused, self.writes)?;
        writeln!(f, "checks: {} rows, {} facts, {} under a token", self.rows, self.facts, self.tokens)?;
        writeln!(f, "worst staleness {} ms", self.worst.as_millis())?;
        writeln!(f, "compared at rest: {}, of them {} hits", self.compared, self.compared_hits)?;
        writeln!(f, "faults: {}", pairs(&self.faults))?;
        write!(f, "violations: {}", self.violations)?;
        self.told.iter().try_for_each(|told| write!(f, "\n  {told}"))
    }
}
