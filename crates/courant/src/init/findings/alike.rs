//! How much alike the answers of a route are: for one user, between users, and which place in the request tells
//! these apart.
//!
//! Answers to the same request are compared with the one before, in the order in which they were asked for: what
//! changes now and then differs now and then, not from every other.

use std::collections::{HashMap, HashSet};

use crate::init::journal::{Digest, Exchange, Seen};
use crate::init::who;

/// A place explains answers when knowing it leaves so much less unexplained, in hundredths.
const MARGIN: f64 = 0.02;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::init) struct Share {
    pub(in crate::init) same: usize,
    pub(in crate::init) compared: usize,
}

/// What comparing the answers of a route says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::init) struct Alike {
    /// The same request of the same user.
    pub(in crate::init) for_one: Share,
    /// The same request of two users.
    pub(in crate::init) between: Share,
    /// Where it says who asks.
    pub(in crate::init) separator: Option<Separator>,
    /// All the places where requests of the route say who asks.
    pub(in crate::init) places: Vec<String>,
}

/// The place in a request that tells users apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::init) struct Separator {
    /// `jwt.sub`, `cookie.sid`
    pub(in crate::init) place: String,
    /// Different values seen there.
    pub(in crate::init) users: usize,
    /// Whether answers differ by it; else all that is known is that it may.
    pub(in crate::init) is_needed: bool,
    /// Whether nobody was known by another place alone.
    pub(in crate::init) is_in_all: bool,
}

impl Share {
    pub(in crate::init) fn rate(self) -> f64 {
        if self.compared == 0 { 1.0 } else { self.same as f64 / self.compared as f64 }
    }

    fn add(&mut self, is_same: bool) {
        self.compared += 1;
        self.same += usize::from(is_same);
    }
}

pub(super) fn of(own: &[&Exchange], seen: &Seen) -> Alike {
    let told: HashSet<u16> =
        own.iter().flat_map(|exchange| exchange.who.iter().map(|(place, _)| *place)).collect();
    let mut places: Vec<u16> = told.into_iter().collect();
    places.sort_by_key(|place| {
        let name = &seen.places[usize::from(*place)];
        (who::rank(name), name.clone())
    });
    let name = |place: u16| seen.places[usize::from(place)].clone();
    let for_all = within(own, |_| None);
    let by = |place: u16| within(own, |exchange| exchange.by(place));
    let shares: Vec<(u16, Share)> = places.iter().map(|place| (*place, by(*place))).collect();
    let best = shares.iter().map(|(_, share)| share.rate()).fold(for_all.rate(), f64::max);
    // One whose values never meet the same request again explains nothing: it was never put to the test.
    let explains = |(_, share): &&(u16, Share)| share.compared > 0 && share.rate() >= best - MARGIN;
    let found = shares.iter().find(explains);
    let (for_one, between) = match found {
        Some((place, share)) => (*share, across(own, *place)),
        None => (for_all, Share::default()),
    };
    let separator = found.map(|(place, share)| Separator {
        place: name(*place),
        users: own.iter().filter_map(|exchange| exchange.by(*place)).collect::<HashSet<_>>().len(),
        is_in_all: own.iter().all(|exchange| exchange.who.is_empty() || exchange.by(*place).is_some()),
        is_needed: between.compared > 0 && between.rate() < share.rate() - MARGIN,
    });
    Alike { for_one, between, separator, places: places.into_iter().map(name).collect() }
}

/// How often the same request of the same group got the same answer as the time before.
fn within(own: &[&Exchange], group: impl Fn(&Exchange) -> Option<Digest>) -> Share {
    let mut last: HashMap<(Digest, Option<Digest>), Digest> = HashMap::new();
    let mut share = Share::default();
    for exchange in own {
        if let (Some(request), Some(answer)) = (exchange.request, exchange.answer)
            && let Some(before) = last.insert((request, group(exchange)), answer)
        {
            share.add(before == answer);
        }
    }
    share
}

/// How often the same request got the same answer as the time before, when another user asked.
fn across(own: &[&Exchange], place: u16) -> Share {
    let mut last: HashMap<Digest, (Digest, Digest)> = HashMap::new();
    let mut share = Share::default();
    for exchange in own {
        if let (Some(request), Some(answer), Some(user)) =
            (exchange.request, exchange.answer, exchange.by(place))
            && let Some((other, before)) = last.insert(request, (user, answer))
            && other != user
        {
            share.add(before == answer);
        }
    }
    share
}
