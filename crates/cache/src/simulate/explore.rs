//! Many schedules, and for one that fails the fewest steps that still fail.

use std::ops::AddAssign;

use super::database::Database;
use super::random::Random;
use super::world::{Prepared, World};
use crate::rules::Rules;

/// What was run, and what it found.
#[derive(Clone, Debug, Default)]
pub struct Exploration {
    /// Schedules run, the failing one included.
    pub schedules: u64,
    /// What they did.
    pub coverage: Coverage,
    /// The first failure.
    pub violation: Option<Violation>,
}

/// How much of what matters happened: a simulation in which nothing is ever stored would never fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Hits, each compared with the database.
    pub hits: u64,
    /// Requests that shared a flight, each compared with the database.
    pub joins: u64,
    /// Answers stored.
    pub stores: u64,
    /// Answers refused because of a change they had not seen.
    pub refused_changed: u64,
    /// Answers refused because of the barrier.
    pub refused_barrier: u64,
    /// Answers refused because of the epoch.
    pub refused_epoch: u64,
    /// Answers refused because the log had forgotten too much.
    pub refused_overflow: u64,
    /// Entries dropped because of a change.
    pub invalidations: u64,
    /// Entries dropped to make room.
    pub evictions: u64,
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Coverage) {
        self.hits += other.hits;
        self.joins += other.joins;
        self.stores += other.stores;
        self.refused_changed += other.refused_changed;
        self.refused_barrier += other.refused_barrier;
        self.refused_epoch += other.refused_epoch;
        self.refused_overflow += other.refused_overflow;
        self.invalidations += other.invalidations;
        self.evictions += other.evictions;
    }
}

/// A schedule that broke a promise.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Its seed: running one schedule from it fails again.
    pub seed: u64,
    /// What was wrong.
    pub what: String,
    /// Every step, of the shortest version found.
    pub trace: Vec<String>,
}

/// A schedule: how the world begins, and a seed for each step.
#[derive(Clone, Debug)]
struct Schedule {
    setup: u64,
    steps: Vec<u64>,
}

impl Schedule {
    fn new(seed: u64) -> Schedule {
        let mut random = Random(seed);
        let setup = random.next();
        let length = 16 + random.below(64);
        Schedule { setup, steps: (0..length).map(|_| random.next()).collect() }
    }
}

/// Runs `schedules` schedules from `seed` on, or fewer if one fails. `progress` is told now and then how many
/// more have been run.
pub fn explore(rules: Rules, seed: u64, schedules: u64, mut progress: impl FnMut(u64)) -> Exploration {
    const REPORTED_EVERY: u64 = 4_096;
    let prepared = Prepared::new(rules);
    let mut exploration = Exploration::default();
    let mut database = Database::default();
    for number in 0..schedules {
        let seed = seed.wrapping_add(number);
        let mut world = World::new(&prepared, database, Random(seed).next(), false);
        let failed = run(&mut world, &Schedule::new(seed));
        exploration.schedules += 1;
        exploration.coverage.hits += world.hits;
        exploration.coverage.joins += world.joins;
        database = std::mem::take(&mut world.database);
        if failed {
            exploration.violation = Some(explain(rules, seed, world.violation.take()));
            break;
        }
        if exploration.schedules.is_multiple_of(REPORTED_EVERY) {
            progress(REPORTED_EVERY);
        }
    }
    progress(exploration.schedules % REPORTED_EVERY);
    for cache in &prepared.caches {
        let counts = cache.statistics();
        exploration.coverage += Coverage {
            stores: counts.stores,
            refused_changed: counts.refused_changed,
            refused_barrier: counts.refused_barrier,
            refused_epoch: counts.refused_epoch,
            refused_overflow: counts.refused_overflow,
            invalidations: counts.invalidations,
            evictions: counts.evictions,
            ..Coverage::default()
        };
    }
    exploration
}

fn run(world: &mut World<'_>, schedule: &Schedule) -> bool {
    for &step in &schedule.steps {
        world.step(step);
        if world.violation.is_some() {
            break;
        }
    }
    world.random = Random(schedule.setup);
    world.settle();
    world.violation.is_some()
}

/// Leaves out steps, halves first, as long as what is left still fails; then tells the rest.
fn explain(rules: Rules, seed: u64, first: Option<String>) -> Violation {
    let mut shortest = Schedule::new(seed);
    let kind =
        |what: &Option<String>| what.as_deref().and_then(|what| what.split(' ').next()).map(str::to_owned);
    let sought = kind(&first);
    let fails = |schedule: &Schedule, traced: bool| {
        let prepared = Prepared::new(rules);
        let mut world = World::new(&prepared, Database::default(), Random(seed).next(), traced);
        let failed = run(&mut world, schedule) && kind(&world.violation) == sought;
        failed.then(|| (world.violation.take(), world.trace.take()))
    };
    let mut size = shortest.steps.len();
    while size > 0 {
        let mut start = 0;
        while start < shortest.steps.len() {
            let mut shorter = shortest.clone();
            shorter.steps.drain(start..(start + size).min(shortest.steps.len()));
            if fails(&shorter, false).is_some() {
                shortest = shorter;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    let (what, trace) = fails(&shortest, true).unwrap_or_default();
    Violation { seed, what: what.or(first).unwrap_or_default(), trace: trace.unwrap_or_default() }
}
