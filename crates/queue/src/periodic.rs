//! Jobs that come again and again: a cron pattern in a time zone, enqueued once for each tick however many nodes run.
//!
//! There is no leader: the database keeps each schedule's latest tick, and whoever moves it forward enqueues the job in
//! the same transaction. Ticks that passed while no node ran are made up for by one job. What a schedule begins with is
//! the first tick after it is first seen.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::QueueError;
use crate::store::Store;

/// The clock may be set while we sleep.
const SLEEP_MAX: Duration = Duration::from_secs(10);
const SLEEP_MIN: Duration = Duration::from_millis(10);
/// After a database that did not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What is wrong with a schedule.
#[derive(Debug, thiserror::Error)]
pub enum PeriodicError {
    /// It is no cron pattern.
    #[error("expected minute, hour, day of month, month and day of week, like 0 3 * * *: {0}")]
    Pattern(String),
    /// There is no such zone.
    #[error("expected a time zone like Europe/Berlin or UTC, found {0:?}")]
    Zone(String),
}

/// When something is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    pattern: croner::Cron,
    zone: TimeZone,
}

/// A job that comes again and again.
#[derive(Clone, Debug)]
pub struct Periodic {
    /// By which all nodes know it.
    pub name: String,
    /// When.
    pub schedule: Schedule,
    /// What: a JSON object as `courant.enqueue_many` takes it.
    pub job: String,
}

impl Schedule {
    /// Reads a cron pattern of five fields, in a zone by its IANA name.
    pub fn new(pattern: &str, zone: &str) -> Result<Schedule, PeriodicError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let pattern = parser.parse(pattern).map_err(|error| PeriodicError::Pattern(error.to_string()))?;
        let zone = TimeZone::get(zone).map_err(|_| PeriodicError::Zone(zone.to_owned()))?;
        let schedule = Schedule { pattern, zone };
        match schedule.next(Timestamp::now()) {
            Some(_) => Ok(schedule),
            None => Err(PeriodicError::Pattern("there is no such day".to_owned())),
        }
    }

    /// The first tick after then.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = Zoned::new(after, self.zone.clone());
        self.pattern.find_next_occurrence(&after, false).ok().map(|tick| tick.timestamp())
    }

    /// The last tick at or before then.
    fn latest(&self, at: Timestamp) -> Option<Timestamp> {
        let at = Zoned::new(at, self.zone.clone());
        self.pattern.find_previous_occurrence(&at, true).ok().map(|tick| tick.timestamp())
    }
}

/// Enqueues what is due until shutdown.
pub(crate) async fn run(periodics: &[Periodic], store: &Store, shutdown: &CancellationToken) {
    if periodics.is_empty() {
        return;
    }
    let mut seen = vec![None; periodics.len()];
    loop {
        let pause = match tick_all(periodics, &mut seen, store).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!("periodic jobs are not enqueued yet: {error}");
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Enqueues what is due now; how long until something is due again. `seen`: the latest tick of each that is known.
async fn tick_all(
    periodics: &[Periodic],
    seen: &mut [Option<f64>],
    store: &Store,
) -> Result<Duration, QueueError> {
    let mut pause = SLEEP_MAX;
    for (periodic, seen) in periodics.iter().zip(seen) {
        let now = now();
        let known = match *seen {
            Some(known) => known,
            None => *seen.insert(store.begin(&periodic.name, seconds(now)).await?),
        };
        if let Some(due) = periodic.schedule.latest(now).map(seconds).filter(|due| *due > known) {
            if store.tick(&periodic.name, due, &periodic.job).await? {
                tracing::debug!(name = periodic.name, "a periodic job is due");
            }
            *seen = Some(due);
        }
        if let Some(next) = periodic.schedule.next(now) {
            let until =
                Duration::try_from_secs_f64((seconds(next) - seconds(now)).max(0.0)).unwrap_or_default();
            pause = pause.min(until.max(SLEEP_MIN));
        }
    }
    Ok(pause)
}

fn now() -> Timestamp {
    // The clock is past 1970, and before the year 9999.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_microsecond(since.as_micros() as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_microsecond() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn a_tick_is_at_its_time_on_the_clocks_of_its_zone() {
        let schedule = Schedule::new("30 9 * * 1-5", "Europe/Berlin").expect("a schedule");
        assert_eq!(schedule.next(at("2026-03-27T12:00:00Z")), Some(at("2026-03-30T07:30:00Z")));
        assert_eq!(schedule.next(at("2026-01-05T00:00:00Z")), Some(at("2026-01-05T08:30:00Z")));
        assert_eq!(schedule.latest(at("2026-01-05T08:30:00Z")), Some(at("2026-01-05T08:30:00Z")));
        assert_eq!(schedule.latest(at("2026-01-05T08:29:59Z")), Some(at("2026-01-02T08:30:00Z")));
    }

    #[test]
    fn a_daily_tick_comes_once_a_day_when_the_clocks_change() {
        for (pattern, day) in [("30 2 * * *", "2026-03-28T12:00:00Z"), ("30 2 * * *", "2026-10-24T12:00:00Z")]
        {
            let schedule = Schedule::new(pattern, "Europe/Berlin").expect("a schedule");
            let mut ticks = Vec::new();
            let mut after = at(day);
            while let Some(tick) =
                schedule.next(after).filter(|tick| seconds(*tick) < seconds(at(day)) + 3.0 * 86_400.0)
            {
                ticks.push(tick);
                after = tick;
            }
            assert_eq!(ticks.len(), 3, "{ticks:?}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (pattern, zone) in [
            ("* * * *", "UTC"),
            ("61 * * * *", "UTC"),
            ("0 0 30 2 *", "UTC"),
            ("* * * * *", "Mars/Olympus"),
            ("", "UTC"),
        ] {
            assert!(Schedule::new(pattern, zone).is_err(), "{pattern} in {zone}");
        }
    }
}
