//! Every case's statement, parameters and read set, as they were last agreed on.

use std::fmt::Write;

use pg::{Parameter, Read};
use rest::{Access, Plan, Reads};

use crate::cases::CASES;
use crate::fixture::{asked, rules};

#[test]
fn every_case_has_the_statement_and_the_read_set_that_were_agreed_on() {
    let mut shown = String::new();
    for case in CASES {
        let plan = asked(case.request, case.headers, case.body).plan(&rules()).unwrap();
        writeln!(shown, "{} {}", case.request, case.headers.join(" | ")).unwrap();
        writeln!(shown, "  {}", plan.statement.sql).unwrap();
        for (position, parameter) in plan.statement.parameters.iter().enumerate() {
            let Parameter::Text(text) = parameter else { panic!("no case binds a null") };
            writeln!(shown, "  ${} = {}", position + 1, String::from_utf8_lossy(text)).unwrap();
        }
        if plan.access == Access::Read {
            writeln!(shown, "  {}", reads(&plan)).unwrap();
        }
        shown.push('\n');
    }
    insta::assert_snapshot!(shown);
}

/// A read set in one line.
pub(crate) fn reads(plan: &Plan) -> String {
    let (fixed, contained, settings, ttl) = match &plan.reads {
        Reads::Untracked { why, object } => return format!("untracked: {why:?} {object}"),
        Reads::Tracked { fixed, contained, settings, ttl } => (fixed, contained, settings, ttl),
    };
    let fixed = fixed.iter().map(|read| match read {
        Read::Whole(id) => format!("whole {}", id.0),
        Read::Rows(rows) => {
            let old = if rows.old_matters { " old" } else { "" };
            let values: Vec<String> = rows.values.iter().map(|row| row.join("|")).collect();
            format!("rows {} ({}) = ({}){old}", rows.relation.0, rows.columns.join("|"), values.join("), ("))
        }
    });
    let mut shown: Vec<String> = fixed.collect();
    if let Some(contained) = contained {
        let relations: Vec<String> = contained.relations.iter().map(|id| id.0.to_string()).collect();
        shown.push(format!("contained {} ({})", relations.join(","), contained.columns.join("|")));
    }
    if *settings != pg::catalog::Settings::default() {
        shown.push(format!("{settings:?}"));
    }
    if let Some(ttl) = ttl {
        shown.push(format!("ttl {:?}", ttl.max));
    }
    shown.join("; ")
}
