//! The keys of views: which columns of which tables they show, through chains of views, and the primary and
//! foreign keys that follow.
//!
//! PostgreSQL promises none of them: rows of a view may repeat. They say how relations can be joined and what
//! an insert through a view may name, never that a row is the only one.

use std::collections::{BTreeMap, HashMap};

use super::nodes::{Target, targets};
use super::source::Source;
use super::storage;
use super::{ForeignKey, RelationId};

/// The columns of one table that a view shows: by the table's column the view's, both by name.
type Shown = HashMap<String, String>;

/// What views show of tables.
pub(super) struct Views {
    /// By view and table.
    shown: BTreeMap<RelationId, BTreeMap<RelationId, Shown>>,
}

impl Views {
    /// Reads the views' queries, each once.
    pub(super) fn read(source: &Source) -> Views {
        let direct = source.views.iter().map(|(id, tree)| (*id, targets(tree).unwrap_or_default()));
        let direct: HashMap<RelationId, Vec<Target>> = direct.collect();
        let mut shown: BTreeMap<RelationId, BTreeMap<RelationId, Shown>> = BTreeMap::new();
        for (view, targets) in &direct {
            for target in targets {
                let Some((table, column)) = base(source, &direct, *target) else { continue };
                let names = |id, number| storage::names(source, id, &[number], |_| true)?.pop();
                if let (Some(own), Some(column)) = (names(*view, target.number), names(table, column)) {
                    // Where it is shown twice, the first one counts.
                    shown.entry(*view).or_default().entry(table).or_default().entry(column).or_insert(own);
                }
            }
        }
        Views { shown }
    }

    /// The primary keys of the tables that the view shows whole.
    pub(super) fn primary_key(
        &self,
        view: RelationId,
        key: impl Fn(RelationId) -> Vec<String>,
    ) -> Vec<String> {
        let tables = self.shown.get(&view).into_iter().flatten();
        let keys = tables.filter_map(|(table, shown)| named(&key(*table), shown));
        keys.flatten().collect()
    }

    /// What follows from a foreign key for relations that show both of its ends.
    pub(super) fn derived(&self, key: &ForeignKey) -> Vec<ForeignKey> {
        let ends = |table: RelationId, columns: &Vec<String>| {
            let views = self
                .shown
                .iter()
                .filter_map(move |(view, tables)| Some((*view, named(columns, tables.get(&table)?)?)));
            std::iter::once((table, columns.clone())).chain(views).collect::<Vec<_>>()
        };
        let (from, to) = (ends(key.from, &key.from_columns), ends(key.to, &key.to_columns));
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
        let key =
            |((from, from_columns), (to, to_columns)): (&(RelationId, Vec<String>), &(RelationId, _))| {
                ForeignKey {
                    from: *from,
                    from_columns: from_columns.clone(),
                    to: *to,
                    to_columns: Vec::clone(to_columns),
                    ..key.clone()
                }
            };
        // The first pair is the key itself.
        pairs.skip(1).map(key).collect()
    }
}

/// The view's names of a table's columns, if it shows them all and there are any.
fn named(columns: &[String], shown: &Shown) -> Option<Vec<String>> {
    let names: Vec<String> =
        columns.iter().map(|column| shown.get(column).cloned()).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

/// The table's column behind a view's, through the views between them.
fn base(
    source: &Source,
    direct: &HashMap<RelationId, Vec<Target>>,
    target: Target,
) -> Option<(RelationId, i16)> {
    let mut target = target;
    // A view cannot show itself, so the chain ends; no longer than there are views.
    for _ in 0..=direct.len() {
        let id = RelationId(target.relation);
        match source.relations.get(&id)?.kind {
            b'r' | b'p' | b'f' => return Some((id, target.column)),
            _ => target = *direct.get(&id)?.iter().find(|next| next.number == target.column)?,
        }
    }
    None
}
