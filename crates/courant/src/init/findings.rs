//! What the journal says of each route: how often, how long, how much alike its answers are, and for whom. Pure.

mod alike;
mod causes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::journal::{Exchange, Form, Seen};
use super::paths::{self, PATTERNS_MAX};

#[cfg(test)]
pub(super) use alike::Separator;
pub(super) use alike::{Alike, Share};
pub(super) use causes::Cause;

/// Values of `Cache-Control` that are told.
const CONTROLS_MAX: usize = 4;
/// Two requests for the same within this time are one too many.
const DOUBLE_WITHIN: Duration = Duration::from_millis(250);

/// A pattern and a method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) pattern: String,
    /// GET is for HEAD too.
    pub(super) method: String,
}

/// What was learnt of a route.
#[derive(Clone, Debug, Default)]
pub(super) struct Finding {
    pub(super) requests: usize,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Of all its requests together: by this, routes are ordered.
    pub(super) total: Duration,
    /// Answers by class of status: `2xx`.
    pub(super) classes: BTreeMap<u16, usize>,
    pub(super) bytes_p50: u64,
    pub(super) bytes_max: u64,
    pub(super) setting_cookies: usize,
    /// What answers say in `Cache-Control`.
    pub(super) controls: BTreeSet<String>,
    pub(super) streams: usize,
    pub(super) tunnels: usize,
    /// Requests for what was being asked for already, or had been a moment before.
    pub(super) doubles: usize,
    pub(super) alike: Alike,
    /// Which unsafe requests its answers changed after.
    pub(super) causes: Vec<Cause>,
}

/// All routes, those that took the most time first.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) routes: Vec<(Place, Finding)>,
    /// Which exchanges are whose: of each route, the numbers of its exchanges.
    pub(super) members: HashMap<Place, Vec<usize>>,
    /// Patterns beyond the limit.
    pub(super) patterns_untold: usize,
    /// Paths that no pattern can say.
    pub(super) paths_untold: usize,
}

/// Learns from all that was seen.
pub(super) fn learn(seen: &Seen) -> Findings {
    let patterns = paths::patterns(seen.exchanges.iter().map(|exchange| &*exchange.path));
    let mut members: HashMap<Place, Vec<usize>> = HashMap::new();
    let mut paths_untold = 0;
    for (number, exchange) in seen.exchanges.iter().enumerate() {
        let Some(pattern) = patterns.get(&*exchange.path) else {
            paths_untold += 1;
            continue;
        };
        let method = if exchange.is_read() { "GET" } else { exchange.method.as_str() };
        let place = Place { pattern: pattern.clone(), method: method.to_owned() };
        members.entry(place).or_default().push(number);
    }
    let mut routes: Vec<(Place, Finding)> = members
        .iter()
        .map(|(place, numbers)| {
            let own: Vec<&Exchange> = numbers.iter().map(|number| &seen.exchanges[*number]).collect();
            (place.clone(), finding(&own, seen))
        })
        .collect();
    routes.sort_by(|(one, a), (other, b)| b.total.cmp(&a.total).then_with(|| one.cmp(other)));
    let patterns_untold = routes.len().saturating_sub(PATTERNS_MAX);
    routes.truncate(PATTERNS_MAX);
    let told: BTreeSet<&Place> = routes.iter().map(|(place, _)| place).collect();
    members.retain(|place, _| told.contains(place));
    let mut findings = Findings { routes, members, patterns_untold, paths_untold };
    causes::find(seen, &mut findings);
    findings
}

fn finding(own: &[&Exchange], seen: &Seen) -> Finding {
    // How long a stream or a tunnel lasts says nothing of what is spent on it.
    let timed: Vec<Duration> = sorted(own.iter().filter(|e| e.form == Form::Whole).map(|e| e.took()));
    let bytes: Vec<u64> = sorted(own.iter().map(|exchange| exchange.bytes));
    let count = |holds: fn(&Exchange) -> bool| own.iter().filter(|exchange| holds(exchange)).count();
    let mut classes = BTreeMap::new();
    for exchange in own {
        *classes.entry(exchange.status.as_u16() / 100).or_default() += 1;
    }
    Finding {
        requests: own.len(),
        p50: quantile(&timed, 50).unwrap_or_default(),
        p99: quantile(&timed, 99).unwrap_or_default(),
        total: timed.iter().sum(),
        classes,
        bytes_p50: quantile(&bytes, 50).unwrap_or_default(),
        bytes_max: bytes.last().copied().unwrap_or_default(),
        setting_cookies: count(|exchange| exchange.sets_cookie),
        controls: own
            .iter()
            .filter_map(|exchange| exchange.cache_control.as_deref().map(str::to_owned))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .take(CONTROLS_MAX)
            .collect(),
        streams: count(|exchange| exchange.form == Form::Stream),
        tunnels: count(|exchange| exchange.form == Form::Tunnel),
        doubles: doubles(own),
        alike: alike::of(own, seen),
        causes: Vec::new(),
    }
}

/// Requests that came while the same was being asked for by the same user, or a moment after.
fn doubles(own: &[&Exchange]) -> usize {
    let mut last: HashMap<(u64, u64), (Duration, Duration)> = HashMap::new();
    let mut doubles = 0;
    for exchange in own {
        let Some(request) = exchange.request else { continue };
        let before = last.insert((request, exchange.anybody()), (exchange.began, exchange.ended));
        let is_double = before.is_some_and(|(began, ended)| {
            exchange.began < ended || exchange.began.saturating_sub(began) <= DOUBLE_WITHIN
        });
        doubles += usize::from(is_double);
    }
    doubles
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all
}

/// The least value that so many of a hundred do not exceed.
fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let at = (sorted.len() * percent).div_ceil(100);
    sorted.get(at.saturating_sub(1)).copied()
}

#[cfg(test)]
pub(in crate::init) mod tests;
