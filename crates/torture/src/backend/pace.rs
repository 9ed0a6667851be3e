//! How long the backend takes: mostly not at all, now and then long enough for others to commit.

use std::time::Duration;

use parking_lot::Mutex;

use crate::dice::Dice;

/// The longest pause.
const PAUSE_MAX_MS: u64 = 1000;
/// Of so many chances to pause, one is taken.
const SELDOM: u64 = 20;

/// When an instance takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Never.
    Prompt,
    /// Now and then.
    Usual,
    /// At every chance.
    Slow,
}

/// An instance's pace.
#[derive(Debug)]
pub(crate) struct Pace {
    drawn: Mutex<(Haste, Dice)>,
}

impl Pace {
    pub(super) fn new(seed: u64, number: u64) -> Pace {
        Pace { drawn: Mutex::new((Haste::Usual, Dice::new(seed, 400 + number))) }
    }

    pub(crate) fn set(&self, haste: Haste) {
        self.drawn.lock().0 = haste;
    }

    /// How long it pauses now, if at all: short pauses more often than long ones.
    pub(super) fn draw(&self) -> Option<Duration> {
        let (haste, dice) = &mut *self.drawn.lock();
        let pauses = match haste {
            Haste::Prompt => false,
            Haste::Usual => dice.roll(SELDOM) == 0,
            Haste::Slow => true,
        };
        let longest_ms = 1 + dice.roll(PAUSE_MAX_MS);
        pauses.then(|| Duration::from_millis(dice.roll(longest_ms)))
    }

    /// Pauses, if it does.
    pub(super) async fn pause(&self) {
        if let Some(pause) = self.draw() {
            tokio::time::sleep(pause).await;
        }
    }
}
