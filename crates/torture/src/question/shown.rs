//! What answers show: versions of rows, facts, and for whom they were made.

use http::StatusCode;
use serde_json::Value;

use super::{Question, Route, Shape};
use crate::client::Answered;
use crate::dice::{DESKS, GROUPS, LABELS, WEARING};
use crate::facts::Fact;
use crate::ledger::RowKey;

/// What an answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Row(RowKey, i64),
    Fact(Fact, bool),
    /// It was made for somebody else, who is named.
    Stranger(String),
}

impl Question {
    /// What an answer shows; none if it shows nothing, because a fault was being played.
    pub(crate) fn shown(&self, answer: &Answered) -> anyhow::Result<Option<Vec<Shown>>> {
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
        if self.shape == Shape::Scratch && denied {
            return Ok(Some(vec![Shown::Fact(Fact::Granted, false)]));
        }
        let is_absent = self.is_for_backend() && answer.status == StatusCode::NOT_FOUND;
        if !answer.status.is_success() && !is_absent {
            return Ok(None);
        }
        let mut shown = Vec::new();
        if self.counts() {
            shown.extend(answer.total().map(|total| Shown::Row(("visits", self.group), total)));
            return Ok(Some(shown));
        }
        let said = answer.json()?;
        versions(self.table(), &said, &mut shown);
        match self.shape {
            Shape::Backend(route) => self.shown_by(route, &said, &mut shown),
            _ => self.facts(&said, &mut shown),
        }
        Ok(Some(shown))
    }

    /// Where the rows come from that are in no other row.
    fn table(&self) -> &'static str {
        match self.shape {
            Shape::GroupWithItems | Shape::Group | Shape::Backend(Route::Group) => "groups",
            Shape::Doc | Shape::DocsOfGroup => "docs",
            Shape::Scratch => "scratch",
            Shape::Backend(Route::Label) => "labels",
            _ => "items",
        }
    }

    fn facts(&self, rows: &Value, shown: &mut Vec<Shown>) {
        match self.shape {
            Shape::Scratch => shown.push(Shown::Fact(Fact::Granted, true)),
            Shape::Doc => {
                let (there, high) = (has(rows, self.key), hideable(self.key));
                if there || !high {
                    shown.push(Shown::Fact(Fact::Member(self.person, self.key % GROUPS), there));
                }
                if there && high {
                    shown.push(Shown::Fact(Fact::Hidden, false));
                }
            }
            Shape::DocsOfGroup => {
                let member = ids(rows).next().is_some();
                shown.push(Shown::Fact(Fact::Member(self.person, self.group), member));
                if member {
                    shown.push(Shown::Fact(Fact::Hidden, !ids(rows).any(hideable)));
                }
            }
            Shape::ItemWithLabels if rows[0].is_object() => {
                let item = self.key % WEARING;
                shown.extend(
                    (0..LABELS)
                        .map(|label| Shown::Fact(Fact::Wears(item, label), has(&rows[0]["labels"], label))),
                );
            }
            Shape::ItemsOfLabel => self.wearers(rows, shown),
            Shape::Desks => self.desks(rows, shown),
            _ => {}
        }
    }

    /// What an answer of the backend shows beside rows.
    fn shown_by(&self, route: Route, said: &Value, shown: &mut Vec<Shown>) {
        match route {
            Route::Label if said.is_object() => self.wearers(&said["items"], shown),
            Route::Room => self.desks(said, shown),
            Route::Visits => {
                shown.extend(said["count"].as_i64().map(|count| Shown::Row(("visits", self.group), count)));
            }
            Route::Mine => {
                self.whose(said, shown);
                shown.push(Shown::Fact(Fact::Member(self.person, self.group), said["items"].is_array()));
            }
            Route::Memberships => {
                self.whose(said, shown);
                let is_member = |group| has(&said["groups"], group);
                shown.extend(
                    (0..GROUPS).map(|group| Shown::Fact(Fact::Member(self.person, group), is_member(group))),
                );
            }
            _ => {}
        }
    }

    fn whose(&self, said: &Value, shown: &mut Vec<Shown>) {
        let whose = said["person"].as_str().unwrap_or_default();
        if whose != format!("p{}", self.person) {
            shown.push(Shown::Stranger(whose.to_owned()));
        }
    }

    fn wearers(&self, items: &Value, shown: &mut Vec<Shown>) {
        shown.extend((0..WEARING).map(|item| Shown::Fact(Fact::Wears(item, self.label), has(items, item))));
    }

    fn desks(&self, desks: &Value, shown: &mut Vec<Shown>) {
        let is_second = self.room() == 1;
        shown.extend((0..DESKS).map(|desk| Shown::Fact(Fact::Moved(desk), has(desks, desk) == is_second)));
    }
}

/// Whether the policy that hides some docs hides this one.
fn hideable(doc: i64) -> bool {
    doc % 8 >= 4
}

fn ids(rows: &Value) -> impl Iterator<Item = i64> + '_ {
    rows.as_array().into_iter().flatten().filter_map(|row| row["id"].as_i64())
}

fn has(rows: &Value, id: i64) -> bool {
    ids(rows).any(|shown| shown == id)
}

/// Every row of the answer, embedded ones too: those are under their table's name.
fn versions(table: &'static str, value: &Value, shown: &mut Vec<Shown>) {
    for row in value.as_array().into_iter().flatten().chain(value.is_object().then_some(value)) {
        if let (Some(id), Some(version)) = (row["id"].as_i64(), row["version"].as_i64()) {
            shown.push(Shown::Row((table, id), version));
        }
        for embedded in ["items", "groups", "labels"] {
            versions(embedded, &row[embedded], shown);
        }
    }
}

#[cfg(test)]
mod tests;
