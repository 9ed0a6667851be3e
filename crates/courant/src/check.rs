//! Trust, and verify: some hits are asked of the database again, and what it says is compared.
//!
//! The comparison is exact, not a matter of luck: the second answer is made after the hit, so once the cache
//! has proven that it applied everything acknowledged before that second answer arrived, an entry that is
//! still there must say the same. Never delays a request, and never asks more than one question at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache::{Key, Need};
use rest::Reads;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Answer;
use crate::consistency::Consistency;
use crate::node::Node;
use crate::request::query;
use crate::schema::Planned;
use crate::settled::Settled;

/// How long a check waits for the stream before it gives up.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Chooses hits, a few among many.
#[derive(Debug)]
pub(crate) struct Checks {
    /// One of so many hits; zero: none.
    every: u64,
    hits: AtomicU64,
    one: Arc<Semaphore>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The database says the same.
    Same,
    /// The entry was dropped meanwhile, as it should be, or nobody could tell.
    Undecided,
    /// The entry was older than it may be.
    Stale,
}

/// A hit that was chosen.
pub(crate) struct Chosen(OwnedSemaphorePermit);

impl Checks {
    pub(crate) fn new(every: u64) -> Checks {
        Checks { every, hits: AtomicU64::new(0), one: Arc::new(Semaphore::new(1)) }
    }

    /// Whether this hit is to be checked.
    pub(crate) fn choose(&self) -> Option<Chosen> {
        if self.every == 0 || !self.hits.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every) {
            return None;
        }
        Arc::clone(&self.one).try_acquire_owned().ok().map(Chosen)
    }
}

impl Outcome {
    /// One word of a closed list.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Same => "same",
            Outcome::Undecided => "undecided",
            Outcome::Stale => "stale",
        }
    }
}

/// Checks a hit, and drops everything if it was wrong: one wrong answer is seldom alone.
pub(crate) async fn run(
    node: Arc<Node>,
    chosen: Chosen,
    key: Key,
    planned: Arc<Planned>,
    session: Settled,
    answer: Answer,
) {
    let outcome = check(&node, &key, &planned, &session, &answer).await;
    if outcome == Outcome::Stale {
        node.cache.clear(|_, _| true);
    }
    node.telemetry.checked(outcome, answer.target());
    drop(chosen.0);
}

async fn check(node: &Node, key: &Key, planned: &Planned, session: &Settled, answer: &Answer) -> Outcome {
    // What has a time to live may be old by its owner's leave.
    if !matches!(&planned.plan.reads, Reads::Tracked(tracked) if tracked.ttl.is_none()) {
        return Outcome::Undecided;
    }
    let Ok(found) = query(node, planned, session).await else { return Outcome::Undecided };
    if !found.told.is_empty() {
        return Outcome::Undecided;
    }
    let now = node.clock.now();
    let Ok(fresh) = Answer::new(&planned.plan, found, true, answer.target()) else {
        return Outcome::Undecided;
    };
    if answer.is_same(&fresh) {
        return Outcome::Same;
    }
    // Roles and grants included: the second answer was given under those of now.
    let need = Need::within(now, Duration::ZERO);
    let applied = node.progress.reach(&node.cache, Consistency::Strict, need, WAIT_MAX).await;
    let stands = node.cache.current(key).is_some_and(|known| known.is_one_with(answer));
    if !applied || !stands || reordered(answer, &fresh) {
        return Outcome::Undecided;
    }
    if planned.plan.settled { Outcome::Stale } else { Outcome::Undecided }
}

/// Whether two answers hold the same rows in another order, which SQL allows where none was asked for.
fn reordered(one: &Answer, other: &Answer) -> bool {
    let sorted = |answer: &Answer| serde_json::from_slice::<Value>(answer.body()).ok().map(sort);
    one.has_head_of(other) && sorted(one).is_some_and(|one| Some(one) == sorted(other))
}

/// Every array in order of its elements' text.
fn sort(value: Value) -> Value {
    match value {
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(sort).collect();
            values.sort_by_cached_key(Value::to_string);
            Value::Array(values)
        }
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, sort(value))).collect())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hit_of_so_many_is_chosen_and_one_at_a_time() {
        let checks = Checks::new(3);
        let first = checks.choose();
        assert!(first.is_some() && checks.choose().is_none() && checks.choose().is_none());
        assert!(checks.choose().is_none(), "the first has not ended");
        drop(first);
        assert_eq!((0..6).filter(|_| checks.choose().is_some()).count(), 2);
        assert!(Checks::new(0).choose().is_none());
    }

    #[test]
    fn order_is_forgotten_and_nothing_else() {
        let sorted = |text: &str| sort(serde_json::from_str(text).unwrap());
        assert_eq!(sorted(r#"[{"a":[2,1]},{"a":[]}]"#), sorted(r#"[{"a":[]},{"a":[1,2]}]"#));
        assert_ne!(sorted("[1,1,2]"), sorted("[1,2,2]"));
    }
}
