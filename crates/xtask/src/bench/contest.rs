//! Contests: everybody gets the same load in turns, so that a slow minute of the machine hits all alike.
//!
//! A window each, round after round; of each figure the median over the rounds counts.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::load::{Load, Window};
use super::process::cpu_us;
use super::stage::Stage;

/// How long everybody runs before it counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Who takes part: a load, and the processes that bear it.
pub(super) struct Entrant {
    pub(super) name: &'static str,
    pub(super) load: Load,
    pub(super) bearers: Vec<u32>,
}

/// What somebody achieved: medians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Achieved {
    /// Requests per second.
    pub(super) rate: f64,
    /// Processor time per request of all who bear it, in microseconds.
    pub(super) cpu_us: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Holds a contest; what each achieved, in the order of the entrants.
pub(super) async fn hold(stage: &Stage, what: &str, entrants: &[Entrant]) -> Result<Vec<Achieved>> {
    for entrant in entrants {
        stage.show(&format!("{what}: {} warms up", entrant.name));
        entrant.load.run(WARM_UP).await.with_context(|| format!("{what}: {}", entrant.name))?;
    }
    let mut seen: Vec<Vec<(Window, f64)>> = entrants.iter().map(|_| Vec::new()).collect();
    for round in 1..=stage.rounds() {
        for (entrant, seen) in entrants.iter().zip(&mut seen) {
            stage.show(&format!("{what}: {}, window {round} of {}", entrant.name, stage.rounds()));
            let before = cpu_us(&entrant.bearers);
            let window = entrant.load.run(stage.window()).await;
            let window = window.with_context(|| format!("{what}: {}", entrant.name))?;
            seen.push((window, cpu_us(&entrant.bearers) - before));
        }
    }
    let of = |windows: &Vec<(Window, f64)>, figure: fn(&(Window, f64)) -> f64| {
        median(windows.iter().map(figure).collect())
    };
    Ok(seen
        .iter()
        .map(|windows| Achieved {
            rate: of(windows, |(window, _)| window.requests / window.seconds),
            cpu_us: of(windows, |(window, cpu_us)| cpu_us / window.requests.max(1.0)),
            p50_ms: of(windows, |(window, _)| window.p50_ms),
            p99_ms: of(windows, |(window, _)| window.p99_ms),
        })
        .collect())
}

/// The one in the middle; of an even number the upper of the two.
pub(super) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of them lies.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values = vec![5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(values.clone()), 3.0);
        assert_eq!(quantile(values.clone(), 0.99), 5.0);
        assert_eq!(quantile(values, 0.0), 1.0);
    }
}
