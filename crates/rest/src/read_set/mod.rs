//! What an answer reads, in the log's terms (invariants 3 and 9 of the design).
//!
//! Always a superset. The root relation of a read is narrowed by its predicates, the end of its page and the
//! keys of the rows it returns; an embedded one by the values that join it; all else that was consulted counts
//! as a whole table. What cannot be said is not tracked, with the reason. Input is the resolved tree, never
//! SQL.

mod clock;
mod contained;
mod dependence;
mod predicate;
mod trace;

use std::sync::Arc;

use pg::catalog::{Catalog, Function, Obstacle, Relation, Settings};
use pg::{Read, RelationId, Rows, Scale};

use crate::plan::{Call, Node, OrderedBy};
use crate::sql::Key;
use crate::{Lifetime, Limits, Rules};
use contained::{Boundary, Contained};
use dependence::Gathered;

pub use contained::Returned;
pub(crate) use contained::{Below, Traced};

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Known: it may be kept.
    Tracked(Tracked),
    /// Not known, or not only on what the log tells: it must not be kept.
    Untracked {
        /// Why.
        why: Obstacle,
        /// The object at fault.
        object: String,
    },
}

/// What an answer depends on, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Read whatever the answer is.
    fixed: Vec<Read>,
    /// What is known only with the answer.
    contained: Option<Box<Contained>>,
    /// The request's settings that it can depend on.
    pub settings: Settings,
    /// How long it may be kept, where something outside the log matters.
    pub ttl: Option<Lifetime>,
    /// Whether part of it is the user's word, where Courant cannot tell: such a function may also speak to the response.
    pub declared: bool,
}

impl Tracked {
    /// What it reads whatever the answer is.
    pub fn known(&self) -> &[Read] {
        &self.fixed
    }

    /// The relations of which only the answer tells what was read.
    pub fn later(&self) -> Vec<RelationId> {
        let contained = self.contained.iter();
        let rows = contained.clone().flat_map(|contained| contained.rows.iter().map(|rows| rows.relation));
        rows.chain(contained.flat_map(|contained| contained.traced.relations())).collect()
    }

    /// The relations that it may have read, some perhaps twice.
    pub fn relations(&self) -> Vec<RelationId> {
        self.fixed.iter().map(Read::relation).chain(self.later()).collect()
    }

    /// What it read, once the database has answered.
    pub fn reads(&self, returned: &Returned<'_>) -> Vec<Read> {
        let mut reads = self.fixed.clone();
        reads.extend(self.contained.iter().flat_map(|contained| contained.reads(returned)));
        reads
    }
}

impl Reads {
    /// What the statement returns beside the body.
    pub(crate) fn traced(&self) -> Traced {
        match self {
            Reads::Tracked(Tracked { contained: Some(contained), .. }) => contained.traced.clone(),
            Reads::Tracked(_) | Reads::Untracked { .. } => Traced::default(),
        }
    }
}

/// The reads of `GET` on a relation, and of the aggregate that makes its body.
pub(crate) fn of_read(
    catalog: &Catalog,
    rules: &Rules,
    root: &Node,
    (counted, handler): (bool, Option<&Function>),
) -> Reads {
    let mut gathered = Gathered::new(catalog, rules);
    let mut traced = Traced::default();
    handler.into_iter().for_each(|function| gathered.function(function));
    // Of a group, no row is told.
    let counted = counted || root.is_collapsed();
    if rules.limits.keys_max > 0 && !root.is_collapsed() {
        gathered.exact.trace(root, &mut traced);
    }
    gathered.tree(root);
    gathered.before();
    // What is read elsewhere in the statement, too, is read whole there.
    let told = trace::table(root)
        .filter(|relation| !relation.stored_in.iter().any(|id| gathered.relations.contains(id)));
    let (rows, boundary) = match told {
        Some(relation) => narrow(relation, root, counted, &rules.limits, &mut traced),
        None => {
            gathered.relations.extend(root.relation.iter().flat_map(|relation| &relation.stored_in));
            (Vec::new(), None)
        }
    };
    let (fixed, rows) = if boundary.is_some() { (Vec::new(), rows) } else { (rows, Vec::new()) };
    let told = boundary.is_some() || !traced.links.is_empty();
    let contained =
        told.then(|| Box::new(Contained { rows, boundary, traced, keys_max: rules.limits.keys_max }));
    gathered.finish(fixed.into_iter().map(simple).collect(), contained)
}

/// The reads of a function that does not write, and of what is embedded in its rows.
pub(crate) fn of_call(
    catalog: &Catalog,
    rules: &Rules,
    (call, handler): (&Call, Option<&Function>),
    root: &Node,
) -> Reads {
    let mut gathered = Gathered::new(catalog, rules);
    gathered.function(&call.function);
    call.computed.iter().for_each(|function| gathered.function(function));
    handler.into_iter().for_each(|function| gathered.function(function));
    gathered.arguments(&call.arguments);
    gathered.tree(root);
    gathered.before();
    gathered.finish(Vec::new(), None)
}

/// The root by its predicates, its page's end and its rows' keys, which are added to what is traced.
fn narrow(
    relation: &Relation,
    root: &Node,
    counted: bool,
    limits: &Limits,
    traced: &mut Traced,
) -> (Vec<Rows>, Option<Boundary>) {
    let mut identity: Vec<&str> = relation.identity.iter().map(String::as_str).collect();
    identity.sort_unstable();
    let equalities = predicate::equalities(&root.conditions);
    // A row named by its whole identity cannot come or go unseen: the log has the key of every old row.
    let point = !identity.is_empty() && identity.iter().all(|column| equalities.contains_key(column));
    let chosen = predicate::choose(&equalities, point.then_some(identity.as_slice()), limits.read_rows_max);
    let covered =
        point && chosen.as_ref().is_some_and(|chosen| chosen.columns.iter().map(AsRef::as_ref).eq(identity));
    let within = predicate::intervals(&root.conditions);
    let boundary = if counted || covered { None } else { boundary(root, limits, traced) };
    let watched = trace::watched(root, &[]);
    // Where nothing narrows it, it is the whole relation, and the keys of its rows would say no more.
    let narrowed = chosen.is_some() || boundary.is_some() || !within.is_empty();
    // A row that leaves a page moves the ones after it, and one that leaves a set changes its size.
    let mut old_matters = !narrowed || covered || counted || root.range.offset > 0 || relation.identity_full;
    if !old_matters {
        let own = (limits.keys_max > 0).then(|| trace::own_key(relation, watched.clone(), traced)).flatten();
        old_matters = own.is_none();
        traced.links.extend(own);
    }
    let (columns, values) = match chosen {
        Some(chosen) => (chosen.columns, chosen.values),
        None => (Arc::default(), vec![Box::default()]),
    };
    let rows = relation.stored_in.iter().map(|id| Rows {
        within: within.clone(),
        old_matters,
        watched: watched.clone(),
        ..Rows::with(*id, Arc::clone(&columns), values.clone())
    });
    (rows.collect(), boundary)
}

/// All rows, all columns, old or new: the whole relation by its own name.
fn simple(rows: Rows) -> Read {
    if rows == Rows::all(rows.relation) { Read::Whole(rows.relation) } else { Read::Rows(rows) }
}

/// Where the root's page ends, if it can be told from its last row.
fn boundary(root: &Node, limits: &Limits, traced: &mut Traced) -> Option<Boundary> {
    let limit = root.range.limit.filter(|limit| *limit > 0 && *limit <= limits.keys_max as u64)?;
    let first = root.order.first()?;
    let OrderedBy::Own(column) = &first.target else { return None };
    let scale = Scale::of(column.type_id).filter(|_| column.path.is_empty())?;
    let key = Key { column: column.name.clone(), canonical: None };
    let descending = first.descending.unwrap_or(false);
    Some(Boundary { column: traced.column(key), scale, descending, limit })
}
