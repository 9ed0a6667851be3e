//! From what was read to the answers that read it.
//!
//! Every entry hangs in one ring-free doubly linked list per tag, so that dropping an entry costs as much
//! as it has tags, however many others share them, and a tag costs its entry one link of 32 bytes. A shape
//! that no entry has any more is forgotten.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;
use pg::{RelationId, Snapshot, StreamRelation};
use slab::Slab;

use crate::key::Key;
use crate::moment::Moment;
use crate::read_set::{ReadSet, Shape};
use crate::rules::Rules;
use crate::tag::{Hashing, Tag};
use crate::touch::{Touch, Touched, positions};

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
    pub(crate) snapshot: Snapshot,
    pub(crate) expires: Moment,
    first: u32,
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
    positions: Box<[Option<usize>]>,
}

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
        expires: Moment,
        reads: &ReadSet,
    ) -> EntryId {
        let entry = EntryId::at(self.entries.insert(Indexed { key, snapshot, expires, first: NONE }));
        for part in reads.0.iter().filter(|part| !part.tags.is_empty()) {
            let shape = self.shape(&part.shape);
            for &tag in &part.tags {
                self.link(entry, shape, tag);
            }
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
        for &id in shapes {
            let shape = &mut self.shapes[id as usize];
            let touch = match change {
                Touched::Whole(_) => Touch::All,
                Touched::Row(row) => {
                    let old_matters = shape.shape.old_matters;
                    row.touch(shape.positions(&row.relation), old_matters, hashing, rules)
                }
            };
            let heads = &shape.heads;
            match touch {
                Touch::All => heads.values().for_each(|&head| collect(&self.links, head, found)),
                Touch::Tags([one, other]) => {
                    for tag in one.into_iter().chain(other.filter(|_| one != other)) {
                        heads.get(&tag).into_iter().for_each(|&head| collect(&self.links, head, found));
                    }
                }
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

    fn shape(&mut self, shape: &Shape) -> u32 {
        let known = self.relations.entry(shape.relation).or_default();
        if let Some(&id) = known.iter().find(|&&id| self.shapes[id as usize].shape == *shape) {
            return id;
        }
        let new = ShapeIndex { shape: shape.clone(), heads: Map::default(), resolved: None };
        let id = short(self.shapes.insert(new));
        known.push(id);
        id
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

impl ShapeIndex {
    /// The stream describes a relation anew whenever it changed, so that the same description means the
    /// same positions.
    fn positions(&mut self, relation: &Arc<StreamRelation>) -> &[Option<usize>] {
        let known = self.resolved.take().filter(|known| Arc::ptr_eq(&known.relation, relation));
        &self
            .resolved
            .insert(known.unwrap_or_else(|| Resolved {
                relation: Arc::clone(relation),
                positions: positions(relation, &self.shape.columns),
            }))
            .positions
    }
}

fn collect(links: &Slab<Link>, head: u32, found: &mut Vec<EntryId>) {
    let mut next = head;
    while let Some(link) = links.get(next as usize) {
        found.push(link.entry);
        next = link.after;
    }
}

fn short(slot: usize) -> u32 {
    u32::try_from(slot).expect("the memory limit keeps entries and tags far below 2^32")
}

#[cfg(test)]
mod tests;
