//! From what was read to the answers that read it.
//!
//! Every entry hangs in one ring-free doubly linked list per tag, so that dropping an entry costs as much
//! as it has tags, however many others share them, and a tag costs its entry one link of 32 bytes. A shape
//! that no entry has any more is forgotten.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;
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
    fn at(slot: usize) -> EntryId {
        EntryId(NonZeroU32::MIN.saturating_add(short(slot)))
    }

    fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What the index knows of an entry.
#[derive(Debug)]
pub(crate) struct Indexed {
    pub(crate) key: Key,
    pub(crate) seen: Seen,
    /// Those of the parts of its read set that have some.
    #[expect(clippy::box_collection, reason = "few entries have any, and every entry has the pointer")]
    ranges: Option<Box<Vec<Ranges>>>,
    first: u32,
}

/// A snapshot, in a word where nothing was in progress, as is usual.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) xmax: Xid,
    some: Option<Box<Snapshot>>,
}

impl Seen {
    fn by(snapshot: Snapshot) -> Seen {
        let xmax = snapshot.xmax;
        let some = snapshot.xmin != xmax || !snapshot.in_progress.is_empty();
        Seen { xmax, some: some.then(|| Box::new(snapshot)) }
    }

    pub(crate) fn sees(&self, xid: Xid) -> bool {
        self.some.as_ref().map_or(xid < self.xmax, |snapshot| snapshot.sees(xid))
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
    before: u32,
    after: u32,
    /// The entry's next tag.
    sibling: u32,
}

/// No link.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct ShapeIndex {
    shape: Shape,
    /// The first link under each tag.
    heads: Map<Tag, u32>,
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
        let indexed = Indexed { key, seen: Seen::by(snapshot), ranges: None, first: NONE };
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
        if !ranges.is_empty() {
            self.entries[entry.slot()].ranges = Some(Box::new(ranges));
        }
        entry
    }

    pub(crate) fn remove(&mut self, id: EntryId) -> Option<Indexed> {
        let entry = self.entries.try_remove(id.slot())?;
        let mut next = entry.first;
        while next != NONE {
            let link = self.links.remove(next as usize);
            next = link.sibling;
            self.unlink(&link);
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
                shape.heads.values().for_each(|&head| found.extend(linked(&self.links, head)));
                continue;
            };
            let old_matters = shape.shape.old_matters;
            let positions = resolve(&mut shape.resolved, &shape.shape, &row.relation);
            let touch = row.touch(positions, old_matters, hashing, rules);
            let Touch::Tags(tags) = touch else {
                shape.heads.values().for_each(|&head| found.extend(linked(&self.links, head)));
                continue;
            };
            for (tag, version) in tags.into_iter().flatten() {
                let Some(&head) = shape.heads.get(&tag) else { continue };
                let entries = &self.entries;
                found.extend(linked(&self.links, head).filter(|entry| {
                    let ranges = entries[entry.slot()].ranges.iter().flat_map(|ranges| ranges.iter());
                    let mut of_shape = ranges.filter(|of| of.shape == id).peekable();
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
        let new = ShapeIndex { shape: shape.clone(), heads: Map::default(), resolved: None };
        let id = short(self.shapes.insert(new));
        known.push(id);
        Some(id)
    }

    fn link(&mut self, entry: EntryId, shape: u32, tag: Tag) {
        let sibling = self.entries[entry.slot()].first;
        let id = short(self.links.vacant_key());
        let after = self.shapes[shape as usize].heads.insert(tag, id).unwrap_or(NONE);
        if let Some(after) = self.links.get_mut(after as usize) {
            after.before = id;
        }
        self.links.insert(Link { tag, shape, entry, before: NONE, after, sibling });
        self.entries[entry.slot()].first = id;
    }

    fn unlink(&mut self, link: &Link) {
        if let Some(after) = self.links.get_mut(link.after as usize) {
            after.before = link.before;
        }
        if let Some(before) = self.links.get_mut(link.before as usize) {
            before.after = link.after;
            return;
        }
        let shape = &mut self.shapes[link.shape as usize];
        if link.after != NONE {
            shape.heads.insert(link.tag, link.after);
            return;
        }
        shape.heads.remove(&link.tag);
        if shape.heads.is_empty() {
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
fn linked(links: &Slab<Link>, head: u32) -> impl Iterator<Item = EntryId> {
    let mut next = links.get(head as usize);
    std::iter::from_fn(move || {
        let link = next?;
        next = links.get(link.after as usize);
        Some(link.entry)
    })
}

fn short(slot: usize) -> u32 {
    u32::try_from(slot).expect("the memory limit keeps entries and tags far below 2^32")
}

#[cfg(test)]
mod tests;
