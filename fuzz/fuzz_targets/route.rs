//! Any text as a route's pattern and any path: nothing panics, what is captured is in the path, a pattern matches
//! itself where it has no names, and the table finds what its patterns match.
#![no_main]

use gateway::route::{Pattern, Route, Routes};
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (one, other, path) = input;
    let Ok(one) = Pattern::parse(one) else { return };
    let captured = one.captures(path);
    assert_eq!(captured.is_some(), one.matches(path));
    for (_, text) in captured.iter().flatten() {
        assert!(text.len() <= path.len());
    }
    if !one.text().contains(['{', '%']) {
        assert!(one.matches(one.text()));
    }
    let Ok(other) = Pattern::parse(other) else { return };
    let any = one.matches(path) || other.matches(path);
    let route = |pattern: Pattern| Route { pattern, methods: Vec::new(), value: () };
    if let Ok(routes) = Routes::new(vec![route(one), route(other)]) {
        assert_eq!(routes.find(&Method::GET, path).is_some(), any);
    }
});
