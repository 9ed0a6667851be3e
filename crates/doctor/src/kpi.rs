//! The indicators that make the grade: their targets, weights, and the curve from a value to a score.
//!
//! Pure arithmetic. The curve falls from 1 to 0 along the value's logarithm: 0.9 on target, 0.5 at the point of failure.

use serde::{Deserialize, Serialize};

/// An indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kpi {
    /// Half of the statements are faster.
    P50,
    /// 95 in 100 are faster.
    P95,
    /// 99 in 100 are faster.
    P99,
    /// The share of block reads that missed the buffers.
    CacheMiss,
    /// The share of rows that are dead.
    DeadTuples,
    /// The share of rows of larger tables that were not read through an index.
    NonIndex,
    /// 100 less what the findings cost.
    Findings,
}

/// All of them, in the order of the reports.
pub(crate) const ALL: [Kpi; 7] =
    [Kpi::P50, Kpi::P95, Kpi::P99, Kpi::CacheMiss, Kpi::DeadTuples, Kpi::NonIndex, Kpi::Findings];

impl Kpi {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Kpi::P50 => "median latency",
            Kpi::P95 => "95th percentile",
            Kpi::P99 => "99th percentile",
            Kpi::CacheMiss => "buffer misses",
            Kpi::DeadTuples => "dead rows",
            Kpi::NonIndex => "rows read without an index",
            Kpi::Findings => "findings",
        }
    }

    /// The unit of its values.
    pub fn unit(self) -> &'static str {
        match self {
            Kpi::P50 | Kpi::P95 | Kpi::P99 => "ms",
            Kpi::CacheMiss | Kpi::DeadTuples | Kpi::NonIndex => "%",
            Kpi::Findings => "of 100",
        }
    }

    /// How many of the 100 points it makes.
    pub fn weight(self) -> f64 {
        match self {
            Kpi::P50 | Kpi::CacheMiss | Kpi::DeadTuples => 10.0,
            Kpi::P99 | Kpi::NonIndex => 15.0,
            Kpi::P95 | Kpi::Findings => 20.0,
        }
    }

    /// The values on target and at the point of failure; the findings' own have none.
    pub fn targets(self) -> Option<(f64, f64)> {
        match self {
            Kpi::P50 => Some((20.0, 60.0)),
            Kpi::P95 => Some((50.0, 200.0)),
            Kpi::P99 => Some((100.0, 500.0)),
            Kpi::CacheMiss => Some((5.0, 15.0)),
            Kpi::DeadTuples => Some((5.0, 20.0)),
            Kpi::NonIndex => Some((10.0, 40.0)),
            Kpi::Findings => None,
        }
    }

    /// What a value is worth, from 0 to 1.
    pub fn score(self, value: f64) -> f64 {
        match self.targets() {
            None => (value / 100.0).clamp(0.0, 1.0),
            Some(_) if value <= 0.0 => 1.0,
            Some((target, failure)) => {
                // The 90th percentile of the normal distribution puts the target at 0.9.
                let sigma = (failure / target).ln() / 1.2816;
                1.0 - normal((value / failure).ln() / sigma)
            }
        }
    }
}

/// The normal distribution's cumulative function, to about seven digits (Abramowitz and Stegun, 26.2.17).
pub(crate) fn normal(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] =
        [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let tail = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let upper = tail * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x >= 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_target_is_worth_nine_tenths_and_at_failure_half() {
        for kpi in ALL {
            let Some((target, failure)) = kpi.targets() else { continue };
            assert!((kpi.score(target) - 0.9).abs() < 1e-4, "{kpi:?}");
            assert!((kpi.score(failure) - 0.5).abs() < 1e-6, "{kpi:?}");
            assert!(kpi.score(0.0) > 0.999 && kpi.score(failure * 100.0) < 0.01, "{kpi:?}");
        }
    }

    #[test]
    fn the_weights_make_a_hundred() {
        assert_eq!(ALL.iter().map(|kpi| kpi.weight()).sum::<f64>(), 100.0);
    }

    #[test]
    fn the_normal_distribution_is_as_the_tables_have_it() {
        for (x, expected) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.959_964, 0.025), (3.0, 0.998_650_1)] {
            assert!((normal(x) - expected).abs() < 1e-6, "{x}");
        }
    }
}
