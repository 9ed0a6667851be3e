//! The app's pages as scripts of requests, as the example's README describes them, and the scenarios that time them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

/// A page of the example.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) visits_per_hour: u32,
    #[serde(rename = "as")]
    pub(super) visitor: Visitor,
    pub(super) steps: Vec<Step>,
}

/// Who visits it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visitor {
    Member,
    Service,
    Anonymous,
}

/// A step of a page.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Together { parallel: Vec<Ask> },
    Each { each: Rows, steps: Vec<Step> },
    Repeat { repeat: u32, steps: Vec<Step> },
    Ask(Ask),
}

/// The rows of an earlier answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rows {
    pub(super) row_of: String,
    pub(super) column: String,
    #[serde(rename = "as")]
    pub(super) name: String,
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Ask {
    pub(super) name: String,
    #[serde(default = "get")]
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    /// Where the body is a list: how many times it holds what `body` says, drawn anew for each.
    pub(super) rows: Option<u32>,
    /// How long after the others that are sent together.
    #[serde(default)]
    pub(super) after_ms: u64,
}

fn get() -> String {
    "GET".to_owned()
}

/// Something that the reports timed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    page: String,
    /// The page's steps that count; all of them where this says nothing.
    #[serde(default)]
    only: Vec<String>,
    /// The report's figures, in milliseconds: before and after.
    pub(super) report_ms: Option<(f64, f64)>,
    /// What is timed is the slowest request, and not the visit: the page itself waits between its requests.
    #[serde(default)]
    pub(super) is_slowest: bool,
    /// No more visits than these count: what adds many rows would make another database of it.
    pub(super) visits_max: Option<usize>,
    /// Another script than the page's.
    before: Option<Vec<Step>>,
    /// The script once the app calls what its developers added; the same as before where this says nothing.
    after: Option<Vec<Step>>,
}

/// A scenario's scripts.
#[derive(Clone, Debug)]
pub(super) struct Scripts {
    pub(super) scenario: Scenario,
    pub(super) before: Page,
    pub(super) after: Page,
    /// Whether the app asks otherwise than before.
    pub(super) is_changed: bool,
}

/// The example's pages.
pub(super) fn pages() -> Result<Vec<Page>> {
    #[derive(Deserialize)]
    struct All {
        pages: Vec<Page>,
    }
    let all: All = serde_json::from_str(field_service::PAGES).context("the example's pages")?;
    Ok(all.pages)
}

/// The scenarios, in the order in which they are printed.
pub(super) fn scenarios(pages: &[Page]) -> Result<Vec<Scripts>> {
    let all: Vec<Scenario> = serde_json::from_str(include_str!("scenarios.json")).context("the scenarios")?;
    let scripts = all.into_iter().map(|scenario| {
        let page = pages.iter().find(|page| page.name == scenario.page);
        let page = page.with_context(|| format!("no page is called {}", scenario.page))?;
        let mut before = page.clone();
        before.steps = match &scenario.before {
            Some(steps) => steps.clone(),
            None if scenario.only.is_empty() => before.steps,
            None => before.steps.into_iter().filter_map(|step| kept(step, &scenario.only)).collect(),
        };
        anyhow::ensure!(!before.steps.is_empty(), "{} has no steps", scenario.name);
        let mut after = before.clone();
        let is_changed = scenario.after.is_some();
        if let Some(steps) = &scenario.after {
            after.steps.clone_from(steps);
        }
        Ok(Scripts { scenario, before, after, is_changed })
    });
    scripts.collect()
}

/// What of a step is among these.
fn kept(step: Step, only: &[String]) -> Option<Step> {
    let all_of =
        |steps: Vec<Step>| -> Vec<Step> { steps.into_iter().filter_map(|step| kept(step, only)).collect() };
    match step {
        Step::Ask(ask) => only.contains(&ask.name).then_some(Step::Ask(ask)),
        Step::Together { parallel } => {
            let parallel: Vec<Ask> = parallel.into_iter().filter(|ask| only.contains(&ask.name)).collect();
            (!parallel.is_empty()).then_some(Step::Together { parallel })
        }
        // Once is enough for who times one turn.
        Step::Repeat { steps, .. } => {
            let steps = all_of(steps);
            (!steps.is_empty()).then_some(Step::Repeat { repeat: 1, steps })
        }
        Step::Each { each, steps } => {
            let steps = all_of(steps);
            (!steps.is_empty()).then_some(Step::Each { each, steps })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_of_a_page_and_has_steps() {
        let scripts = scenarios(&pages().unwrap()).unwrap();
        assert!(scripts.len() >= 15);
    }

    #[test]
    fn a_page_is_cut_down_to_the_steps_that_are_timed() {
        let scripts = scenarios(&pages().unwrap()).unwrap();
        let twice =
            scripts.iter().find(|scripts| scripts.scenario.name.starts_with("/api/organizations")).unwrap();
        let [Step::Together { parallel }] = &twice.before.steps[..] else {
            panic!("{:?}", twice.before.steps)
        };
        assert_eq!(parallel.len(), 2);
        assert_eq!(parallel[1].after_ms, 120);
    }
}
