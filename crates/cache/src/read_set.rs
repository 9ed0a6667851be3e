//! A read set made ready for the index and for the log: per shape, the tags of the values read.
//!
//! Made before the lock is taken, since it hashes every value.

use std::sync::Arc;

use pg::{Read, RelationId, Rows};

use crate::rules::Rules;
use crate::tag::{Hashing, Tag};
use crate::touch::{Touch, Touched, positions};

/// What an answer read, in tags.
#[derive(Debug, Default)]
pub(crate) struct ReadSet(pub(crate) Vec<Part>);

/// The tags of one shape.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) shape: Shape,
    /// Ascending, without duplicates.
    pub(crate) tags: Vec<Tag>,
}

/// A way to read a relation: by the values of certain columns.
///
/// Without columns it is the whole relation, since every row, old or new, has the same empty list of
/// values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) relation: RelationId,
    pub(crate) columns: Arc<[Box<str>]>,
    pub(crate) old_matters: bool,
}

impl ReadSet {
    /// Past `tags_max` tags, whatever reads more than one row of a relation reads the whole of it.
    pub(crate) fn new(reads: &[Read], tags_max: usize, hashing: &Hashing) -> ReadSet {
        let too_many = reads.iter().map(size).sum::<usize>() > tags_max;
        let mut set = ReadSet::default();
        for read in reads {
            match read {
                Read::Rows(rows) if !too_many || rows.values.len() <= 1 => set.rows(rows, hashing),
                Read::Rows(Rows { relation, .. }) | Read::Whole(relation) => set.whole(*relation, hashing),
            }
        }
        for part in &mut set.0 {
            part.tags.sort_unstable();
            part.tags.dedup();
        }
        set
    }

    /// How many tags it has.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|part| part.tags.len()).sum()
    }

    /// Whether a change touches any of it.
    pub(crate) fn touched_by(&self, change: &Touched, hashing: &Hashing, rules: &Rules) -> bool {
        self.0.iter().filter(|part| part.shape.relation == change.relation()).any(|part| {
            let Touched::Row(row) = change else { return true };
            let positions = positions(&row.relation, &part.shape.columns);
            match row.touch(&positions, part.shape.old_matters, hashing, rules) {
                Touch::All => true,
                Touch::Tags(tags) => {
                    tags.into_iter().flatten().any(|tag| part.tags.binary_search(&tag).is_ok())
                }
            }
        })
    }

    fn whole(&mut self, relation: RelationId, hashing: &Hashing) {
        let shape = Shape { relation, columns: Arc::new([]), old_matters: true };
        self.part(shape).tags.push(hashing.tag([]));
    }

    fn rows(&mut self, rows: &Rows, hashing: &Hashing) {
        let shape = Shape {
            relation: rows.relation,
            columns: Arc::clone(&rows.columns),
            // Whether a row is there at all depends on its old values too.
            old_matters: rows.old_matters || rows.columns.is_empty(),
        };
        let tags = rows.values.iter().map(|row| hashing.tag(row.iter().map(|v| hashing.code(v.as_bytes()))));
        self.part(shape).tags.extend(tags);
    }

    fn part(&mut self, shape: Shape) -> &mut Part {
        let known = self.0.iter().position(|part| part.shape == shape).unwrap_or_else(|| {
            self.0.push(Part { shape, tags: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[known]
    }
}

fn size(read: &Read) -> usize {
    match read {
        Read::Whole(_) => 1,
        Read::Rows(rows) => rows.values.len(),
    }
}
