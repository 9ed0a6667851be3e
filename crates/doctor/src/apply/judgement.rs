//! Whether a change helped: before and after, set beside the noise. Pure.

use serde::Serialize;

/// Fewer blocks by at least this share is an improvement; clock and cache have no part in that number.
const BUFFERS_GAIN: f64 = 0.95;
/// Slower by more than this factor is a regression.
const REGRESSION: f64 = 1.1;
/// Differences smaller than this are never more than noise.
const NOISE_MS_MIN: f64 = 0.02;
/// What is quicker than this shows the clock's grain, and not what the machine does.
const DRIFT_MS_MIN: f64 = 0.5;

/// The runs of one statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    pub(super) times_ms: Vec<f64>,
    pub(super) buffers: u64,
    /// The plan's nodes and indexes: what must differ for a change to have had a part in it.
    pub(super) shape: String,
    /// It took longer than anybody waits: its one time is the limit, and its blocks were not counted.
    pub(super) gave_up: bool,
}

/// One statement before and after a change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The statement's name.
    pub statement: String,
    /// The median of its runs before, in milliseconds.
    pub before_ms: f64,
    /// The median after.
    pub after_ms: f64,
    /// Twice the larger deviation of the two, in milliseconds.
    pub noise_ms: f64,
    /// Blocks read before, from buffers or not.
    pub before_buffers: u64,
    /// Blocks read after.
    pub after_buffers: u64,
    /// By what factor statements that the change has no part in took longer after it than before: the machine's doing.
    pub drift: f64,
    /// Whether the plan is another one.
    pub replanned: bool,
    /// Whether every run of the one was faster than every run of the other: of 252 orders of five and five that chance could
    /// have made, one.
    pub apart: bool,
    /// Whether it finished after the change and not before (`Some(true)`), or before and not after (`Some(false)`).
    pub finishes: Option<bool>,
}

/// What the comparisons say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first of these statements gained most.
    Helps(String),
    /// This one lost.
    Hurts(String),
    /// Nothing moved beyond the noise.
    Nothing,
}

impl Comparison {
    pub(super) fn of(statement: &str, before: &Runs, after: &Runs, drift: f64) -> Comparison {
        let deviation = deviation(&before.times_ms).max(deviation(&after.times_ms));
        Comparison {
            statement: statement.to_owned(),
            before_ms: median(&before.times_ms),
            after_ms: median(&after.times_ms),
            noise_ms: (2.0 * deviation).max(NOISE_MS_MIN),
            before_buffers: before.buffers,
            after_buffers: after.buffers,
            drift,
            replanned: before.shape != after.shape,
            apart: apart(&before.times_ms, &after.times_ms) || apart(&after.times_ms, &before.times_ms),
            finishes: (before.gave_up != after.gave_up).then_some(before.gave_up),
        }
    }

    fn gains(&self) -> bool {
        if let Some(finishes) = self.finishes {
            return finishes;
        }
        // Block counts of statements that are run are far below 2^52.
        (self.after_buffers as f64) < BUFFERS_GAIN * self.before_buffers as f64
            && self.drift.min(1.0) * self.before_ms > self.after_ms
            && self.is_beyond_noise()
    }

    /// What has the same plan and reads the same blocks is slower for another reason, and so is what became slower with
    /// everything else. Drift takes a verdict away and never makes one: it is measured no better than the rest.
    fn loses(&self) -> bool {
        if let Some(finishes) = self.finishes {
            return !finishes;
        }
        (self.replanned || self.after_buffers > self.before_buffers)
            && self.after_ms > REGRESSION * self.drift.max(1.0) * self.before_ms
            && self.is_beyond_noise()
    }

    /// A busy machine makes single runs slow, and the deviation large; then the order of the runs still tells.
    fn is_beyond_noise(&self) -> bool {
        let moved = (self.after_ms - self.before_ms).abs();
        moved > self.noise_ms || self.apart && moved > NOISE_MS_MIN
    }

    /// The change in a line.
    pub fn told(&self) -> String {
        format!(
            "{}: {:.2} ms -> {:.2} ms (noise {:.2}), {} -> {} blocks",
            self.statement,
            self.before_ms,
            self.after_ms,
            self.noise_ms,
            self.before_buffers,
            self.after_buffers
        )
    }
}

pub(super) fn judge(comparisons: &[Comparison]) -> Verdict {
    let ratio = |c: &Comparison| c.after_ms / c.before_ms.max(f64::MIN_POSITIVE);
    let worst = comparisons.iter().filter(|c| c.loses()).max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let best = comparisons.iter().filter(|c| c.gains()).min_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    match (worst, best) {
        (Some(worst), _) => Verdict::Hurts(worst.told()),
        (None, Some(best)) => Verdict::Helps(best.told()),
        (None, None) => Verdict::Nothing,
    }
}

/// By what factor these statements, which the change has no part in, took longer after it: the middle one's.
pub(super) fn drift(before: &[Option<Runs>], after: &[Option<Runs>]) -> f64 {
    let both = before.iter().flatten().zip(after.iter().flatten());
    let ratios: Vec<f64> = both
        .filter(|(before, after)| !before.gave_up && !after.gave_up)
        .map(|(before, after)| (median(&before.times_ms), median(&after.times_ms)))
        .filter(|(before, _)| *before > DRIFT_MS_MIN)
        .map(|(before, after)| after / before)
        .collect();
    if ratios.is_empty() { 1.0 } else { median(&ratios) }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Whether the slowest of the one is faster than the fastest of the other.
fn apart(fast: &[f64], slow: &[f64]) -> bool {
    let slowest = fast.iter().copied().fold(0.0, f64::max);
    let fastest = slow.iter().copied().fold(f64::INFINITY, f64::min);
    !fast.is_empty() && !slow.is_empty() && slowest < fastest
}

/// The standard deviation, as the median of the deviations gives it: one run that was held up does not count.
fn deviation(values: &[f64]) -> f64 {
    let middle = median(values);
    1.4826 * median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(times_ms: &[f64], buffers: u64, shape: &str) -> Runs {
        Runs { times_ms: times_ms.to_vec(), buffers, shape: shape.to_owned(), gave_up: false }
    }

    fn verdict(before: &Runs, after: &Runs) -> Verdict {
        judge(&[Comparison::of("s", before, after, 1.0)])
    }

    #[test]
    fn faster_with_fewer_blocks_helps() {
        let before = runs(&[10.0, 10.2, 9.9, 10.1, 30.0], 1000, "seq");
        assert!(matches!(verdict(&before, &runs(&[1.0, 1.1, 1.0, 0.9, 1.0], 5, "index")), Verdict::Helps(_)));
    }

    #[test]
    fn what_is_within_the_noise_or_reads_as_many_blocks_is_nothing() {
        let noisy = runs(&[10.0, 14.0, 6.0, 12.0, 8.0], 1000, "seq");
        assert_eq!(verdict(&noisy, &runs(&[7.0, 9.0, 5.0, 8.0, 6.0], 10, "index")), Verdict::Nothing);
        let steady = runs(&[10.0; 5], 1000, "seq");
        assert_eq!(verdict(&steady, &runs(&[5.0; 5], 990, "index")), Verdict::Nothing);
    }

    #[test]
    fn runs_that_lie_apart_tell_on_a_machine_that_is_busy() {
        let before = runs(&[7.0, 31.0, 12.0, 8.0, 90.0], 800, "seq");
        assert!(matches!(verdict(&before, &runs(&[0.1, 0.1, 6.0, 0.2, 0.1], 3, "index")), Verdict::Helps(_)));
        assert_eq!(verdict(&before, &runs(&[0.1, 0.1, 7.5, 0.2, 0.1], 3, "index")), Verdict::Nothing);
    }

    #[test]
    fn a_slower_statement_hurts_even_where_another_gains() {
        let gain = Comparison::of("a", &runs(&[10.0; 5], 1000, "seq"), &runs(&[1.0; 5], 10, "index"), 1.0);
        let loss = Comparison::of("b", &runs(&[10.0; 5], 100, "seq"), &runs(&[11.5; 5], 120, "index"), 1.0);
        assert!(matches!(judge(&[gain, loss]), Verdict::Hurts(told) if told.starts_with("b:")));
    }

    #[test]
    fn what_finishes_only_with_the_index_helps_and_what_finishes_only_without_it_hurts() {
        let endless = Runs { times_ms: vec![20_000.0], gave_up: true, ..Runs::default() };
        let quick = runs(&[3.0; 5], 40, "index");
        assert!(matches!(verdict(&endless, &quick), Verdict::Helps(_)));
        assert!(matches!(verdict(&quick, &endless), Verdict::Hurts(_)));
    }

    #[test]
    fn a_machine_that_became_slower_is_no_regression() {
        let before = runs(&[10.0; 5], 100, "seq");
        assert_eq!(verdict(&before, &runs(&[20.0; 5], 100, "seq")), Verdict::Nothing);
    }

    #[test]
    fn what_the_machine_did_meanwhile_is_neither_a_gain_nor_a_regression() {
        let told = |before: &Runs, after: &Runs, drift| judge(&[Comparison::of("s", before, after, drift)]);
        let before = runs(&[10.0; 5], 100, "seq");
        let slower = runs(&[13.0; 5], 120, "index");
        assert!(matches!(told(&before, &slower, 1.0), Verdict::Hurts(_)));
        assert_eq!(told(&before, &slower, 1.4), Verdict::Nothing);
        let faster = runs(&[6.0; 5], 50, "index");
        assert!(matches!(told(&before, &faster, 1.0), Verdict::Helps(_)));
        assert_eq!(told(&before, &faster, 0.5), Verdict::Nothing);
        // A machine that became slower makes no gain, and one that became faster no regression.
        assert_eq!(told(&before, &runs(&[10.5; 5], 100, "index"), 0.5), Verdict::Nothing);
    }

    #[test]
    fn drift_is_what_the_middle_one_of_the_steady_statements_did() {
        let made = |times: &[f64]| times.iter().map(|ms| Some(runs(&[*ms; 5], 1, "seq"))).collect::<Vec<_>>();
        assert_eq!(drift(&made(&[10.0, 2.0, 4.0]), &made(&[20.0, 2.0, 6.0])), 1.5);
        assert_eq!(drift(&made(&[0.01]), &made(&[0.3])), 1.0);
        assert_eq!(drift(&[], &[]), 1.0);
    }
}
