//! Documents made of outlines and descriptions written by hand.

use super::*;

#[test]
fn the_first_line_of_a_comment_is_its_summary() {
    assert_eq!(
        summarized("Artists\n\nWhose works\nare shown."),
        ("Artists", Some("Whose works\nare shown."))
    );
    assert_eq!(summarized("Artists\n\n"), ("Artists", None));
}

#[test]
fn a_schema_with_one_line_of_comment_is_described_by_it() {
    let said = info(Some("A warm-blooded animal"));
    assert_eq!(
        (&said["title"], &said["description"]),
        (&json!("A warm-blooded animal"), &json!("A warm-blooded animal"))
    );
    assert_eq!(info(Some("Museum\nAll of it"))["description"], "All of it");
}

#[test]
fn only_defaults_that_are_values_are_told() {
    let told = definitions::default_of;
    assert_eq!(told("'painting'::api.kind", "api.kind"), Some(json!("painting")));
    assert_eq!(told("'open'::status", "api.status"), Some(json!("open")));
    assert_eq!(told("'x'::character varying", "character varying"), Some(json!("x")));
    assert_eq!(told("now()", "timestamp with time zone"), Some(json!("now()")));
    assert_eq!(told("10", "integer"), Some(json!(10)));
    assert_eq!(told("true", "boolean"), Some(json!(true)));
    assert_eq!(told("nextval('api.things_id_seq'::regclass)", "bigint"), None);
    assert_eq!(told("'{}'::jsonb", "jsonb"), None);
    assert_eq!(told("'a \"quote'::text", "text"), None);
}

#[test]
fn a_description_that_cannot_be_read_is_an_error() {
    let outline = Outline::of(&Catalog::default(), "api", &OpenApi::default());
    assert!(outline.document(b"{}").is_err());
    let empty = br#"{"comment": null, "relations": [], "functions": []}"#;
    let document: Value = serde_json::from_str(&outline.document(empty).unwrap()).unwrap();
    assert_eq!(document["paths"].as_object().map(Map::len), Some(1));
    assert_eq!(document["externalDocs"]["description"], "PostgREST Documentation");
    assert!(document.get("security").is_none());
}
