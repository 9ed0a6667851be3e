//! Security events in the log: each, up to a few a second, and how many more there were. The audit log in the database
//! hears of each, if there is one.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::now_s;
use crate::audit::{Events, Kind};

/// Lines a second; the metrics count every event.
const LINES_PER_SECOND: u32 = 10;

/// What was said lately.
pub(super) struct Journal {
    lately: Mutex<Lately>,
    /// The audit log's queue, which counts for itself.
    events: Option<Arc<Events>>,
}

#[derive(Debug, Default)]
struct Lately {
    second: u64,
    lines: u32,
    unsaid: u64,
}

impl Journal {
    pub(super) fn new(events: Option<Arc<Events>>) -> Journal {
        Journal { lately: Mutex::default(), events }
    }

    /// Says what happened, unless enough was said in this second; the audit log is told in any case.
    pub(super) fn tell(&self, event: Kind, client: IpAddr, why: &dyn Display) {
        if let Some(events) = &self.events {
            events.note(event, client, why);
        }
        if let Some(unsaid) = self.lately.lock().may_say(now_s()) {
            let unsaid = (unsaid > 0).then_some(unsaid);
            tracing::info!(target: "courant::guard", %client, %why, unsaid, "{}", event.word());
        }
    }
}

impl Lately {
    /// How many were not said before this one, if it may be said.
    fn may_say(&mut self, second: u64) -> Option<u64> {
        if second != self.second {
            (self.second, self.lines) = (second, 0);
        }
        if self.lines == LINES_PER_SECOND {
            self.unsaid += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::Lately;

    #[test]
    fn an_attack_is_told_in_a_few_lines_and_a_number() {
        let mut lately = Lately::default();
        let said: Vec<_> = (0..1000).filter_map(|_| lately.may_say(1)).collect();
        assert_eq!(said, [0; 10]);
        assert_eq!((lately.may_say(2), lately.may_say(2)), (Some(990), Some(0)));
    }
}
