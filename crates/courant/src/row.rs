//! The database's one row, read: the other half of the convention that `rest` writes its statements by.

use bytes::Bytes;
use pg::session::Told;
use pg::{Lsn, Read, Row, Snapshot};
use rest::{Counts, Returned, Tracked};

use crate::failure::Failure;

/// The last column, where several requests were asked for at once: which of them the row is for.
const NTH: &str = "nth";
/// What a write has left for the audit log: no key.
const RECORDED: &str = "recorded";
/// The last row's place in the order: no key.
const CURSOR: &str = "cursor";
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
    /// What the transaction says to the response.
    pub(crate) told: Told,
    /// For each key column, its value in each row.
    keys: Vec<Vec<Option<String>>>,
    /// What is told of the rows below the page's.
    embedded: Option<String>,
}

impl Found {
    /// Reads the row.
    pub(crate) fn read(row: &Row) -> Result<Found, Failure> {
        Found::decode(row).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// Reads PostgreSQL's plan for a statement, line by line.
    pub(crate) fn plan(rows: &[Row]) -> Result<Found, Failure> {
        let mut plan = String::new();
        for row in rows {
            let line = row.text(0).map_err(|error| Failure::Unreadable(error.to_string()))?;
            plan.extend([line, "\n"]);
        }
        Ok(Found::told(plan))
    }

    /// A body that was not made of rows.
    pub(crate) fn told(body: String) -> Found {
        let (snapshot, position, keys, embedded) = (None, None, Vec::new(), None);
        let (body, counts, told) = (Some(body.into()), Counts::default(), Told::default());
        Found { body, counts, snapshot, position, told, keys, embedded }
    }

    /// Has the planner's number of rows count, where it is wanted: `plan` is in JSON.
    pub(crate) fn estimate(&mut self, plan: &[Row], above: Option<u64>) -> Result<(), Failure> {
        let unreadable = |error: &dyn std::fmt::Display| Failure::Unreadable(error.to_string());
        let plan = plan.first().ok_or_else(|| unreadable(&"a plan without a row"))?;
        let plan = plan.text(0).map_err(|error| unreadable(&error))?;
        let plan: serde_json::Value = serde_json::from_str(plan).map_err(|error| unreadable(&error))?;
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_f64);
        let rows = rows.ok_or_else(|| unreadable(&"a plan without a number of rows"))? as u64;
        self.counts.total = match (self.counts.total, above) {
            (Some(counted), Some(above)) if counted <= above => Some(counted),
            (counted, _) => Some(counted.unwrap_or_default().max(rows)),
        };
        Ok(())
    }

    /// Which request, from zero on, the row is for, where several were asked for at once.
    pub(crate) fn place(row: &Row) -> Result<usize, Failure> {
        let last = row.width().saturating_sub(1);
        if row.names().nth(last) != Some(NTH) {
            return Ok(0);
        }
        let nth = row.get::<i64>(last).map_err(|error| Failure::Unreadable(error.to_string()))?;
        usize::try_from(nth - 1).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    fn decode(row: &Row) -> Result<Found, Box<dyn std::error::Error + Send + Sync>> {
        let body = row.get::<Option<&str>>(0)?.map(|body| Bytes::copy_from_slice(body.as_bytes()));
        let rows = u64::try_from(row.get::<i64>(1)?)?;
        let total = row.get::<Option<i64>>(2)?.map(u64::try_from).transpose()?;
        let snapshot = row.get::<Option<&str>>(3)?.map(str::parse).transpose()?;
        let position = row.get::<Option<&str>>(4)?.map(str::parse).transpose()?;
        let (mut keys, mut embedded) = (Vec::with_capacity(row.width() - FIXED_COLUMNS), None);
        let mut cursor = None;
        for (number, name) in row.names().enumerate().skip(FIXED_COLUMNS) {
            if name == "embedded" {
                embedded = row.get::<Option<String>>(number)?;
            } else if name == CURSOR {
                cursor = row.get::<Option<String>>(number)?;
            } else if name != NTH && name != RECORDED {
                keys.push(row.get::<Option<Vec<Option<String>>>>(number)?.unwrap_or_default());
            }
        }
        let key = keys.iter().filter_map(|values| values.first().cloned().flatten()).collect();
        Ok(Found {
            body,
            counts: Counts { rows, total, key, cursor },
            snapshot,
            position,
            told: Told::default(),
            keys,
            embedded,
        })
    }

    /// What the answer read: what was known before, and the rows it turned out to contain.
    pub(crate) fn reads(&self, tracked: &Tracked) -> Vec<Read> {
        let embedded = self.embedded.as_deref();
        tracked.reads(&Returned { rows: self.counts.rows, keys: &self.keys, embedded })
    }
}
