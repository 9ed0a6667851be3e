//! When things happen: the hours of a year that ends at a given moment, weighted by the time of day, the day of
//! the week and the company's growth.
//!
//! Rows are numbered in order of time: a row's moment follows from its number alone, and never precedes the
//! moment of the row before it. Hours are those of Quebec's winter; summer time is left out.

use crate::random::Random;

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

const OFFICE: [u64; 24] =
    [2, 1, 1, 1, 1, 3, 12, 40, 80, 98, 100, 92, 70, 82, 94, 92, 78, 50, 34, 24, 16, 10, 6, 3];
const EVENING: [u64; 24] =
    [6, 3, 2, 1, 1, 3, 12, 34, 62, 70, 72, 76, 82, 70, 66, 68, 76, 88, 98, 100, 92, 70, 40, 16];
/// From Monday.
const WEEK: [u64; 7] = [112, 104, 98, 96, 100, 34, 16];
const DAYS: u64 = 365;

/// The kind of work that sets the hours.
#[derive(Clone, Copy)]
pub(crate) enum Hours {
    /// People who telephone.
    Office,
    /// People who write.
    Evening,
}

/// The weight of every hour up to and with each.
pub(crate) struct Rhythm {
    start: i64,
    sums: Vec<u64>,
}

impl Rhythm {
    /// The year that ends at `until`, in microseconds since 1970.
    pub(crate) fn new(hours: Hours, until: i64) -> Rhythm {
        let profile = match hours {
            Hours::Office => OFFICE,
            Hours::Evening => EVENING,
        };
        let start = until - DAYS as i64 * DAY;
        let mut sum = 0;
        let sums = (0..DAYS * 24)
            .map(|hour| {
                let moment = start + hour as i64 * HOUR;
                let local = (moment - 5 * HOUR).div_euclid(HOUR);
                // 1 January 1970 was a Thursday.
                let weekday = (local.div_euclid(24) + 3).rem_euclid(7) as usize;
                let growth = DAYS * 24 + hour;
                sum += profile[local.rem_euclid(24) as usize] * WEEK[weekday] * growth;
                sum
            })
            .collect();
        Rhythm { start, sums }
    }

    /// The moment of row `number` among `rows`, in microseconds since 1970.
    pub(crate) fn moment(&self, random: &mut Random, number: u64, rows: u64) -> i64 {
        let total = self.sums[self.sums.len() - 1];
        let at =
            (u128::from(number) * u128::from(total) + u128::from(random.below(total))) / u128::from(rows);
        let at = at as u64;
        let hour = self.sums.partition_point(|sum| *sum <= at);
        let before = if hour == 0 { 0 } else { self.sums[hour - 1] };
        let within = u128::from(at - before) * HOUR as u128 / u128::from(self.sums[hour] - before);
        self.start + hour as i64 * HOUR + within as i64
    }
}

/// The day in Quebec, counted from 1 January 1970.
pub(crate) fn local_day(moment: i64) -> i32 {
    (moment - 5 * HOUR).div_euclid(DAY) as i32
}

/// The moment of an hour of a day in Quebec.
pub(crate) fn local_hour(day: i32, hour: i64) -> i64 {
    i64::from(day) * DAY + (hour + 5) * HOUR
}
