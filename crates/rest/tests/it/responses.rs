//! From counts to heads.

use rest::{Counts, Head, respond};

use crate::fixture::{asked, rules};

fn head(request: &str, headers: &[&str], rows: u64, total: Option<u64>) -> Result<Head, String> {
    let body = if request.starts_with("GET") { "" } else { r#"{"id":1}"# };
    let plan = asked(request, headers, body).plan(&rules()).unwrap();
    let counts = Counts { rows, total, key: vec!["a b".to_owned()], cursor: None };
    respond(&plan, &counts).map_err(|error| format!("{} {}", error.status().as_u16(), error.to_json()))
}

fn shown(request: &str, headers: &[&str], rows: u64, total: Option<u64>) -> String {
    let head = head(request, headers, rows, total).unwrap();
    let mut shown = head.status.as_u16().to_string();
    for name in ["content-range", "content-type", "preference-applied", "content-location", "location"] {
        if let Some((_, value)) = head.fields.iter().find(|(field, _)| field.name() == name) {
            shown.push_str(&format!("; {name}: {}", value.to_str().unwrap()));
        }
    }
    shown
}

const JSON: &str = "content-type: application/json; charset=utf-8";

#[test]
fn a_read_says_which_rows_it_has() {
    let count = &["prefer: count=exact"][..];
    let applied = "preference-applied: count=exact; content-location: /clients";
    assert_eq!(
        shown("GET /clients?name=eq.x+y&id=gt.0&id=lt.9", &[], 3, None),
        format!("200; content-range: 0-2/*; {JSON}; content-location: /clients?id=gt.0,lt.9&name=eq.x%20y")
    );
    assert_eq!(
        shown("GET /clients", &[], 0, None),
        format!("200; content-range: */*; {JSON}; content-location: /clients")
    );
    assert_eq!(
        shown("GET /clients", count, 3, Some(3)),
        format!("200; content-range: 0-2/3; {JSON}; {applied}")
    );
    assert_eq!(
        shown("GET /clients", count, 3, Some(9)),
        format!("206; content-range: 0-2/9; {JSON}; {applied}")
    );
    assert_eq!(
        shown("GET /clients", count, 0, Some(0)),
        format!("200; content-range: */0; {JSON}; {applied}")
    );
    assert_eq!(
        shown("GET /clients?offset=4", count, 2, Some(6)),
        format!("206; content-range: 4-5/6; {JSON}; {applied}?offset=4")
    );
}

#[test]
fn an_offset_past_the_end_and_a_row_too_many_are_errors() {
    let past = head("GET /clients?offset=9", &["prefer: count=exact"], 0, Some(3)).unwrap_err();
    assert!(
        past.starts_with("416") && past.contains("An offset of 9 was requested, but there are only 3 rows.")
    );
    let object = &["accept: application/vnd.pgrst.object+json"][..];
    let many = head("GET /clients", object, 2, None).unwrap_err();
    assert!(
        many.starts_with("406") && many.contains("PGRST116") && many.contains("The result contains 2 rows")
    );
    assert!(
        shown("GET /clients", object, 1, None).contains("application/vnd.pgrst.object+json; charset=utf-8")
    );
    let strict = &["prefer: handling=strict, max-affected=1"][..];
    assert!(head("DELETE /clients", strict, 2, None).unwrap_err().contains("The query affects 2 rows"));
}

#[test]
fn a_write_says_what_became_of_it() {
    let full = &["prefer: return=representation, count=exact"][..];
    let applied = "preference-applied: return=representation, count=exact";
    assert_eq!(shown("POST /clients", full, 1, None), format!("201; content-range: */1; {JSON}; {applied}"));
    assert_eq!(
        shown("PATCH /clients", full, 2, None),
        format!("200; content-range: 0-1/2; {JSON}; {applied}")
    );
    assert_eq!(
        shown("DELETE /clients", full, 2, None),
        format!("200; content-range: */2; {JSON}; {applied}")
    );
    assert_eq!(shown("POST /clients", &[], 1, None), "201; content-range: */*");
    let put = "PUT /clients?id=eq.1";
    assert_eq!(shown(put, &[], 1, Some(1)), "204");
    let whole = &["prefer: return=representation"][..];
    assert!(shown(put, whole, 1, Some(1)).starts_with("201; content-type"));
    assert!(shown(put, whole, 1, Some(0)).starts_with("200; content-type"));
    assert!(head(put, &[], 0, Some(0)).unwrap_err().contains("PGRST115"));
    let merge = &["prefer: resolution=merge-duplicates"][..];
    assert!(shown("POST /clients", merge, 1, Some(1)).starts_with("201"));
    assert!(shown("POST /clients", merge, 1, Some(0)).starts_with("200"));
    assert_eq!(shown("PATCH /clients", &[], 2, None), "204; content-range: 0-1/*");
    assert_eq!(shown("DELETE /clients", &[], 2, None), "204; content-range: */*");
    assert_eq!(
        shown("POST /clients", &["prefer: return=headers-only"], 1, None),
        "201; content-range: */*; preference-applied: return=headers-only; location: /clients?id=eq.a%20b"
    );
}

#[test]
fn what_was_preferred_and_heeded_is_said_again() {
    let applied = |preferred: &str, rules: &rest::Rules| {
        let preferred = format!("prefer: {preferred}");
        let plan = asked("GET /clients", &[&preferred], "").plan(rules).unwrap();
        let head = respond(&plan, &Counts { rows: 1, total: Some(1), ..Counts::default() }).unwrap();
        let applied =
            head.get(rest::Field::PreferenceApplied).map(|value| value.to_str().unwrap().to_owned());
        (applied.unwrap_or_default(), plan)
    };
    let zone = "timezone=America/Los_Angeles";
    let (said, plan) = applied(&format!("count=planned, {zone}, handling=strict"), &rules());
    assert_eq!(said, format!("count=planned, handling=strict, {zone}"));
    assert_eq!(plan.timezone.as_deref(), Some("America/Los_Angeles"));
    assert_eq!(applied("count=estimated, timezone=Jupiter/Red_Spot", &rules()).0, "count=estimated");
    // Who may not choose how a transaction ends is not told that it ends so.
    let (said, plan) = applied("tx=rollback", &rules());
    assert!(said.is_empty() && !plan.answer.rolls_back());
    let end = rest::TransactionEnd { rollback: true, may_be_chosen: true };
    let chosen = rest::Rules { transaction_end: end, ..rules() };
    let (said, plan) = applied("tx=commit", &chosen);
    assert!(said == "tx=commit" && !plan.answer.rolls_back());
    assert!(applied("", &chosen).1.answer.rolls_back());
}
