use pg::{Change, Datum, Interval, Read, Rows, StreamColumn, Tuple, Xid};

use super::*;
use crate::key::KeySecret;

const CALLS: RelationId = RelationId(1);
const LEADS: RelationId = RelationId(2);

fn by_state(values: &[&str]) -> Read {
    let values = values.iter().map(|value| [Box::from(*value)].into()).collect();
    Read::Rows(Rows { old_matters: false, ..Rows::with(CALLS, Arc::new(["state".into()]), values) })
}

fn snapshot() -> Snapshot {
    Snapshot { xmin: Xid(10), xmax: Xid(10), in_progress: Box::default() }
}

struct Filled {
    index: Index,
    hashing: Hashing,
}

impl Filled {
    fn insert(&mut self, reads: &[Read]) -> EntryId {
        let set = ReadSet::new(reads, 100, &self.hashing);
        self.index.insert(KeySecret::new(&[1; 16]).key().build(), snapshot(), &set, &self.hashing)
    }

    fn touched_by(&mut self, relation: RelationId) -> usize {
        let mut found = Vec::new();
        self.index.touched(&Touched::Whole(relation), &self.hashing, &Rules::default(), &mut found);
        found.len()
    }
}

#[test]
fn what_is_inserted_and_removed_leaves_nothing() {
    let mut filled = Filled { index: Index::default(), hashing: Hashing::default() };
    let mut ids = vec![filled.insert(&[]), filled.insert(&[by_state(&[])])];
    for round in 0..50_usize {
        ids.push(filled.insert(&[by_state(&["open", "done", "open"]), Read::Whole(LEADS)]));
        ids.push(filled.insert(&[by_state(&["open"])]));
        // First, last and middle links under the same tag.
        if round.is_multiple_of(3) {
            for at in [0, ids.len() / 2, ids.len() - 1] {
                let id = ids.swap_remove(at.min(ids.len().saturating_sub(1)));
                assert!(filled.index.remove(id).is_some());
            }
        }
        assert_eq!(filled.touched_by(CALLS), filled.index.tags() - filled.touched_by(LEADS));
    }
    assert_eq!(filled.index.shapes(), 2);
    for id in ids {
        assert!(filled.index.remove(id).is_some());
        assert!(filled.index.remove(id).is_none());
    }
    assert_eq!((filled.index.tags(), filled.index.shapes()), (0, 0));
    assert!(filled.index.relations.is_empty());
}

#[test]
fn a_read_set_with_too_many_rows_becomes_the_whole_relation() {
    let hashing = Hashing::default();
    let many: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(ReadSet::new(&[by_state(&many)], 20, &hashing).len(), 20);
    let whole = ReadSet::new(&[by_state(&many)], 19, &hashing);
    assert_eq!(whole.len(), 1);
    assert!(whole.0[0].shape.columns.is_empty() && whole.0[0].shape.old_matters);
}

#[test]
fn a_tag_costs_a_link_of_24_bytes_and_an_entry_a_record_of_40() {
    // Vacant or not.
    assert_eq!((size_of::<Option<Link>>(), size_of::<Option<Indexed>>()), (24, 40));
}

#[test]
fn a_change_is_compared_with_so_many_ranges_and_drops_the_rest() {
    let mut filled = Filled { index: Index::default(), hashing: Hashing::default() };
    for low in 0..RANGED_MAX + 20 {
        let within = vec![Interval { column: "id".into(), low: 10 + low as i64, high: i64::MAX }];
        filled.insert(&[Read::Rows(Rows { old_matters: false, within, ..Rows::all(CALLS) })]);
    }
    let id = StreamColumn { name: "id".into(), type_id: 20, key: true };
    let (schema, name, columns) = ("public".into(), "calls".into(), [id].into());
    let relation = Arc::new(StreamRelation { id: CALLS, schema, name, identity: b'd', columns });
    let new = Some(Tuple([Datum::Text("1".into())].into()));
    let change = Touched::new(&Change::Row { relation, old: None, new }, &filled.hashing);
    let mut found = Vec::new();
    filled.index.touched(&change, &filled.hashing, &Rules::default(), &mut found);
    assert_eq!(found.len(), 20);
    for id in found.drain(..) {
        assert!(filled.index.remove(id).is_some());
    }
    filled.index.touched(&change, &filled.hashing, &Rules::default(), &mut found);
    assert!(found.is_empty());
}
