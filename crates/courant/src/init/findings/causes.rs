//! After which requests a route's answers change: a hint at what they depend on.
//!
//! An answer that differs from the one before is laid to every unsafe request that ended in between. A hint, never
//! more: somebody else may have written at the same time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{Findings, Place};
use crate::init::journal::{Digest, Exchange, Seen};

/// Causes told of a route.
const CAUSES_MAX: usize = 5;
/// Unsafe requests in between that are looked at; an answer changed after more has no one cause.
const BETWEEN_MAX: usize = 64;

/// An unsafe request after which answers changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::init) struct Cause {
    /// `PATCH /conversations/{conversation_id}`; none: nothing unsafe was seen in between.
    pub(in crate::init) route: Option<String>,
    /// How often they had changed.
    pub(in crate::init) changed: usize,
    /// Of so many times that could be compared.
    pub(in crate::init) times: usize,
}

pub(super) fn find(seen: &Seen, findings: &mut Findings) {
    let mut writes: Vec<(Duration, Duration, &Place)> = Vec::new();
    for (place, members) in &findings.members {
        let of = members.iter().map(|number| &seen.exchanges[*number]);
        let wrote = |exchange: &&Exchange| !exchange.method.is_safe() && exchange.status.as_u16() < 400;
        writes.extend(of.filter(wrote).map(|exchange| (exchange.began, exchange.ended, place)));
    }
    writes.sort_unstable_by_key(|(_, ended, _)| *ended);
    let members = &findings.members;
    for (place, finding) in &mut findings.routes {
        if place.method != "GET" {
            continue;
        }
        let own: Vec<&Exchange> =
            members.get(place).into_iter().flatten().map(|number| &seen.exchanges[*number]).collect();
        finding.causes = of(&own, &writes);
    }
}

fn of(own: &[&Exchange], writes: &[(Duration, Duration, &Place)]) -> Vec<Cause> {
    let mut last: HashMap<(Digest, Digest), &Exchange> = HashMap::new();
    let mut counted: BTreeMap<Option<String>, (usize, usize)> = BTreeMap::new();
    for exchange in own {
        let (Some(request), Some(answer)) = (exchange.request, exchange.answer) else { continue };
        let Some(before) = last.insert((request, exchange.anybody()), exchange) else { continue };
        let has_changed = before.answer != Some(answer);
        // Whatever was going on between the question before and the end of this answer may be in the one and not
        // in the other.
        let from = writes.partition_point(|(_, ended, _)| *ended < before.began);
        let between = writes[from..].iter().take(BETWEEN_MAX).filter(|(began, ..)| *began < exchange.ended);
        let mut routes: Vec<Option<String>> =
            between.map(|(.., place)| Some(format!("{} {}", place.method, place.pattern))).collect();
        routes.sort_unstable();
        routes.dedup();
        if routes.is_empty() {
            routes.push(None);
        }
        for route in routes {
            let (changed, times) = counted.entry(route).or_default();
            *changed += usize::from(has_changed);
            *times += 1;
        }
    }
    let mut causes: Vec<Cause> = counted
        .into_iter()
        .filter(|(_, (changed, _))| *changed > 0)
        .map(|(route, (changed, times))| Cause { route, changed, times })
        .collect();
    causes.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.route.cmp(&b.route)));
    causes.truncate(CAUSES_MAX);
    causes
}
