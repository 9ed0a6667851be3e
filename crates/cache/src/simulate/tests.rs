//! The short version of the proof, run with every test.

use super::*;

#[test]
fn no_schedule_breaks_a_promise() {
    let explored = explore(Rules::default(), 1, 200_000, |_| {});
    if let Some(violation) = explored.violation {
        panic!("seed {}: {}\n{}", violation.seed, violation.what, violation.trace.join("\n"));
    }
    let Coverage { hits, joins, stores, invalidations, evictions, refused_overflow, .. } = explored.coverage;
    for happened in [hits, joins, stores, invalidations, evictions, refused_overflow] {
        assert!(happened > explored.schedules / 200, "{:?}", explored.coverage);
    }
}

#[test]
fn every_rule_is_necessary() {
    for rule in Rule::ALL {
        let explored = explore(Rules::without(rule), 1, 100_000, |_| {});
        let found = explored.violation.unwrap_or_else(|| panic!("nothing fails without {rule:?}"));
        println!(
            "{rule:?}: after {} schedules, {} lines: {}",
            explored.schedules,
            found.trace.len(),
            found.what
        );
    }
}
