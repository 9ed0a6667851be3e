//! Every case's statement and parameters, as they were last agreed on; and read sets in a line.

use std::fmt::Write;

use pg::{Interval, Parameter, Read};
use rest::{Plan, Reads, Returned};

use crate::cases::CASES;
use crate::fixture::{asked, rules};

#[test]
fn every_case_has_the_statement_that_was_agreed_on() {
    let mut shown = String::new();
    for case in CASES {
        let plan = asked(case.request, case.headers, case.body).plan(&rules()).unwrap();
        writeln!(shown, "{} {}", case.request, case.headers.join(" | ")).unwrap();
        writeln!(shown, "  {}", plan.statement.sql).unwrap();
        for (position, parameter) in plan.statement.parameters.iter().enumerate() {
            let Parameter::Text(text) = parameter else { panic!("no case binds a null") };
            writeln!(shown, "  ${} = {}", position + 1, String::from_utf8_lossy(text)).unwrap();
        }
        shown.push('\n');
    }
    insta::assert_snapshot!(shown);
}

/// A read set in one line, as it is when the page has two rows with the values `1` and `2` of every column,
/// and below them what is given.
pub(crate) fn reads(plan: &Plan, embedded: Option<&str>) -> String {
    let sql = &plan.statement.sql;
    let columns = (1..).take_while(|number| sql.contains(&format!("as \"key_{number}\""))).count();
    let keys = vec![vec![Some("1".to_owned()), Some("2".to_owned())]; columns];
    shown(plan, &Returned { rows: 2, keys: &keys, embedded })
}

/// A read set in one line, for what the statement returned.
pub(crate) fn shown(plan: &Plan, returned: &Returned<'_>) -> String {
    let tracked = match &plan.reads {
        Reads::Untracked { why, object } => return format!("untracked: {why:?} {object}"),
        Reads::Tracked(tracked) => tracked,
    };
    let reads = tracked.reads(returned);
    let mut shown: Vec<String> = reads.iter().map(read).collect();
    if tracked.settings != pg::catalog::Settings::default() {
        shown.push(format!("{:?}", tracked.settings));
    }
    if let Some(ttl) = tracked.ttl {
        shown.push(format!("ttl {ttl:?}"));
    }
    shown.join("; ")
}

/// One part of a read set.
pub(crate) fn read(read: &Read) -> String {
    let rows = match read {
        Read::Whole(id) => return format!("whole {}", id.0),
        Read::Rows(rows) => rows,
    };
    let values: Vec<String> = rows.values.iter().map(|row| row.join("|")).collect();
    let mut shown = format!("rows {}", rows.relation.0);
    if !rows.columns.is_empty() {
        write!(shown, " ({}) = ({})", rows.columns.join("|"), values.join("), (")).unwrap();
    }
    for Interval { column, low, high } in &rows.within {
        let end = |end: i64| {
            if end == i64::MAX || end == i64::MIN { "..".to_owned() } else { end.to_string() }
        };
        write!(shown, " {column} from {} to {}", end(*low), end(*high)).unwrap();
    }
    if rows.old_matters {
        shown.push_str(" old");
    }
    if let Some(watched) = &rows.watched {
        write!(shown, " of {}", watched.join("|")).unwrap();
    }
    shown
}
