//! A read set made ready for the index and for the log: per shape, the tags of the values read.
//!
//! Made before the lock is taken, since it hashes every value.

use std::sync::Arc;

use pg::{Read, RelationId, Rows};

use crate::rules::Rules;
use crate::tag::{Hashing, Tag};
use crate::touch::{Positions, Touch, Touched};

/// What an answer read, in tags.
#[derive(Debug, Default)]
pub(crate) struct ReadSet(pub(crate) Vec<Part>);

/// The tags of one shape.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) shape: Shape,
    /// Ascending, without duplicates.
    pub(crate) tags: Vec<Tag>,
    /// In the order of the shape's ranged columns.
    pub(crate) ranges: Box<[Range]>,
}

/// Places on a column's scale, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// A way to read a relation: by the values of certain columns.
///
/// Without columns it is the whole relation, since every row, old or new, has the same empty list of
/// values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) relation: RelationId,
    pub(crate) columns: Arc<[Box<str>]>,
    /// Columns of which only some places are read.
    pub(crate) ranged: Box<[Box<str>]>,
    pub(crate) watched: Option<Arc<[Box<str>]>>,
    pub(crate) old_matters: bool,
}

impl Shape {
    /// The whole relation.
    pub(crate) fn whole(relation: RelationId) -> Shape {
        Shape { relation, columns: Arc::new([]), ranged: Box::default(), watched: None, old_matters: true }
    }
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
            let positions = Positions::of(&row.relation, &part.shape);
            match row.touch(&positions, part.shape.old_matters, hashing, rules) {
                Touch::All => true,
                Touch::Tags(tags) => tags.into_iter().flatten().any(|(tag, version)| {
                    part.tags.binary_search(&tag).is_ok()
                        && row.is_within(version, &positions, &part.ranges, rules)
                }),
            }
        })
    }

    fn whole(&mut self, relation: RelationId, hashing: &Hashing) {
        self.part(Shape::whole(relation), Box::default()).tags.push(hashing.tag([]));
    }

    fn rows(&mut self, rows: &Rows, hashing: &Hashing) {
        let shape = Shape {
            relation: rows.relation,
            columns: Arc::clone(&rows.columns),
            ranged: rows.within.iter().map(|interval| interval.column.clone()).collect(),
            watched: rows.watched.clone(),
            old_matters: rows.old_matters,
        };
        let ranges = rows.within.iter().map(|interval| Range { low: interval.low, high: interval.high });
        let tags = rows.values.iter().map(|row| hashing.tag(row.iter().map(|v| hashing.code(v.as_bytes()))));
        self.part(shape, ranges.collect()).tags.extend(tags);
    }

    fn part(&mut self, shape: Shape, ranges: Box<[Range]>) -> &mut Part {
        let known = self.0.iter().position(|part| part.shape == shape && part.ranges == ranges);
        let known = known.unwrap_or_else(|| {
            self.0.push(Part { shape, tags: Vec::new(), ranges });
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
