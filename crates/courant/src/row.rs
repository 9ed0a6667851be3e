//! The database's one row, read: the other half of the convention that `rest` writes its statements by.

use bytes::Bytes;
use pg::{Lsn, Read, Rows, Snapshot};
use rest::{Contained, Counts, Reads};
use tokio_postgres::Row;

use crate::failure::Failure;

/// Columns before the keys: `body`, `rows`, `total`, `snapshot`, `position`.
const FIXED_COLUMNS: usize = 5;

/// What the statement found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The body, made by PostgreSQL; none where there is none to send.
    pub(crate) body: Option<Bytes>,
    /// What was counted, and the first row's key.
    pub(crate) counts: Counts,
    /// The statement's own snapshot; none for a write.
    pub(crate) snapshot: Option<Snapshot>,
    /// A position of the log above everything that is shown, where one is known.
    pub(crate) position: Option<Lsn>,
    /// For each key column, its value in each row.
    keys: Vec<Vec<Option<String>>>,
}

impl Found {
    /// Reads the row.
    pub(crate) fn read(row: &Row) -> Result<Found, Failure> {
        Found::decode(row).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    fn decode(row: &Row) -> Result<Found, Box<dyn std::error::Error + Send + Sync>> {
        let body = row.try_get::<_, Option<&str>>(0)?.map(|body| Bytes::copy_from_slice(body.as_bytes()));
        let rows = u64::try_from(row.try_get::<_, i64>(1)?)?;
        let total = row.try_get::<_, Option<i64>>(2)?.map(u64::try_from).transpose()?;
        let snapshot = row.try_get::<_, Option<&str>>(3)?.map(str::parse).transpose()?;
        let position = row.try_get::<_, Option<&str>>(4)?.map(str::parse).transpose()?;
        let mut keys = Vec::with_capacity(row.len() - FIXED_COLUMNS);
        for column in FIXED_COLUMNS..row.len() {
            keys.push(row.try_get::<_, Option<Vec<Option<String>>>>(column)?.unwrap_or_default());
        }
        let key = keys.iter().filter_map(|values| values.first().cloned().flatten()).collect();
        Ok(Found { body, counts: Counts { rows, total, key }, snapshot, position, keys })
    }

    /// What the answer read: what was known before, and the rows it turned out to contain.
    pub(crate) fn reads(&self, fixed: &[Read], contained: Option<&Contained>) -> Vec<Read> {
        let mut reads = fixed.to_vec();
        if let Some(contained) = contained {
            match self.contained(contained) {
                Some(values) => reads.extend(contained.relations.iter().map(|relation| {
                    Read::Rows(Rows {
                        relation: *relation,
                        columns: contained.columns.clone(),
                        values: values.clone(),
                        old_matters: true,
                    })
                })),
                None => reads.extend(contained.relations.iter().map(|relation| Read::Whole(*relation))),
            }
        }
        reads
    }

    /// The contained rows' keys; `None` where they are too many, or not keys after all.
    fn contained(&self, contained: &Contained) -> Option<Vec<Box<[Box<str>]>>> {
        let rows = self.keys.first().map_or(0, Vec::len);
        let whole =
            self.keys.len() == contained.columns.len() && self.keys.iter().all(|key| key.len() == rows);
        if !whole || rows > contained.keys_max {
            return None;
        }
        let key = |row: usize| -> Option<Box<[Box<str>]>> {
            self.keys.iter().map(|column| column[row].as_deref().map(Box::from)).collect()
        };
        (0..rows).map(key).collect()
    }
}

/// Whether the plan's reads are known, and for how long they hold.
pub(crate) fn tracked(reads: &Reads) -> Option<(&[Read], Option<&Contained>, Option<rest::Lifetime>)> {
    match reads {
        Reads::Tracked { fixed, contained, ttl, .. } => Some((fixed, contained.as_ref(), *ttl)),
        Reads::Untracked { .. } => None,
    }
}
