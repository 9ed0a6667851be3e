//! Writers through the nodes, by Courant's own API and by the backend behind it, who read their own writes back:
//! at the same node, and under a token at another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::dice::{DESKS, Dice, GROUPS, LABELS, PEOPLE, WEARING};
use crate::facts::Fact;
use crate::ledger::Way;
use crate::question::Question;
use crate::session::{Mode, Session};
use crate::world::World;

/// How long a fact is left alone when nobody knows what became of a change: a statement may still wait in
/// a node, and time out there.
const UNKNOWN: Duration = Duration::from_secs(60);

/// A writer's own share of the facts.
pub(crate) fn owned(through: bool, share: usize, shares: usize) -> Vec<Fact> {
    let members = (0..PEOPLE)
        .flat_map(|person| (0..GROUPS).map(move |group| (person, group)))
        .filter(|(person, group)| person != group && (*person >= PEOPLE / 2) == through)
        .map(|(person, group)| Fact::Member(person, group));
    let wears = (0..WEARING)
        .flat_map(|item| (0..LABELS).map(move |label| (item, label)))
        .filter(|(item, _)| (item % 2 == 1) == through)
        .map(|(item, label)| Fact::Wears(item, label));
    let desks = (0..DESKS).filter(|desk| (*desk % 2 == 1) == through).map(Fact::Moved);
    members.chain(wears).chain(desks).skip(share).step_by(shares).collect()
}

/// Writes through the nodes while the run goes on.
pub(crate) async fn write_on(world: Arc<World>, share: usize, shares: usize) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed, 200 + share as u64);
    let mut session = Session::new(&world)?;
    let facts = owned(true, share, shares);
    let mut left_alone: HashMap<Fact, Instant> = HashMap::new();
    while world.moves() {
        let node = dice.roll(world.nodes.len() as u64) as usize;
        let by = if dice.roll(2) == 0 { By::Api } else { By::Backend };
        match dice.roll(10) {
            0..=5 => bump(&world, &mut session, dice.key(), by, node).await,
            6 | 7 => visit(&world, &mut session, by, node).await,
            _ => {
                let fact = facts[dice.roll(facts.len() as u64) as usize];
                if left_alone.get(&fact).is_none_or(|until| *until < Instant::now()) {
                    left_alone.remove(&fact);
                    if !change(&world, &mut session, fact, by, node).await {
                        left_alone.insert(fact, Instant::now() + UNKNOWN);
                    }
                }
            }
        }
        world.think(dice.roll(1000)).await;
    }
    Ok(())
}

/// Who writes, behind the node that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Courant itself.
    Api,
    /// The backend, of which the node only learns that a request was not safe.
    Backend,
}

async fn bump(world: &World, session: &mut Session, key: i64, by: By, node: usize) {
    let (target, body) = match by {
        By::Api => ("/rest/v1/rpc/bump".to_owned(), json!({"target": key}).to_string()),
        By::Backend => (format!("/app/items/{key}/bump"), String::new()),
    };
    let Some(answer) = session.write(node, Method::POST, &target, &body).await else { return };
    // Null where another writer has just taken the row away.
    let Some(version) = answer.json().ok().and_then(|version| version.as_i64()) else { return };
    world.ledger.acknowledged(("items", key), version, Way::Through(node));
    acknowledged(world, by, || format!("items {key} {version} through node {node}, {by:?}"));
    session.wrote(&answer, ("items", key), version);
    for question in Question::about(key) {
        // At the same node whatever the mode; at another, because the token says so.
        session.ask(&question, Mode::Configured, node).await;
        session.ask(&question, Mode::Token, (node + 1) % world.nodes.len()).await;
    }
}

async fn visit(world: &World, session: &mut Session, by: By, node: usize) {
    // Groups below are visited around the nodes, and each of the others through one node alone: the node's
    // own count is then the group's.
    let group = GROUPS / 2 + node as i64;
    let (target, body) = match by {
        By::Api => ("/rest/v1/visits".to_owned(), json!({"group_id": group}).to_string()),
        By::Backend => (format!("/app/visits/{group}"), String::new()),
    };
    if session.write(node, Method::POST, &target, &body).await.is_some() {
        world.ledger.counted(("visits", group), Way::Through(node));
        acknowledged(world, by, || format!("visits {group} through node {node}, {by:?}"));
    }
}

/// Turns a fact over; whether it is known what became of that.
async fn change(world: &World, session: &mut Session, fact: Fact, by: By, node: usize) -> bool {
    let holds = !world.facts.holds(fact);
    let request = match by {
        By::Api => at_api(fact, holds),
        By::Backend => at_backend(fact, holds),
    };
    let Some((method, target, body)) = request else { return true };
    world.facts.starts(fact, holds, Way::Through(node));
    if session.write(node, method, &target, &body).await.is_none() {
        return false;
    }
    world.facts.acknowledged(fact);
    acknowledged(world, by, || format!("{fact:?} {holds} through node {node}, {by:?}"));
    true
}

/// The request by which Courant's own API makes something so, or not so.
fn at_api(fact: Fact, holds: bool) -> Option<(Method, String, String)> {
    let (table, row, filter) = match fact {
        Fact::Member(person, group) => (
            "members",
            json!({"person": format!("p{person}"), "group_id": group}),
            format!("person=eq.p{person}&group_id=eq.{group}"),
        ),
        Fact::Wears(item, label) => (
            "wears",
            json!({"item_id": item, "label_id": label}),
            format!("item_id=eq.{item}&label_id=eq.{label}"),
        ),
        Fact::Moved(desk) => {
            let row = json!({"room": i64::from(holds)}).to_string();
            return Some((Method::PATCH, format!("/rest/v1/desks?id=eq.{desk}"), row));
        }
        Fact::Hidden | Fact::Granted => return None,
    };
    Some(if holds {
        // Where a change of unknown outcome has put it there already, there it stays.
        (Method::POST, format!("/rest/v1/{table}"), row.to_string())
    } else {
        (Method::DELETE, format!("/rest/v1/{table}?{filter}"), String::new())
    })
}

/// The same at the backend.
fn at_backend(fact: Fact, holds: bool) -> Option<(Method, String, String)> {
    let target = match fact {
        Fact::Member(person, group) => format!("/app/members/p{person}/{group}"),
        Fact::Wears(item, label) => format!("/app/wears/{item}/{label}"),
        Fact::Moved(desk) => format!("/app/desks/{desk}"),
        Fact::Hidden | Fact::Granted => return None,
    };
    Some((Method::PATCH, target, holds.to_string()))
}

fn acknowledged(world: &World, by: By, told: impl Fn() -> String) {
    world.counts.writes.fetch_add(1, Relaxed);
    world.counts.backend_writes.fetch_add(u64::from(by == By::Backend), Relaxed);
    if world.logs() {
        world.note("acknowledged", &told());
    }
}
