//! From what was learnt to what is proposed: which routes to declare, depending on what, for whom, and how sure that
//! is. Pure; nothing is proposed that the evidence speaks against, and the reason is told.

mod tables;

use std::collections::HashMap;

use http::Method;

use super::database::Told;
use super::findings::{Alike, Finding, Findings, Place};
use super::reads::Doing;
pub(super) use tables::Schema;
use tables::Tables;

/// So few answers alike, in hundredths, and keeping them is no use.
const ALIKE_PERCENT: usize = 10;
/// Comparisons from which on a share says something.
const COMPARED_MIN: usize = 5;

/// A route, and what is proposed for it.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) place: Place,
    pub(super) finding: Finding,
    pub(super) doing: Doing,
    pub(super) advice: Advice,
    /// What the user should know, a line each.
    pub(super) notes: Vec<String>,
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// This.
    Declare(Declaration),
    /// A route whose tables the user must say.
    Open(Declaration),
    /// Nothing, and why.
    Nothing(String),
}

/// What a route would declare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declaration {
    /// Whole tables.
    pub(super) depends_on: Vec<String>,
    /// The same by rows, where names suggest it.
    pub(super) by_rows: Option<Vec<String>>,
    /// Where users are told apart; none: the default, which is safe.
    pub(super) identity: Option<Vec<String>>,
    pub(super) body_in_key: bool,
}

/// What proposals rest on besides the findings.
pub(super) struct Ground<'a> {
    pub(super) told: Option<&'a Told>,
    pub(super) doings: HashMap<Place, Doing>,
    pub(super) schema: Option<Schema<'a>>,
    /// Whether the node will be able to verify tokens.
    pub(super) has_secret: bool,
}

/// What is proposed for each route, those that take the most time first.
pub(super) fn propose(findings: &Findings, ground: &Ground<'_>) -> Vec<Proposal> {
    let routes = findings.routes.iter();
    routes.map(|(place, finding)| one(place, finding, ground)).collect()
}

fn one(place: &Place, finding: &Finding, ground: &Ground<'_>) -> Proposal {
    let doing = ground.doings.get(place).cloned().unwrap_or_default();
    let mut notes = Vec::new();
    let tables = ground.schema.as_ref().map(|schema| tables::of(place, finding, &doing, schema));
    let advice = match refusal(place, finding, &doing, tables.as_ref()) {
        Some(why) => Advice::Nothing(why),
        None => declare(place, finding, &doing, tables.as_ref(), ground, &mut notes),
    };
    Proposal { place: place.clone(), finding: finding.clone(), doing, advice, notes }
}

/// Why nothing is proposed.
fn refusal(place: &Place, finding: &Finding, doing: &Doing, tables: Option<&Tables>) -> Option<String> {
    let is_get = place.method == "GET";
    let answered = |class: u16| finding.classes.get(&class).copied().unwrap_or_default();
    let is_view = tables.is_some_and(|tables| tables.has_view);
    if finding.tunnels > 0 {
        return Some("a WebSocket or another protocol: it passes through as it is".to_owned());
    }
    if finding.streams > 0 {
        return Some("a stream of events: it passes through as it is, unbuffered".to_owned());
    }
    let only_asks = is_get || place.method == "POST" && is_question(doing);
    if !only_asks {
        let is_safe = Method::from_bytes(place.method.as_bytes()).is_ok_and(|method| method.is_safe());
        return Some(if is_safe { "nothing to keep" } else { "it changes something" }.to_owned());
    }
    if answered(2) + answered(3) == 0 {
        return Some("no answer was a success".to_owned());
    }
    if finding.setting_cookies == finding.requests {
        return Some("each answer sets a cookie, which is one client's alone".to_owned());
    }
    if finding.controls.iter().any(|control| control.to_ascii_lowercase().contains("no-store")) {
        return Some("answers say no-store, and are not kept then".to_owned());
    }
    if !doing.writes.is_empty() {
        let written = doing.writes.iter().cloned().collect::<Vec<_>>().join(", ");
        return Some(format!("it was seen to write to {written}: a kept answer would write nothing"));
    }
    if doing.unexplained > 0 && !is_view {
        return Some(format!(
            "its answer had changed {} times although nothing was seen to write to what it reads: the clock, another \
             service or a function decides, too",
            doing.unexplained
        ));
    }
    if let Some(obstacle) = tables.and_then(|tables| tables.obstacle.clone()) {
        return Some(obstacle);
    }
    let alike = finding.alike.for_one;
    if alike.compared >= COMPARED_MIN && alike.same * 100 < alike.compared * ALIKE_PERCENT {
        return Some(format!(
            "of {} answers to the same request and user {} were the same",
            alike.compared, alike.same
        ));
    }
    None
}

/// Whether a POST was seen to read and not to write.
fn is_question(doing: &Doing) -> bool {
    doing.is_sure() && doing.writes.is_empty() && doing.functions.is_empty() && !doing.reads.is_empty()
}

fn declare(
    place: &Place,
    finding: &Finding,
    doing: &Doing,
    tables: Option<&Tables>,
    ground: &Ground<'_>,
    notes: &mut Vec<String>,
) -> Advice {
    let identity = identity(finding, ground.has_secret, notes);
    let mut declaration =
        Declaration { identity, body_in_key: place.method == "POST", ..Declaration::default() };
    if finding.setting_cookies > 0 {
        notes.push(format!("{} of its answers set a cookie, and are not kept", finding.setting_cookies));
    }
    let Some(tables) = tables.filter(|tables| !tables.depends_on.is_empty()) else {
        notes.push(
            match ground.told {
                Some(_) => "no statement of it was seen: say yourself which tables it reads (depends_on)",
                None => "say which tables it reads (depends_on), or watch with --database-url",
            }
            .to_owned(),
        );
        return Advice::Open(declaration);
    };
    if doing.alone == 0 {
        notes.push(
            "unsure: other requests were going on each time; tables may be missing or too many: look at the code, or \
             watch again with less at once"
                .to_owned(),
        );
    } else if !doing.is_sure() {
        notes.push(format!("not quite sure: it was alone in {} moments only; look at the code", doing.alone));
    }
    if ground.told.is_some_and(|told| !told.is_complete) {
        notes.push("from a sample of statements: others may have been missed; look at the code".to_owned());
    }
    notes.extend(tables.notes.iter().cloned());
    declaration.depends_on.clone_from(&tables.depends_on);
    declaration.by_rows.clone_from(&tables.by_rows);
    Advice::Declare(declaration)
}

/// Where users are told apart. None: every `Authorization` and every `Cookie` is a user of its own, which is safe.
fn identity(finding: &Finding, has_secret: bool, notes: &mut Vec<String>) -> Option<Vec<String>> {
    let alike = &finding.alike;
    let Some(separator) = &alike.separator else {
        if !alike.places.is_empty() {
            notes.push("no user asked for the same twice: who it depends on is not known".to_owned());
        }
        return unseen(alike, notes);
    };
    if !separator.is_needed {
        if separator.users >= 2
            && alike.between.compared >= COMPARED_MIN
            && alike.between.same == alike.between.compared
        {
            notes.push(format!(
                "the same for {} users in all of {} comparisons: only if that is meant so, identity = [] lets them share",
                separator.users, alike.between.compared
            ));
        } else if separator.users < 2 {
            notes.push("one user was seen: whether answers differ between users is not known".to_owned());
        }
        return unseen(alike, notes);
    }
    let place = separator.place.clone();
    if place.starts_with("jwt.") && !has_secret {
        // Unverified, a claim is nothing to tell users apart by.
        notes.push(format!(
            "with jwt.secret configured, identity = [\"{place}\"] lets all tokens of a user share; without it never"
        ));
        return unseen(alike, notes);
    }
    if !separator.is_in_all {
        notes.push(format!("{place} tells users apart where it stands; others are known by something else"));
        return unseen(alike, notes);
    }
    let has = |kind: &str| alike.places.iter().any(|place| place.starts_with(kind));
    if place == "header.authorization" && !has("cookie.") {
        return unseen(alike, notes);
    }
    // Whoever comes without the one may come with the other.
    let is_claim = place.starts_with("jwt.");
    let mut identity = vec![place];
    if !is_claim && identity[0] != "header.authorization" {
        identity.push("header.authorization".to_owned());
    }
    if identity[0].starts_with("header.x-") && has("cookie.") {
        identity.push("header.cookie".to_owned());
    }
    // With one value of each seen, nobody knows whether they matter.
    identity.extend(of_the_app(alike).filter(|other| *other != separator.place).map(str::to_owned));
    Some(identity)
}

/// Headers of the app's own that may say who asks.
fn of_the_app(alike: &Alike) -> impl Iterator<Item = &str> {
    let all = alike.places.iter().map(String::as_str);
    all.filter(|place| place.starts_with("header.") && *place != "header.authorization")
}

/// The default, where it holds everything that may say who asks; and what it does not hold.
fn unseen(alike: &Alike, notes: &mut Vec<String>) -> Option<Vec<String>> {
    let others: Vec<&str> = of_the_app(alike).collect();
    if others.is_empty() {
        return None;
    }
    notes.push(format!(
        "requests say {}, which may decide the answer: so it is part of the identity",
        others.join(", ")
    ));
    let mut identity: Vec<String> = others.into_iter().map(str::to_owned).collect();
    identity.extend(["header.authorization".to_owned(), "header.cookie".to_owned()]);
    Some(identity)
}

#[cfg(test)]
mod tests;
