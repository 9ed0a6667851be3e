//! What answers show.

use super::*;

#[test]
fn embedded_rows_are_shown_too() {
    let rows = serde_json::json!([{"id": 1, "version": 5, "groups": {"id": 2, "version": 6},
        "labels": [{"id": 3, "version": 7}]}]);
    let mut shown = Vec::new();
    versions("items", &rows, &mut shown);
    assert_eq!(
        shown,
        [Shown::Row(("items", 1), 5), Shown::Row(("groups", 2), 6), Shown::Row(("labels", 3), 7)]
    );
}

#[test]
fn an_answer_that_was_made_for_somebody_else_is_told() {
    let question = Question { shape: Shape::Backend(Route::Mine), key: 0, group: 2, label: 0, person: 1 };
    let shown_by = |person: &str| {
        let mut shown = Vec::new();
        question.shown_by(Route::Mine, &serde_json::json!({"person": person, "items": []}), &mut shown);
        shown
    };
    assert_eq!(shown_by("p1"), [Shown::Fact(Fact::Member(1, 2), true)]);
    assert!(shown_by("p3").contains(&Shown::Stranger("p3".into())));
}
