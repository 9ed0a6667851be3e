use bytes::Bytes;
use pg::{Datum, StreamColumn};

use super::*;

/// `id` is the key, `state` and `body` are not; the last is a number where it looks like one.
fn calls(identity: u8) -> Arc<StreamRelation> {
    let column = |name: &str| StreamColumn {
        name: name.to_owned(),
        type_id: if name == "body" { 20 } else { 25 },
        key: identity == b'f' || identity != b'n' && name == "id",
    };
    Arc::new(StreamRelation {
        id: RelationId(1),
        schema: "public".to_owned(),
        name: "calls".to_owned(),
        identity,
        columns: ["id", "state", "body"].into_iter().map(column).collect(),
    })
}

/// A row in the order of its columns: `~` is absent, `-` is null.
fn row(text: &str) -> Tuple {
    let datum = |word| match word {
        "~" => Datum::Absent,
        "-" => Datum::Null,
        word => Datum::Text(Bytes::copy_from_slice(str::as_bytes(word))),
    };
    Tuple(text.split(' ').map(datum).collect())
}

/// Which of the answers that read `columns` by value a change touches: those with a value in `values`, or
/// `["*"]` for all.
fn touched(
    identity: u8,
    (old, new): (Option<&str>, Option<&str>),
    columns: &[&str],
    old_matters: bool,
    values: &[&'static str],
) -> Vec<&'static str> {
    let hashing = Hashing::default();
    let change = Change::Row { relation: calls(identity), old: old.map(row), new: new.map(row) };
    let Touched::Row(row) = Touched::new(&change, &hashing) else { unreachable!("a row") };
    let shape = Shape { columns: names(columns), old_matters, ..Shape::whole(RelationId(1)) };
    let positions = Positions::of(&row.relation, &shape);
    let touch = row.touch(&positions, old_matters, &hashing, &Rules::default());
    let Touch::Tags(tags) = touch else { return vec!["*"] };
    let tag = |value: &str| hashing.tag(value.split(' ').map(|word| hashing.code(word.as_bytes())));
    let tags: Vec<Tag> = tags.into_iter().flatten().map(|(tag, _)| tag).collect();
    values.iter().copied().filter(|value| tags.contains(&tag(value))).collect()
}

fn names(columns: &[&str]) -> Arc<[Box<str>]> {
    columns.iter().map(|column| (*column).into()).collect()
}

/// Whether a change touches an answer that read the whole relation, but of each row only these columns,
/// and only rows whose `body` is within a range.
fn reaches(
    identity: u8,
    (old, new): (Option<&str>, Option<&str>),
    watched: &[&str],
    range: Option<(i64, i64)>,
) -> bool {
    let hashing = Hashing::default();
    let change = Change::Row { relation: calls(identity), old: old.map(row), new: new.map(row) };
    let Touched::Row(row) = Touched::new(&change, &hashing) else { unreachable!("a row") };
    let ranged = range.iter().map(|_| "body".into()).collect();
    let shape = Shape { ranged, watched: Some(names(watched)), ..Shape::whole(RelationId(1)) };
    let positions = Positions::of(&row.relation, &shape);
    let ranges: Vec<Range> = range.iter().map(|&(low, high)| Range { low, high }).collect();
    match row.touch(&positions, true, &hashing, &Rules::default()) {
        Touch::All => true,
        Touch::Tags(tags) => tags
            .into_iter()
            .flatten()
            .any(|(_, version)| row.is_within(version, &positions, &ranges, &Rules::default())),
    }
}

const STATES: [&str; 3] = ["open", "done", "lost"];
const KEYS: [&str; 3] = ["1", "2", "3"];
const INSERT: (Option<&str>, Option<&str>) = (None, Some("1 open x"));
const UPDATE: (Option<&str>, Option<&str>) = (None, Some("1 done x"));

#[test]
fn a_list_is_touched_by_rows_that_come_to_match_and_not_by_rows_that_cease_to() {
    assert_eq!(touched(b'd', INSERT, &["state"], false, &STATES), ["open"]);
    assert_eq!(touched(b'd', UPDATE, &["state"], false, &STATES), ["done"]);
    let full_update = (Some("1 open x"), Some("1 done x"));
    assert_eq!(touched(b'f', full_update, &["state"], false, &STATES), ["done"]);
    assert!(touched(b'd', (Some("1 ~ ~"), None), &["state"], false, &STATES).is_empty());
    assert!(touched(b'f', (Some("1 open x"), None), &["state"], false, &STATES).is_empty());
}

#[test]
fn a_contained_key_is_touched_by_every_change_of_its_row() {
    assert_eq!(touched(b'd', UPDATE, &["id"], true, &KEYS), ["1"]);
    assert_eq!(touched(b'i', UPDATE, &["id"], true, &KEYS), ["1"]);
    assert_eq!(touched(b'd', (Some("2 ~ ~"), None), &["id"], true, &KEYS), ["2"]);
    assert_eq!(touched(b'd', (Some("2 ~ ~"), Some("3 open x")), &["id"], true, &KEYS), ["2", "3"]);
    assert_eq!(touched(b'f', (Some("2 open x"), Some("2 done x")), &["id"], true, &KEYS), ["2"]);
}

#[test]
fn a_count_needs_old_values_and_without_them_every_one_is_touched() {
    let full_update = (Some("1 open x"), Some("1 done x"));
    assert_eq!(touched(b'f', full_update, &["state"], true, &STATES), ["open", "done"]);
    assert_eq!(touched(b'f', INSERT, &["state"], true, &STATES), ["open"]);
    assert_eq!(touched(b'f', (Some("1 lost x"), None), &["state"], true, &STATES), ["lost"]);
    assert_eq!(touched(b'd', UPDATE, &["state"], true, &STATES), ["*"]);
    assert_eq!(touched(b'd', (Some("1 ~ ~"), None), &["state"], true, &STATES), ["*"]);
    assert_eq!(touched(b'd', UPDATE, &["id", "state"], true, &["1 done"]), ["*"]);
    assert_eq!(touched(b'n', UPDATE, &["id"], true, &KEYS), ["*"]);
}

#[test]
fn a_value_that_is_not_told_may_be_any_value() {
    let toasted = (None, Some("1 open ~"));
    assert_eq!(touched(b'd', toasted, &["body"], false, &["x"]), ["*"]);
    assert_eq!(touched(b'd', toasted, &["state"], false, &STATES), ["open"]);
    assert_eq!(touched(b'd', INSERT, &["generated"], false, &["x"]), ["*"]);
    // A full old row tells what the new one leaves out as unchanged.
    assert_eq!(touched(b'f', (Some("1 open x"), Some("1 done ~")), &["body"], false, &["x", "y"]), ["x"]);
}

#[test]
fn null_equals_nothing_even_beside_a_value_that_is_not_told() {
    assert!(touched(b'd', (None, Some("1 - x")), &["state"], false, &STATES).is_empty());
    assert!(touched(b'd', (None, Some("1 - ~")), &["body", "state"], false, &["x open"]).is_empty());
    assert_eq!(touched(b'f', (Some("1 - x"), Some("1 open x")), &["state"], true, &STATES), ["open"]);
}

#[test]
fn without_columns_every_row_matches() {
    for change in [INSERT, UPDATE, (Some("1 ~ ~"), None)] {
        let hashing = Hashing::default();
        let change = Change::Row { relation: calls(b'd'), old: change.0.map(row), new: change.1.map(row) };
        let Touched::Row(row) = Touched::new(&change, &hashing) else { unreachable!("a row") };
        let positions = Positions::of(&row.relation, &Shape::whole(RelationId(1)));
        let touch = row.touch(&positions, true, &hashing, &Rules::default());
        let Touch::Tags(tags) = touch else { panic!("known, since there is nothing to know") };
        assert!(tags.into_iter().flatten().any(|(tag, _)| tag == hashing.tag([])));
    }
}

#[test]
fn an_update_known_to_change_nothing_that_was_looked_at_is_spared() {
    let closed = (Some("1 open 5"), Some("1 done 5"));
    assert!(!reaches(b'f', closed, &["id", "body"], None));
    assert!(reaches(b'f', closed, &["id", "state"], None));
    // What is left out of the new row is what it was.
    assert!(!reaches(b'f', (Some("1 open 5"), Some("1 done ~")), &["body"], None));
    // Without the old row nobody knows what has changed, and an insert looks like an update.
    assert!(reaches(b'd', (None, Some("1 done 5")), &["id"], None));
    assert!(reaches(b'd', (Some("1 ~ ~"), Some("2 done 5")), &["body"], None));
    // Nor is the value of a generated column known.
    assert!(reaches(b'f', closed, &["generated"], None));
    // Rows come and go whatever is looked at.
    assert!(reaches(b'f', (None, Some("1 open 5")), &[], None));
    assert!(reaches(b'f', (Some("1 open 5"), None), &[], None));
    // Long values are compared whole, although their codes are not made of all of them.
    let long = |middle: &str| format!("1 {}{middle}{} 5", "x".repeat(300), "x".repeat(300));
    assert!(reaches(b'f', (Some(&long("a")), Some(&long("b"))), &["state"], None));
}

#[test]
fn only_versions_within_the_range_matter_and_unknown_ones_may_be() {
    let all = &["id", "state", "body"][..];
    assert!(reaches(b'f', (None, Some("1 open 5")), all, Some((5, 9))));
    assert!(reaches(b'f', (None, Some("1 open 5")), all, Some((1, 5))));
    assert!(!reaches(b'f', (None, Some("1 open 5")), all, Some((6, 9))));
    // Either version may be the one within.
    assert!(reaches(b'f', (Some("1 open 5"), Some("1 open 20")), all, Some((5, 9))));
    assert!(reaches(b'f', (Some("1 open 20"), Some("1 open 5")), all, Some((5, 9))));
    assert!(!reaches(b'f', (Some("1 open 20"), Some("1 open 21")), all, Some((5, 9))));
    assert!(reaches(b'f', (None, Some("1 open -")), all, Some((5, 9))));
    assert!(reaches(b'f', (None, Some("1 open x")), all, Some((5, 9))));
    // The old version is not told.
    assert!(reaches(b'd', (None, Some("1 open 20")), all, Some((5, 9))));
}
