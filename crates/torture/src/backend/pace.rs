//! How long the backend takes: mostly not at all, now and then long enough for others to commit.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::Mutex;

use crate::dice::Dice;

/// The longest pause.
const PAUSE_MAX_MS: u64 = 1000;
/// Of so many chances to pause, one is taken.
const SELDOM: u64 = 12;

/// An instance's pace.
#[derive(Debug)]
pub(crate) struct Pace {
    slow: AtomicBool,
    dice: Mutex<Dice>,
}

impl Pace {
    pub(super) fn new(seed: u64, number: u64) -> Pace {
        Pace { slow: AtomicBool::new(false), dice: Mutex::new(Dice::new(seed, 400 + number)) }
    }

    /// Whether it takes its time at every chance.
    pub(crate) fn slow(&self, slow: bool) {
        self.slow.store(slow, SeqCst);
    }

    /// How long it pauses now, if at all.
    pub(super) fn drawn(&self) -> Option<Duration> {
        let mut dice = self.dice.lock();
        let pauses = self.slow.load(SeqCst) || dice.roll(SELDOM) == 0;
        pauses.then(|| Duration::from_millis(dice.roll(PAUSE_MAX_MS)))
    }

    /// Pauses, if it does.
    pub(super) async fn pause(&self) {
        if let Some(pause) = self.drawn() {
            tokio::time::sleep(pause).await;
        }
    }
}
