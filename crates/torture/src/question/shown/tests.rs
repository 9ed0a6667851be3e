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
