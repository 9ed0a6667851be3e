//! From what was read to the answers that read it.
//!
//! Every entry hangs in one ring-free doubly linked list per tag, so that dropping an entry costs as much
//! as it has tags, however many others share them, and a tag costs its entry one link of 24 bytes. A shape
//! that no entry has any more is forgotten.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use pg::{RelationId, Snapshot, StreamRelation, Xid};
use slab::Slab;

use crate::key::Key;
use crate::read_set::{Part, Range, ReadSet, Shape};
use crate::rules::Rules;
use crate::tag::{Hashing, Tag};
use crate::touch::{Positions, Touch, Touched};

type Map<K, V> = HashMap<K, V, RandomState>;

/// An entry of the index; the store keeps it beside the value.
///
/// Never zero, which lets a vacant link take no more room than a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryId(NonZeroU32);

impl EntryId {
    pub(crate) fn at(slot: usize) -> EntryId {
        EntryId(NonZeroU32::MIN.saturating_add(short(slot)))
    }

    fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What the index knows of an entry.
#[derive(Debug)]
pub(crate) struct Indexed {
    /// Of the snapshot it was read under.
    pub(crate) xmax: Xid,
    rare: Option<Box<Rare>>,
    first: LinkId,
    pub(crate) key: Key,
}

/// What few entries have.
#[derive(Debug)]
struct Rare {
    /// The snapshot, unless every transaction below its end had ended, as is usual.
    snapshot: Option<Snapshot>,
    /// Those of the parts of its read set that have some.
    ranges: Vec<Ranges>,
}

impl Indexed {
    /// Whether the snapshot it was read under sees a transaction.
    pub(crate) fn sees(&self, xid: Xid) -> bool {
        let snapshot = self.rare.as_ref().and_then(|rare| rare.snapshot.as_ref());
        snapshot.map_or(xid < self.xmax, |snapshot| snapshot.sees(xid))
    }

    /// The ranges of the parts with that shape.
    fn ranges(&self, shape: u32) -> impl Iterator<Item = &Ranges> {
        let ranges = self.rare.iter().flat_map(|rare| &rare.ranges);
        ranges.filter(move |of| of.shape == shape)
    }
}

/// The ranges of one part of a read set, in the order of its shape's ranged columns.
#[derive(Debug)]
struct Ranges {
    shape: u32,
    ranges: Box<[Range]>,
}

/// One entry under one tag.
#[derive(Debug)]
struct Link {
    tag: Tag,
    shape: u32,
    entry: EntryId,
    /// The neighbours under the same tag.
    before: LinkId,
    after: LinkId,
    /// The entry's next tag.
    sibling: LinkId,
}

/// The number of a link, or of none; never zero, as that of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LinkId(NonZeroU32);

impl LinkId {
    const NONE: LinkId = LinkId(NonZeroU32::MAX);

    fn at(slot: usize) -> LinkId {
        LinkId(NonZeroU32::MIN.saturating_add(short(slot)))
    }

    /// Where none is no link is.
    fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Debug)]
struct ShapeIndex {
    shape: Shape,
    /// The first link under each tag. The tag is that link's, so that it need not be told twice.
    heads: HashTable<LinkId>,
    /// Where the columns stood in the relation as last streamed.
    resolved: Option<Resolved>,
}

#[derive(Debug)]
struct Resolved {
    relation: Arc<StreamRelation>,
    positions: Positions,
}

/// Shapes of one relation told apart: every change is compared with each. What would be one more reads the
/// whole relation instead.
const SHAPES_MAX: usize = 256;

/// Entries whose ranges are compared with one change. Those past it, the oldest under their tag, go without a
/// look: whoever asks for a hundred thousand ranges must not make every later change cost a millisecond.
const RANGED_MAX: usize = 1000;

/// The read-set index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Slab<Indexed>,
    links: Slab<Link>,
    shapes: Slab<ShapeIndex>,
    relations: Map<RelationId, Vec<u32>>,
}

impl Index {
    pub(crate) fn insert(
        &mut self,
        key: Key,
        snapshot: Snapshot,
        reads: &ReadSet,
        hashing: &Hashing,
    ) -> EntryId {
        let xmax = snapshot.xmax;
        let indexed = Indexed { xmax, rare: None, first: LinkId::NONE, key };
        let entry = EntryId::at(self.entries.insert(indexed));
        let mut ranges = Vec::new();
        for Part { shape, tags, ranges: of_part } in reads.0.iter().filter(|part| !part.tags.is_empty()) {
            match self.shape(shape) {
                Some(shape) => {
                    tags.iter().for_each(|tag| self.link(entry, shape, *tag));
                    if !of_part.is_empty() {
                        ranges.push(Ranges { shape, ranges: of_part.clone() });
                    }
                }
                None => {
                    let whole = self.shape(&Shape::whole(shape.relation));
                    self.link(entry, whole.expect("there is always room for it"), hashing.tag([]));
                }
            }
        }
        let snapshot = (snapshot.xmin != xmax || !snapshot.in_progress.is_empty()).then_some(snapshot);
        if snapshot.is_some() || !ranges.is_empty() {
            ranges.shrink_to_fit();
            self.entries[entry.slot()].rare = Some(Box::new(Rare { snapshot, ranges }));
        }
        entry
    }

    pub(crate) fn remove(&mut self, id: EntryId) -> Option<Indexed> {
        let entry = self.entries.try_remove(id.slot())?;
        let mut next = entry.first;
        while next != LinkId::NONE {
            let (id, link) = (next, self.links.remove(next.slot()));
            next = link.sibling;
            self.unlink(id, &link);
        }
        Some(entry)
    }

    pub(crate) fn get(&self, id: EntryId) -> Option<&Indexed> {
        self.entries.get(id.slot())
    }

    /// Collects the entries that a change may make old, some of them perhaps twice.
    pub(crate) fn touched(
        &mut self,
        change: &Touched,
        hashing: &Hashing,
        rules: &Rules,
        found: &mut Vec<EntryId>,
    ) {
        let Some(shapes) = self.relations.get(&change.relation()) else { return };
        let mut compared = 0;
        for &id in shapes {
            let shape = &mut self.shapes[id as usize];
            let Touched::Row(row) = change else {
                shape.heads.iter().for_each(|&head| found.extend(linked(&self.links, head)));
                continue;
            };
            let old_matters = shape.shape.old_matters;
            let positions = resolve(&mut shape.resolved, &shape.shape, &row.relation);
            let touch = row.touch(positions, old_matters, hashing, rules);
            let Touch::Tags(tags) = touch else {
                shape.heads.iter().for_each(|&head| found.extend(linked(&self.links, head)));
                continue;
            };
            for (tag, version) in tags.into_iter().flatten() {
                let (entries, links) = (&self.entries, &self.links);
                let is_head = |head: &LinkId| links[head.slot()].tag == tag;
                let Some(&head) = shape.heads.find(tag.spread(), is_head) else { continue };
                found.extend(linked(links, head).filter(|entry| {
                    let mut of_shape = entries[entry.slot()].ranges(id).peekable();
                    if of_shape.peek().is_none() {
                        return true;
                    }
                    compared += 1;
                    compared > RANGED_MAX
                        || of_shape.any(|of| row.is_within(version, positions, &of.ranges, rules))
                }));
            }
        }
    }

    /// Up to `limit` entries from `start` on, and where to go on from (zero after the last).
    pub(crate) fn scan(&self, start: usize, limit: usize) -> (Vec<EntryId>, usize) {
        let end = self.entries.capacity().min(start.saturating_add(limit));
        let found = (start..end).filter(|&slot| self.entries.contains(slot)).map(EntryId::at);
        (found.collect(), if end < self.entries.capacity() { end } else { 0 })
    }

    pub(crate) fn clear(&mut self) {
        *self = Index::default();
    }

    pub(crate) fn tags(&self) -> usize {
        self.links.len()
    }

    #[cfg(test)]
    pub(crate) fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// The number of a shape; none where its relation has too many of them.
    fn shape(&mut self, shape: &Shape) -> Option<u32> {
        let known = self.relations.entry(shape.relation).or_default();
        if let Some(&id) = known.iter().find(|&&id| self.shapes[id as usize].shape == *shape) {
            return Some(id);
        }
        if known.len() >= SHAPES_MAX && *shape != Shape::whole(shape.relation) {
            return None;
        }
        let new = ShapeIndex { shape: shape.clone(), heads: HashTable::new(), resolved: None };
        let id = short(self.shapes.insert(new));
        known.push(id);
        Some(id)
    }

    fn link(&mut self, entry: EntryId, shape: u32, tag: Tag) {
        let sibling = self.entries[entry.slot()].first;
        let (heads, links) = (&mut self.shapes[shape as usize].heads, &mut self.links);
        let id = LinkId::at(links.vacant_key());
        let is_head = |head: &LinkId| links[head.slot()].tag == tag;
        let after = match heads.find_mut(tag.spread(), is_head) {
            Some(head) => std::mem::replace(head, id),
            None => LinkId::NONE,
        };
        if let Some(after) = links.get_mut(after.slot()) {
            after.before = id;
        }
        links.insert(Link { tag, shape, entry, before: LinkId::NONE, after, sibling });
        if after == LinkId::NONE {
            heads.insert_unique(tag.spread(), id, |head| links[head.slot()].tag.spread());
        }
        self.entries[entry.slot()].first = id;
    }

    /// Takes a link that has been removed out of its list.
    fn unlink(&mut self, id: LinkId, link: &Link) {
        if let Some(after) = self.links.get_mut(link.after.slot()) {
            after.before = link.before;
        }
        if let Some(before) = self.links.get_mut(link.before.slot()) {
            before.after = link.after;
            return;
        }
        let heads = &mut self.shapes[link.shape as usize].heads;
        let head = heads.find_entry(link.tag.spread(), |head| *head == id);
        let mut head = head.expect("a link with none before it is its tag's first");
        if link.after != LinkId::NONE {
            *head.get_mut() = link.after;
            return;
        }
        head.remove();
        if heads.is_empty() {
            self.forget(link.shape);
        }
    }

    fn forget(&mut self, shape: u32) {
        let relation = self.shapes.remove(shape as usize).shape.relation;
        let left = self.relations.get_mut(&relation).expect("a shape is listed under its relation");
        left.retain(|&id| id != shape);
        if left.is_empty() {
            self.relations.remove(&relation);
        }
    }
}

/// The stream describes a relation anew whenever it changed, so that the same description means the same
/// positions.
fn resolve<'a>(
    resolved: &'a mut Option<Resolved>,
    shape: &Shape,
    relation: &Arc<StreamRelation>,
) -> &'a Positions {
    let known = resolved.take().filter(|known| Arc::ptr_eq(&known.relation, relation));
    let anew = || Resolved { relation: Arc::clone(relation), positions: Positions::of(relation, shape) };
    &resolved.insert(known.unwrap_or_else(anew)).positions
}

/// The entries from a link on.
fn linked(links: &Slab<Link>, head: LinkId) -> impl Iterator<Item = EntryId> {
    let mut next = links.get(head.slot());
    std::iter::from_fn(move || {
        let link = next?;
        next = links.get(link.after.slot());
        Some(link.entry)
    })
}

fn short(slot: usize) -> u32 {
    u32::try_from(slot).expect("the memory limit keeps entries and tags far below 2^32")
}

#[cfg(test)]
mod tests;
