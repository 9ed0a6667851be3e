//! `cargo xtask simulate`: the cache's coherence through millions of random schedules.
//!
//! The simulation itself is `cache::simulate`; here it is spread over the cores, shown, and judged. With all
//! rules on, a violation is a failure. With one off (`--mutant`), the absence of one is.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cache::simulate::{Exploration, Rule, Rules, Violation, explore};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Schedules that a core runs before it takes more.
const SHARE: u64 = 16_384;

/// Runs `schedules` schedules from `seed` on.
///
/// `mutant` names a rule to turn off, in the manner of `start-barrier`; `all` turns off each in turn.
pub(crate) fn run(schedules: u64, seed: u64, mutant: Option<&str>) -> anyhow::Result<()> {
    match mutant {
        None => prove(schedules, seed),
        Some("all") => Rule::ALL.into_iter().try_for_each(|rule| catch(rule, schedules, seed)),
        Some(name) => {
            let known = || Rule::ALL.map(Rule::name).join(", ");
            let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name);
            catch(
                rule.with_context(|| format!("no rule is named {name}; there are {}", known()))?,
                schedules,
                seed,
            )
        }
    }
}

fn prove(schedules: u64, seed: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let explored = spread(Rules::default(), schedules, seed, "all rules");
    if let Some(violation) = explored.violation {
        print(&violation);
        bail!("seed {} breaks a promise: {}", violation.seed, violation.what);
    }
    let rate = explored.schedules as f64 / started.elapsed().as_secs_f64().max(1e-6);
    println!(
        "{} schedules, no violation, {} a second\n{:#?}",
        HumanCount(explored.schedules),
        HumanCount(rate as u64),
        explored.coverage
    );
    Ok(())
}

fn catch(rule: Rule, schedules: u64, seed: u64) -> anyhow::Result<()> {
    let name = rule.name();
    let explored = spread(Rules::without(rule), schedules, seed, &name);
    let Some(violation) = explored.violation else {
        bail!("{} schedules without the rule {name}, and nothing failed", explored.schedules);
    };
    println!("{name}: caught by schedule {}", HumanCount(violation.seed.wrapping_sub(seed) + 1));
    print(&violation);
    Ok(())
}

fn print(violation: &Violation) {
    println!("  seed {}: {}", violation.seed, violation.what);
    violation.trace.iter().for_each(|line| println!("  {line}"));
}

/// Every core takes shares of the seeds until there are no more or one fails.
fn spread(rules: Rules, schedules: u64, seed: u64, what: &str) -> Exploration {
    let bar = ProgressBar::new(schedules).with_message(what.to_owned());
    if let Ok(style) =
        ProgressStyle::with_template("{msg:22} {bar:30} {human_pos}/{human_len} {per_sec} {eta}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let (taken, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Exploration::default());
    let work = || {
        let share = || -> ControlFlow<()> {
            let start = taken.fetch_add(SHARE, Ordering::Relaxed);
            if start >= schedules || failed.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            let count = SHARE.min(schedules - start);
            let explored = explore(rules, seed.wrapping_add(start), count, |more| bar.inc(more));
            failed.fetch_or(explored.violation.is_some(), Ordering::Relaxed);
            add(&mut total.lock().expect("no thread panics while it adds"), explored);
            ControlFlow::Continue(())
        };
        while share().is_continue() {}
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    total.into_inner().expect("no thread panics while it adds")
}

fn add(total: &mut Exploration, part: Exploration) {
    total.schedules += part.schedules;
    total.coverage += part.coverage;
    // The first of them all, so that the answer does not depend on how the cores took turns.
    let first = |violation: &Option<Violation>| violation.as_ref().map_or(u64::MAX, |found| found.seed);
    if first(&part.violation) < first(&total.violation) {
        total.violation = part.violation;
    }
}
