//! What readers ask, in every shape, and what the answers show.
//!
//! Every question is totally ordered, so that equal snapshots give equal bytes.

use std::collections::HashSet;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::Answered;
use crate::dice::{Dice, GROUPS, KEYS, LABELS, PEOPLE, WEARING};
use crate::facts::Fact;
use crate::ledger::RowKey;

/// The shapes of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Point,
    OfGroup,
    Top,
    TopOfGroup,
    Page,
    Counted,
    CountedHead,
    GroupWithItems,
    ItemsWithGroup,
    ItemWithLabels,
    ItemsOfLabel,
    Either,
    Called,
    Doc,
    DocsOfGroup,
    Scratch,
    Group,
    Ranked,
}

/// Every shape; those that are asked most, more than once.
const SHAPES: [Shape; 21] = [
    Shape::Point,
    Shape::Point,
    Shape::Point,
    Shape::Group,
    Shape::OfGroup,
    Shape::Top,
    Shape::TopOfGroup,
    Shape::Page,
    Shape::Counted,
    Shape::CountedHead,
    Shape::GroupWithItems,
    Shape::ItemsWithGroup,
    Shape::ItemWithLabels,
    Shape::ItemsOfLabel,
    Shape::Either,
    Shape::Called,
    Shape::Doc,
    Shape::Doc,
    Shape::DocsOfGroup,
    Shape::Scratch,
    Shape::Ranked,
];

/// One question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) shape: Shape,
    key: i64,
    group: i64,
    label: i64,
    /// Who asks, where it matters.
    pub(crate) person: i64,
}

/// What an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Row(RowKey, i64),
    Fact(Fact, bool),
}

impl Question {
    pub(crate) fn draw(dice: &mut Dice) -> Question {
        let shape = SHAPES[dice.roll(SHAPES.len() as u64) as usize];
        let (key, group, label) = (dice.key(), dice.below(GROUPS), dice.below(LABELS));
        Question { shape, key, group, label, person: dice.below(PEOPLE) }
    }

    pub(crate) fn point(key: i64) -> Question {
        Question { shape: Shape::Point, key, group: 0, label: 0, person: 0 }
    }

    /// Every question there is, each once.
    pub(crate) fn all() -> Vec<Question> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        for shape in SHAPES {
            for number in 0..KEYS * PEOPLE {
                let (key, person) = (number % KEYS, number / KEYS);
                let question = Question { shape, key, group: key % GROUPS, label: key % LABELS, person };
                let who = question.personal().then_some(person);
                if seen.insert((question.target(), question.method(), who)) {
                    all.push(question);
                }
            }
        }
        all
    }

    pub(crate) fn target(&self) -> String {
        let Question { shape, key, group, label, .. } = self;
        let columns = "select=id,version";
        match shape {
            Shape::Point => format!("/items?id=eq.{key}&{columns}"),
            Shape::OfGroup => format!("/items?group_id=eq.{group}&{columns}&order=id"),
            Shape::Top => format!("/items?{columns}&order=rank.desc,id&limit=5"),
            Shape::TopOfGroup => format!("/items?group_id=eq.{group}&{columns}&order=rank,id&limit=3"),
            Shape::Page => format!("/items?{columns}&order=id&limit=5&offset={}", 5 * group),
            Shape::Counted | Shape::CountedHead => {
                format!("/visits?group_id=eq.{group}&select=id&order=id&limit=2")
            }
            Shape::GroupWithItems => {
                format!("/groups?id=eq.{group}&{columns},items(id,version)&items.order=id")
            }
            Shape::ItemsWithGroup => {
                format!("/items?group_id=eq.{group}&{columns},groups(id,version)&order=id")
            }
            Shape::ItemWithLabels => {
                let item = key % WEARING;
                format!("/items?id=eq.{item}&{columns},labels(id,version)&labels.order=id")
            }
            Shape::ItemsOfLabel => {
                format!("/items?{columns},labels!inner(id,version)&labels.id=eq.{label}&order=id")
            }
            Shape::Either => format!("/items?or=(id.eq.{key},group_id.eq.{group})&{columns}&order=id"),
            Shape::Called => format!("/rpc/items_of?g={group}&{columns}&order=id"),
            Shape::Doc => format!("/docs?id=eq.{key}&{columns}"),
            Shape::DocsOfGroup => format!("/docs?group_id=eq.{group}&{columns}&order=id"),
            Shape::Scratch => format!("/scratch?id=eq.{}&{columns}", key % 10),
            Shape::Ranked => format!("/items?rank=gte.{}&{columns}&order=id", 10 * group),
            Shape::Group => format!("/groups?id=eq.{group}&{columns}"),
        }
    }

    pub(crate) fn method(&self) -> Method {
        if self.shape == Shape::CountedHead { Method::HEAD } else { Method::GET }
    }

    /// Whether it asks for the number of rows.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.shape, Shape::Counted | Shape::CountedHead)
    }

    /// Whether the answer depends on who asks.
    pub(crate) fn personal(&self) -> bool {
        matches!(self.shape, Shape::Doc | Shape::DocsOfGroup)
    }

    /// What an answer shows; none if it shows nothing, because a fault was being played.
    pub(crate) fn shown(&self, answer: &Answered) -> anyhow::Result<Option<Vec<Shown>>> {
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
        if self.shape == Shape::Scratch && denied {
            return Ok(Some(vec![Shown::Fact(Fact::Granted, false)]));
        }
        if !answer.status.is_success() {
            return Ok(None);
        }
        let mut shown = Vec::new();
        if self.counts() {
            shown.extend(answer.total().map(|total| Shown::Row(("visits", self.group), total)));
            return Ok(Some(shown));
        }
        let rows = answer.json()?;
        let table = match self.shape {
            Shape::GroupWithItems | Shape::Group => "groups",
            Shape::Doc | Shape::DocsOfGroup => "docs",
            Shape::Scratch => "scratch",
            _ => "items",
        };
        versions(table, &rows, &mut shown);
        self.facts(&rows, &mut shown);
        Ok(Some(shown))
    }

    fn facts(&self, rows: &Value, shown: &mut Vec<Shown>) {
        let has = |rows: &Value, id: i64| ids(rows).any(|shown| shown == id);
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
            Shape::ItemsOfLabel => shown
                .extend((0..WEARING).map(|item| Shown::Fact(Fact::Wears(item, self.label), has(rows, item)))),
            _ => {}
        }
    }
}

/// Whether the policy that hides some docs hides this one.
fn hideable(doc: i64) -> bool {
    doc % 8 >= 4
}

fn ids(rows: &Value) -> impl Iterator<Item = i64> + '_ {
    rows.as_array().into_iter().flatten().filter_map(|row| row["id"].as_i64())
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
