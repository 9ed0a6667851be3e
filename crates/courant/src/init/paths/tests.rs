use super::*;

fn of(paths: &[&str]) -> Vec<String> {
    let found = patterns(paths.iter().copied());
    paths.iter().map(|path| found.get(path).cloned().unwrap_or_else(|| "-".to_owned())).collect()
}

#[test]
fn identifiers_are_named_after_what_stands_before_them() {
    let cases = [
        ("/", "/"),
        ("/auth/me", "/auth/me"),
        ("/conversations/17", "/conversations/{conversation_id}"),
        ("/conversations/17/messages", "/conversations/{conversation_id}/messages"),
        ("/api/companies/3f2b8c1e-9d4a-4b6e-8f00-1a2b3c4d5e6f", "/api/companies/{company_id}"),
        ("/boxes/9f86d081884c7d65", "/boxes/{box_id}"),
        ("/invoices/in_1MtHbELkdIwHu7ixl4OzzPMv", "/invoices/{invoice_id}"),
        ("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV/", "/u/{u_id}/"),
        ("/users/1/users/2", "/users/{user_id}/users/{user_id_2}"),
        ("/42", "/{id}"),
        ("/calendar/2026-02-01", "/calendar/{date}"),
        ("/users/a%40b.example", "/users/{user}"),
        ("/odd/{x}", "/odd/{odd}"),
        ("/api/v1/things", "/api/v1/things"),
        ("/news/how-to-be-current", "/news/how-to-be-current"),
        ("/status", "/status"),
        ("/2fa/77", "/2fa/{_2fa_id}"),
        ("/a/b/c/d/e/f/g/h/i/j/k/l/m", "/a/b/c/d/e/f/g/h/i/j/k/l/{*rest}"),
    ];
    for (path, pattern) in cases {
        assert_eq!(of(&[path]), [pattern]);
    }
    assert_eq!(of(&["*", ""]), ["-", "-"]);
}

#[test]
fn many_words_in_one_place_are_values_and_few_are_not() {
    let people: Vec<String> = (0..30u8).map(|n| format!("/people/{}/posts", name(n))).collect();
    let paths: Vec<&str> = people.iter().map(String::as_str).collect();
    assert!(
        of(&paths)
            .iter()
            .all(|pattern| pattern == "/people/{person}/posts" || pattern == "/people/{people}/posts")
    );
    assert_eq!(of(&paths[..3]), people[..3]);
    let roots: Vec<String> = (0..30u8).map(|n| format!("/{}", name(n))).collect();
    let paths: Vec<&str> = roots.iter().map(String::as_str).collect();
    assert_eq!(of(&paths), roots);
}

#[test]
fn files_and_slugs_become_a_name_sooner() {
    let files: Vec<String> = (0..8u8).map(|n| format!("/assets/{}.js", name(n))).collect();
    let paths: Vec<&str> = files.iter().map(String::as_str).collect();
    assert!(of(&paths).iter().all(|pattern| pattern == "/assets/{asset}"));
    // An identifier and a word beside it stay two patterns.
    assert_eq!(of(&["/items/7", "/items/search"]), ["/items/{item_id}", "/items/search"]);
}

fn name(n: u8) -> String {
    format!("{}{}", char::from(b'a' + n % 26), char::from(b'a' + n / 26))
}
