//! Which statements belong to which route.
//!
//! Where nothing else was going on, that is plain. For all other moments the calls of each statement are laid to the
//! routes so that they fit best: so many calls for each request of a route (least squares, none below nothing), with
//! time itself as one more route for what runs by itself. Pure.

mod fit;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::database::Told;
use super::findings::{Findings, Place};
use super::journal::{Digest, Exchange, Form, Seen};
use super::statement::Statement;
use fit::Fit;

/// Alone in so many moments, a route's statements are sure.
const ALONE_SURE: usize = 3;
/// A statement belongs to a route that calls it so often for each request.
const CALLS_MIN: f64 = 0.3;
/// The same where only some of the statements are seen.
const CALLS_SAMPLED_MIN: f64 = 0.1;

/// What a route was seen to do in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Doing {
    /// Tables read, as statements name them.
    pub(super) reads: BTreeSet<String>,
    pub(super) writes: BTreeSet<String>,
    pub(super) functions: BTreeSet<String>,
    /// By table: columns that every statement which reads it compares with a value.
    pub(super) narrowed: BTreeMap<String, BTreeSet<String>>,
    /// Moments in which statements were run and nothing else was going on.
    pub(super) alone: usize,
    /// Moments in which statements were run and something else was, too.
    pub(super) among: usize,
    /// Times an answer had changed although nothing had written to what it reads.
    pub(super) unexplained: usize,
}

impl Doing {
    pub(super) fn is_sure(&self) -> bool {
        self.alone >= ALONE_SURE
    }
}

/// In which moments a route was asked, and which statements were run in those that were its alone.
#[derive(Default)]
struct Counted {
    alone: usize,
    among: usize,
    alone_with: HashMap<usize, usize>,
}

/// What each route did.
pub(super) fn attribute(seen: &Seen, findings: &Findings, told: &Told) -> HashMap<Place, Doing> {
    let mut places: Vec<&Place> = findings.members.keys().collect();
    places.sort_unstable();
    let mut of: HashMap<usize, usize> = HashMap::new();
    for (route, place) in places.iter().enumerate() {
        of.extend(findings.members[*place].iter().map(|number| (*number, route)));
    }
    let (counted, fit) = count(seen, &of, told, places.len());
    let calls_min = if told.is_complete { CALLS_MIN } else { CALLS_SAMPLED_MIN };
    let mut own: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); places.len()];
    for (statement, calls) in fit.solve() {
        for (route, calls) in calls {
            // In moments of its own it would have been seen.
            let is_refuted =
                counted[route].alone >= ALONE_SURE && !counted[route].alone_with.contains_key(&statement);
            if calls >= calls_min && !is_refuted {
                own[route].insert(statement);
            }
        }
    }
    let doing_of = |(route, place): (usize, &&Place)| {
        let counted = &counted[route];
        // What comes along again and again is its own, however seldom.
        let again =
            counted.alone_with.iter().filter(|(_, times)| **times >= 2).map(|(statement, _)| *statement);
        own[route].extend(again);
        let mut doing = doing(own[route].iter().map(|statement| &told.statements[*statement]));
        (doing.alone, doing.among) = (counted.alone, counted.among);
        if told.is_complete {
            doing.unexplained = unexplained(seen, &findings.members[*place], told, &doing.reads);
        }
        ((*place).clone(), doing)
    };
    places.iter().enumerate().map(doing_of).collect()
}

/// Of each route its moments; and all of them, to be fitted.
fn count(seen: &Seen, of: &HashMap<usize, usize>, told: &Told, routes: usize) -> (Vec<Counted>, Fit) {
    let mut counted: Vec<Counted> = (0..routes).map(|_| Counted::default()).collect();
    let mut fit = Fit::new(routes + 1);
    let mut active: Vec<usize> = Vec::new();
    let mut next = 0;
    for moment in &told.moments {
        while seen.exchanges.get(next).is_some_and(|exchange| exchange.began <= moment.to) {
            if seen.exchanges[next].form != Form::Tunnel {
                active.push(next);
            }
            next += 1;
        }
        active.retain(|number| seen.exchanges[*number].ended >= moment.from);
        let mut parts: BTreeMap<usize, f64> = BTreeMap::new();
        for number in &active {
            let exchange = &seen.exchanges[*number];
            let both = exchange.ended.min(moment.to).saturating_sub(exchange.began.max(moment.from));
            let part = if exchange.took().is_zero() {
                1.0
            } else {
                both.as_secs_f64() / exchange.took().as_secs_f64()
            };
            if let Some(route) = of.get(number) {
                *parts.entry(*route).or_default() += part;
            }
        }
        let only = (active.iter().all(|number| of.contains_key(number)) && parts.len() == 1)
            .then(|| parts.keys().next());
        match only.flatten().map(|route| &mut counted[*route]) {
            Some(own) if !moment.statements.is_empty() => {
                own.alone += 1;
                for (statement, _) in &moment.statements {
                    *own.alone_with.entry(*statement).or_default() += 1;
                }
            }
            Some(_) => {}
            None => {
                let busy = !moment.statements.is_empty();
                parts.keys().for_each(|route| counted[*route].among += usize::from(busy));
            }
        }
        let time = (routes, moment.to.saturating_sub(moment.from).as_secs_f64());
        fit.add(parts.into_iter().chain([time]).collect(), &moment.statements);
    }
    (counted, fit)
}

fn doing<'a>(statements: impl Iterator<Item = &'a Statement>) -> Doing {
    let mut doing = Doing::default();
    for statement in statements {
        for table in &statement.reads {
            let columns: BTreeSet<String> = statement
                .narrowed
                .iter()
                .filter(|(of, _)| of == table)
                .map(|(_, column)| column.clone())
                .collect();
            let known = doing.narrowed.get(table);
            let both = known.map_or(columns.clone(), |known| known.intersection(&columns).cloned().collect());
            doing.narrowed.insert(table.clone(), both);
        }
        doing.reads.extend(statement.reads.iter().cloned());
        doing.writes.extend(statement.writes.iter().cloned());
        doing.functions.extend(statement.functions.iter().cloned());
    }
    doing.narrowed.retain(|_, columns| !columns.is_empty());
    doing
}

/// Times an answer differed from the one before, although no statement that writes to these tables was run.
fn unexplained(seen: &Seen, members: &[usize], told: &Told, tables: &BTreeSet<String>) -> usize {
    let writes = |(statement, _): &(usize, u32)| {
        let written = &told.statements[*statement].writes;
        // Called by another name, in another schema: any table of that name will do.
        written.iter().any(|table| tables.iter().any(|read| last(read) == last(table)))
    };
    let written: Vec<_> = told.moments.iter().filter(|moment| moment.statements.iter().any(writes)).collect();
    let mut before: HashMap<(Digest, Digest), &Exchange> = HashMap::new();
    let mut count = 0;
    for exchange in members.iter().map(|number| &seen.exchanges[*number]) {
        let (Some(request), Some(_)) = (exchange.request, exchange.answer) else { continue };
        let Some(last) = before.insert((request, exchange.anybody()), exchange) else { continue };
        let is_explained =
            || written.iter().any(|moment| moment.to >= last.began && moment.from <= exchange.ended);
        count += usize::from(last.answer != exchange.answer && !is_explained());
    }
    count
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
