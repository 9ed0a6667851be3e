//! What was measured, row by row: as a table for eyes, as JSON for machines.
//!
//! A row says what Courant did, what its peer did in the same run, and whether the goal was met. It never
//! rounds a miss into a success.

use std::fmt;

use serde_json::{Value, json};

/// What a row is held against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// At least so many times the peer's figure.
    AtLeastTimes(f64),
    /// At most so many times the peer's figure.
    AtMostTimes(f64),
    /// At least this figure.
    AtLeast(f64),
    /// Less than this figure.
    Below(f64),
    /// None: the row is there to be looked at.
    Nothing,
}

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    ours: f64,
    peer: Option<f64>,
    peer_name: &'static str,
    goal: Goal,
}

impl Row {
    /// A figure beside a peer's.
    pub(super) fn beside(
        name: impl Into<String>,
        unit: &'static str,
        ours: f64,
        (peer_name, peer): (&'static str, f64),
        goal: Goal,
    ) -> Row {
        Row { name: name.into(), unit, ours, peer: Some(peer), peer_name, goal }
    }

    /// A figure that has no peer.
    pub(super) fn alone(name: impl Into<String>, unit: &'static str, ours: f64, goal: Goal) -> Row {
        Row { name: name.into(), unit, ours, peer: None, peer_name: "goal", goal }
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.filter(|peer| *peer != 0.0).map(|peer| self.ours / peer)
    }

    /// Whether the goal was met; none where there is no goal.
    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeastTimes(times) => self.ratio().map(|ratio| ratio >= times),
            Goal::AtMostTimes(times) => self.ratio().map(|ratio| ratio <= times),
            Goal::AtLeast(least) => Some(self.ours >= least),
            Goal::Below(bound) => Some(self.ours < bound),
            Goal::Nothing => None,
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "unit": self.unit, "ours": self.ours, "peer": self.peer,
            "peer_name": self.peer_name, "ratio": self.ratio(), "goal": self.goal.to_string(), "met": self.met(),
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtLeastTimes(times) => write!(f, ">= {times} x"),
            Goal::AtMostTimes(times) => write!(f, "<= {times} x"),
            Goal::AtLeast(least) => write!(f, ">= {}", figure(*least)),
            Goal::Below(bound) => write!(f, "< {}", figure(*bound)),
            Goal::Nothing => write!(f, "-"),
        }
    }
}

/// The rows as JSON, one array.
pub(super) fn json(rows: &[Row]) -> String {
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    format!("{:#}\n", Value::Array(rows))
}

/// The rows as a table.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = line(["row", "unit", "Courant", "peer", "", "ratio", "goal", ""].map(str::to_owned));
    for row in rows {
        let met = match row.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        text += &line([
            row.name.clone(),
            row.unit.to_owned(),
            figure(row.ours),
            row.peer.map(figure).unwrap_or_default(),
            row.peer_name.to_owned(),
            row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            row.goal.to_string(),
            met.to_owned(),
        ]);
    }
    text
}

fn line(cells: [String; 8]) -> String {
    let [name, unit, ours, peer, peer_name, ratio, goal, met] = cells;
    let text =
        format!("{name:28} {unit:10} {ours:>10} {peer:>10} {peer_name:14} {ratio:>8} {goal:>10} {met}");
    format!("{}\n", text.trim_end())
}

/// Three digits that count.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_printed_as_one() {
        let row = Row::beside("cached.rate", "req/s", 99.0, ("nginx", 100.0), Goal::AtLeastTimes(1.0));
        assert_eq!(row.met(), Some(false));
        assert!(table(&[row]).contains("MISSED"));
    }

    #[test]
    fn a_row_without_a_goal_is_neither_met_nor_missed() {
        let row = Row::alone("memory.claimed", "bytes", 300.0, Goal::Nothing);
        assert_eq!(row.json()["met"], Value::Null);
    }
}
