//! Which rows of a read can be told one by one: the root's by their keys, the embedded ones by the values
//! that join them, present or not. Decided before the answer, from the resolved tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use pg::catalog::{Policies, Relation, RelationKind};

use super::contained::{Below, Link, Traced};
use crate::plan::{Alike, Condition, Embed, Join, Node, Operand, OrderedBy, Output, Source};
use crate::sql::Key;

/// What of a tree is traced, by the numbers of its nodes.
#[derive(Debug, Default)]
pub(super) struct Exact {
    /// Those whose own rows are told one by one.
    pub(super) nodes: BTreeSet<usize>,
    /// Those whose junction's rows are.
    pub(super) junctions: BTreeSet<usize>,
    keys_max: usize,
}

impl Exact {
    /// Nothing yet; with more rows of one relation than `keys_max`, the whole of it will count as read.
    pub(super) fn new(keys_max: usize) -> Exact {
        Exact { keys_max, ..Exact::default() }
    }

    /// Traces what is embedded in a node; `traced` gets what is below its rows, and the columns for it.
    pub(super) fn trace(&mut self, node: &Node, traced: &mut Traced) {
        for (number, embed) in node.embeds.iter().enumerate() {
            // Otherwise rows that are not in the answer decide which parents are, or in which order.
            let shown = !embed.inner && !orders(node, number) && !tested(&node.conditions, number);
            let (Some(parent), Some(child)) = (table(node), table(&embed.node)) else { continue };
            let spread_many = embed.spread && !embed.to_one;
            if !shown || spread_many {
                continue;
            }
            let below = match &embed.join {
                Join::Computed { .. } => None,
                Join::Direct(pairs) => self.direct(embed, (parent, child, pairs), traced),
                Join::Through { junction, near, far } => {
                    let found = self.through(embed, (parent, junction, near), (child, far), traced);
                    found.map(|of_junction| {
                        traced.below.push((Below::Junction(number), of_junction));
                        Traced::default()
                    })
                }
            };
            if let Some(mut below) = below {
                self.nodes.insert(embed.node.number);
                // Of a group, nothing below its rows is told.
                if !embed.node.is_grouped() {
                    self.trace(&embed.node, &mut below);
                }
                if !below.is_empty() {
                    traced.below.push((Below::Embed(number), below));
                }
            }
        }
    }

    /// Rows that a foreign key joins to the parent's. One that joins them later, or is seen later, is told
    /// by the joining values; one that leaves, by its old ones where the log has them, else by its own key.
    fn direct(
        &mut self,
        embed: &Embed,
        (parent, child, pairs): (&Relation, &Relation, &[(String, String)]),
        traced: &mut Traced,
    ) -> Option<Traced> {
        let mut below = Traced::default();
        let old_matters = tells_old(child, pairs);
        if !old_matters {
            if embed.node.range.offset > 0 || embed.node.is_grouped() {
                return None;
            }
            let own = own_key(child, watched(&embed.node, pairs), &mut below)?;
            below.links.push(own);
        }
        let watched = watched(&embed.node, pairs);
        let link = link(parent, child, pairs, old_matters, traced)?;
        traced.links.push(Link { watched, ..link });
        Some(below)
    }

    /// Rows that a junction joins: the junction's rows by the parent's values, and the far ones by the
    /// junction's, whether they are there or not.
    fn through(
        &mut self,
        embed: &Embed,
        (parent, junction, near): (&Relation, &Relation, &[(String, String)]),
        (child, far): (&Relation, &[(String, String)]),
        traced: &mut Traced,
    ) -> Option<Traced> {
        if !tells_old(junction, near) || !tells_old(child, far) {
            return None;
        }
        // A junction's rows need not be in the answer, however many there are: no more are told than count.
        let mut of_junction = Traced { told_max: self.keys_max.saturating_add(1), ..Traced::default() };
        let to_far = link(junction, child, far, true, &mut of_junction)?;
        of_junction.links.push(Link { watched: watched(&embed.node, far), ..to_far });
        let to_junction = link(parent, junction, near, true, traced)?;
        traced.links.push(to_junction);
        self.junctions.insert(embed.node.number);
        Some(of_junction)
    }
}

/// A contained row by its own key, where the log names old rows by it in a form that can be compared.
pub(super) fn own_key(
    relation: &Relation,
    watched: Option<Arc<[Box<str>]>>,
    traced: &mut Traced,
) -> Option<Link> {
    let mut identity: Vec<&str> = relation.identity.iter().map(String::as_str).collect();
    identity.sort_unstable();
    if identity.is_empty() || relation.column_grants {
        // Where columns are granted one by one, the reader may lack the key.
        return None;
    }
    let keys: Option<Vec<Key>> = identity.iter().map(|name| key(relation, name)).collect();
    let positions = keys?.into_iter().map(|key| traced.column(key)).collect();
    Some(Link {
        relations: relation.stored_in.clone(),
        columns: identity.into_iter().map(Box::from).collect(),
        positions,
        old_matters: true,
        watched,
    })
}

/// The rows of `to` whose columns have the values of `from`'s, pair by pair.
fn link(
    from: &Relation,
    to: &Relation,
    pairs: &[(String, String)],
    old_matters: bool,
    traced: &mut Traced,
) -> Option<Link> {
    let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(of, own)| (own.as_str(), of.as_str())).collect();
    pairs.sort_unstable();
    let keys = pairs.iter().map(|(own, of)| {
        let key = key(from, of)?;
        // Values are compared as bytes, so both must be written alike.
        (to.column(own)?.canonical == key.canonical).then_some(key)
    });
    let keys: Vec<Key> = keys.collect::<Option<_>>()?;
    let positions = keys.into_iter().map(|key| traced.column(key)).collect();
    Some(Link {
        relations: to.stored_in.clone(),
        columns: pairs.into_iter().map(|(own, _)| Box::from(own)).collect(),
        positions,
        old_matters,
        watched: None,
    })
}

fn key(relation: &Relation, name: &str) -> Option<Key> {
    let canonical = relation.column(name)?.canonical?;
    Some(Key { column: name.to_owned(), canonical: Some(canonical) })
}

/// Whether the log tells the old values of the joined columns.
fn tells_old(relation: &Relation, pairs: &[(String, String)]) -> bool {
    relation.identity_full || pairs.iter().all(|(_, own)| relation.identity.contains(own))
}

/// The table whose rows a node reads, if it reads a table's.
pub(super) fn table(node: &Node) -> Option<&Arc<Relation>> {
    match &node.source {
        Source::Relation(relation)
            if matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned) =>
        {
            Some(relation)
        }
        _ => None,
    }
}

/// Whether the rows of that embed decide the order of their parents.
fn orders(node: &Node, number: usize) -> bool {
    node.order.iter().any(|term| match term.target {
        OrderedBy::Own(_) | OrderedBy::Count => false,
        OrderedBy::Related { embed, .. } | OrderedBy::Spread { embed, .. } => embed == number,
    })
}

fn tested(conditions: &[Condition], number: usize) -> bool {
    conditions.iter().any(|condition| match condition {
        Condition::Embed { embed, .. } => *embed == number,
        Condition::Tree { children, .. } => tested(children, number),
        Condition::Test { .. } => false,
    })
}

/// The columns of a node's own relation that it looks at, where the log tells old rows whole: else it does
/// not tell which columns an update changes. `joined` pairs columns of others with its own.
pub(super) fn watched(node: &Node, joined: &[(String, String)]) -> Option<Arc<[Box<str>]>> {
    let relation = table(node).filter(|relation| relation.identity_full)?;
    if looks_at_all(node) {
        return None;
    }
    let mut names: BTreeSet<&str> = relation.identity.iter().map(String::as_str).collect();
    names.extend(joined.iter().map(|(_, own)| own.as_str()));
    match &relation.policies {
        Policies::Off => {}
        Policies::Columns(columns) => names.extend(columns.iter().map(String::as_str)),
        Policies::Any => return None,
    }
    for output in &node.outputs {
        match output {
            Output::All => return None,
            Output::Column { column, .. } | Output::Aggregate { of: Operand::Column { column, .. }, .. } => {
                names.insert(&column.name);
            }
            Output::Aggregate { .. } | Output::Present { .. } => {}
            Output::Embed { .. } | Output::Spread { .. } => {}
        }
    }
    tests(&node.conditions, &mut names);
    node.outputs.iter().for_each(|output| tests(output.filter(), &mut names));
    if let Some(Alike::On(columns)) = &node.distinct {
        names.extend(columns.iter().map(|column| column.name.as_str()));
    }
    for term in &node.order {
        if let OrderedBy::Own(column) = &term.target {
            names.insert(&column.name);
        }
    }
    for embed in &node.embeds {
        names.extend(embed.join.parent_columns());
    }
    Some(names.into_iter().map(Box::from).collect())
}

/// Whether functions of whole rows are called, which may look at any column.
fn looks_at_all(node: &Node) -> bool {
    let mut computed = !node.computed().is_empty();
    if let Some(Alike::On(columns)) = &node.distinct {
        computed |= columns.iter().any(|column| column.computed.is_some());
    }
    for condition in node.tested() {
        condition.columns(&mut |column| computed |= column.computed.is_some());
    }
    computed || node.embeds.iter().any(|embed| matches!(embed.join, Join::Computed { .. }))
}

fn tests<'a>(conditions: &'a [Condition], names: &mut BTreeSet<&'a str>) {
    for condition in conditions {
        match condition {
            Condition::Test { column, .. } => _ = names.insert(&column.name),
            Condition::Tree { children, .. } => tests(children, names),
            Condition::Embed { .. } => {}
        }
    }
}
