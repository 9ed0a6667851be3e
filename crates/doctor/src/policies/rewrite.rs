//! A policy's condition with its row-independent calls in scalar subqueries, which the planner runs once.
//!
//! Works on the condition as the server prints it. A call whose arguments are not all constants is left alone.

use crate::workload::text::{Part, parts};

/// The condition rewritten, if there was anything to rewrite.
pub(super) fn once(condition: &str, functions: &[String]) -> Option<String> {
    let all: Vec<(usize, Part<'_>)> = parts(condition).collect();
    let mut rewritten = String::new();
    let mut copied = 0;
    let mut index = 0;
    while index < all.len() {
        let start = all[index].0;
        let called = starts_name(&all, index).then(|| called_at(condition, &all, index, functions)).flatten();
        if let Some(last) = called {
            let end = all[last].0 + 1;
            rewritten.push_str(&condition[copied..start]);
            rewritten.push_str("(select ");
            rewritten.push_str(&condition[start..end]);
            rewritten.push(')');
            copied = end;
            index = last;
        }
        index += 1;
    }
    rewritten.push_str(&condition[copied..]);
    (copied > 0).then_some(rewritten)
}

/// Not in the middle of a qualified name, nor what a scalar subquery holds already.
fn starts_name(all: &[(usize, Part<'_>)], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| all[before].1);
    match before {
        Some(Part::Symbol(".")) => false,
        Some(Part::Word(word)) => !word.eq_ignore_ascii_case("select"),
        _ => matches!(all[index].1, Part::Word(_)),
    }
}

/// The closing parenthesis of a call of one of these functions that begins here and takes constants only.
fn called_at(
    condition: &str,
    all: &[(usize, Part<'_>)],
    index: usize,
    functions: &[String],
) -> Option<usize> {
    let open = (index..all.len()).find(|&at| !matches!(all[at].1, Part::Word(_) | Part::Symbol(".")))?;
    if all[open].1 != Part::Symbol("(")
        || !functions.iter().any(|name| *name == condition[all[index].0..all[open].0])
    {
        return None;
    }
    for (at, (_, part)) in all.iter().enumerate().skip(open + 1) {
        match part {
            Part::Symbol(")") => return Some(at),
            Part::Word(word) if ["true", "false", "text", "boolean"].contains(word) => {}
            Part::Literal(_) | Part::Symbol("," | ":") => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_put_into_subqueries_once() {
        let functions = ["auth.uid".to_owned(), "current_setting".to_owned()];
        let once = |condition| once(condition, &functions);
        assert_eq!(once("(owner = auth.uid())").unwrap(), "(owner = (select auth.uid()))");
        assert_eq!(
            once("((owner)::text = current_setting('app.user'::text, true))").unwrap(),
            "((owner)::text = (select current_setting('app.user'::text, true)))"
        );
        assert_eq!(once("(owner = ( SELECT auth.uid() AS uid))"), None);
        assert_eq!(once("(owner = my.auth.uid())"), None);
        assert_eq!(once("(x = 'auth.uid()'::text)"), None);
        assert_eq!(once("(x = current_setting(name))"), None);
    }
}
