//! Transaction ids and snapshots: which transactions an answer has seen.

use std::fmt;
use std::str::FromStr;

/// A full transaction id (`xid8`): 64 bits, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Xid(pub u64);

impl Xid {
    /// Widens the 32-bit id that the log carries, given a full id near it in time.
    ///
    /// PostgreSQL never lets two live ids be 2^31 apart, so the full id is the only one with these
    /// low bits within 2^31 of `near`
    /// (<https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND>).
    pub fn widen(low: u32, near: Xid) -> Xid {
        let distance = low.wrapping_sub(near.0 as u32) as i32;
        Xid(near.0.saturating_add_signed(i64::from(distance)))
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What `pg_current_snapshot()` returned: `xmin:xmax:xip,…`.
///
/// Only top-level ids are listed, which is all the change stream ever names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Every transaction below it has ended.
    pub xmin: Xid,
    /// No transaction at or above it had ended.
    pub xmax: Xid,
    /// The transactions in between that were in progress, ascending.
    pub in_progress: Box<[Xid]>,
}

impl Snapshot {
    /// Whether a transaction that is known to have committed is visible in this snapshot.
    pub fn sees(&self, committed: Xid) -> bool {
        committed < self.xmin || committed < self.xmax && self.in_progress.binary_search(&committed).is_err()
    }
}

/// The text was not of the form `xmin:xmax:xip,…`.
#[derive(Debug, thiserror::Error)]
#[error("not a snapshot: {0:?}")]
pub struct ParseSnapshotError(String);

impl FromStr for Snapshot {
    type Err = ParseSnapshotError;

    fn from_str(text: &str) -> Result<Snapshot, ParseSnapshotError> {
        let parse = || {
            let mut parts = text.splitn(3, ':');
            let xmin = Xid(parts.next()?.parse().ok()?);
            let xmax = Xid(parts.next()?.parse().ok()?);
            let list = parts.next()?;
            let mut in_progress = Vec::new();
            for id in list.split(',').filter(|id| !id.is_empty()) {
                in_progress.push(Xid(id.parse().ok()?));
            }
            in_progress.sort_unstable();
            Some(Snapshot { xmin, xmax, in_progress: in_progress.into() })
        };
        parse().ok_or_else(|| ParseSnapshotError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_had_ended_and_nothing_in_progress() {
        let snapshot: Snapshot = "10:20:10,14".parse().unwrap();
        let seen: Vec<u64> = (8..22).filter(|&id| snapshot.sees(Xid(id))).collect();
        assert_eq!(seen, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert!("10:20:".parse::<Snapshot>().unwrap().in_progress.is_empty());
        assert!("10:20".parse::<Snapshot>().is_err());
    }

    #[test]
    fn a_log_id_is_widened_to_the_nearest_full_id() {
        let epoch = 1_u64 << 32;
        assert_eq!(Xid::widen(5, Xid(3)), Xid(5));
        assert_eq!(Xid::widen(3, Xid(epoch - 2)), Xid(epoch + 3));
        assert_eq!(Xid::widen(u32::MAX, Xid(epoch + 3)), Xid(epoch - 1));
        assert_eq!(Xid::widen(7, Xid(5 * epoch + 9)), Xid(5 * epoch + 7));
    }
}
