//! What an answer reads, in the log's terms (invariants 3 and 9 of the design).
//!
//! Always a superset. Only the root relation of a read is narrowed, by its equality predicates and the keys
//! of the rows it returns; all else that was consulted counts as a whole table. What cannot be said is not
//! tracked, with the reason. Input is the resolved tree, never SQL.

mod clock;
mod dependence;
mod predicate;

use std::sync::Arc;

use pg::catalog::{Catalog, Obstacle, Relation, RelationKind, Settings};
use pg::{Read, RelationId, Rows};

use crate::plan::{Call, Node, Source};
use crate::sql::Key;
use crate::{Lifetime, Limits, Rules};
use dependence::Gathered;

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Known: it may be kept.
    Tracked {
        /// Known before the answer.
        fixed: Vec<Read>,
        /// The rows that the answer contains, known only with it.
        contained: Option<Contained>,
        /// The request's settings that it can depend on.
        settings: Settings,
        /// How long it may be kept, where something outside the log matters.
        ttl: Option<Lifetime>,
    },
    /// Not known, or not only on what the log tells: it must not be kept.
    Untracked {
        /// Why.
        why: Obstacle,
        /// The object at fault.
        object: String,
    },
}

/// The rows that an answer contains, by key: the caller reads them from `key_1`, `key_2`, … of its row, in
/// the order of `columns`, and adds for each of `relations` a [`pg::Rows`] whose old values matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contained {
    /// Where the rows are stored.
    pub relations: Vec<RelationId>,
    /// The key's columns, by name, ascending.
    pub columns: Arc<[Box<str>]>,
    /// With more rows than this, the whole of `relations` counts as read.
    pub keys_max: usize,
    /// The columns as the statement returns them.
    keys: Vec<Key>,
}

impl Reads {
    /// The columns that the statement returns beside the body.
    pub(crate) fn keys(&self) -> Vec<Key> {
        match self {
            Reads::Tracked { contained: Some(contained), .. } => contained.keys.clone(),
            _ => Vec::new(),
        }
    }
}

/// The reads of `GET` on a relation.
pub(crate) fn of_read(catalog: &Catalog, rules: &Rules, root: &Node, counted: bool) -> Reads {
    let mut gathered = Gathered::new(catalog, rules);
    gathered.tree(root);
    let narrow = root.relation.as_ref().and_then(|relation| {
        // What is read elsewhere in the statement, too, is read whole there.
        let whole = relation.stored_in.iter().any(|id| gathered.relations.contains(id));
        if whole { None } else { narrow(relation, root, counted, &rules.limits) }
    });
    let (rows, contained) = match (narrow, &root.relation) {
        (Some((rows, contained)), _) => (rows, contained),
        (None, Some(relation)) => {
            gathered.relations.extend(&relation.stored_in);
            (Vec::new(), None)
        }
        (None, None) => (Vec::new(), None),
    };
    gathered.finish(rows, contained)
}

/// The reads of a function that does not write, and of what is embedded in its rows.
pub(crate) fn of_call(catalog: &Catalog, rules: &Rules, call: &Call, root: &Node) -> Reads {
    let mut gathered = Gathered::new(catalog, rules);
    gathered.function(&call.function);
    gathered.arguments(&call.arguments);
    gathered.tree(root);
    gathered.finish(Vec::new(), None)
}

type Narrow = (Vec<Read>, Option<Contained>);

/// The root by its predicates and keys; `None` where only the whole of it will do.
fn narrow(relation: &Relation, root: &Node, counted: bool, limits: &Limits) -> Option<Narrow> {
    if !matches!(root.source, Source::Relation(_))
        || !matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned)
    {
        return None;
    }
    let mut identity: Vec<&str> = relation.identity.iter().map(String::as_str).collect();
    identity.sort_unstable();
    let equalities = predicate::equalities(&root.conditions);
    // A row named by its whole identity cannot come or go unseen: the log has the key of every old row.
    let point = !identity.is_empty() && identity.iter().all(|column| equalities.contains_key(column));
    let chosen = predicate::choose(&equalities, point.then_some(identity.as_slice()), limits.read_rows_max)?;
    let covered = point && chosen.columns.iter().map(AsRef::as_ref).eq(identity.iter().copied());
    // A row that leaves a page moves the ones after it, and one that leaves a set changes its size.
    let old_matters = covered || counted || root.range.offset > 0;
    let contained = if old_matters { None } else { contained(relation, &identity, limits) };
    let rows = relation.stored_in.iter().map(|id| {
        Read::Rows(Rows {
            relation: *id,
            columns: Arc::clone(&chosen.columns),
            values: chosen.values.clone(),
            old_matters: old_matters || contained.is_none(),
        })
    });
    Some((rows.collect(), contained))
}

/// The keys of the returned rows, where the log names old rows by them in a form that can be compared.
fn contained(relation: &Relation, identity: &[&str], limits: &Limits) -> Option<Contained> {
    if identity.is_empty() || limits.keys_max == 0 {
        return None;
    }
    let keys: Option<Vec<Key>> = identity
        .iter()
        .map(|name| {
            let canonical = relation.column(name)?.canonical?;
            Some(Key { column: (*name).to_owned(), canonical: Some(canonical) })
        })
        .collect();
    Some(Contained {
        relations: relation.stored_in.clone(),
        columns: identity.iter().map(|name| Box::from(*name)).collect(),
        keys_max: limits.keys_max,
        keys: keys?,
    })
}
