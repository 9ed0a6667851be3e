//! Writers through the nodes, who read their own writes back: at the same node, and under a token at
//! another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::dice::{Dice, GROUPS, LABELS, PEOPLE, WEARING};
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
    members.chain(wears).skip(share).step_by(shares).collect()
}

/// Writes through the nodes while the run goes on.
pub(crate) async fn write_on(world: Arc<World>, share: usize, shares: usize) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed, 200 + share as u64);
    let mut session = Session::new(&world)?;
    let facts = owned(true, share, shares);
    let mut left_alone: HashMap<Fact, Instant> = HashMap::new();
    while world.moves() {
        let node = dice.roll(world.nodes.len() as u64) as usize;
        match dice.roll(10) {
            0..=5 => bump(&world, &mut session, &mut dice, node).await,
            6 | 7 => visit(&world, &mut session, node).await,
            _ => {
                let fact = facts[dice.roll(facts.len() as u64) as usize];
                if left_alone.get(&fact).is_none_or(|until| *until < Instant::now()) {
                    left_alone.remove(&fact);
                    if !change(&world, &mut session, fact, node).await {
                        left_alone.insert(fact, Instant::now() + UNKNOWN);
                    }
                }
            }
        }
        world.think(dice.roll(1000)).await;
    }
    Ok(())
}

async fn bump(world: &World, session: &mut Session, dice: &mut Dice, node: usize) {
    let key = dice.key();
    let body = json!({"target": key}).to_string();
    let Some(answer) = session.write(node, Method::POST, "/rpc/bump", &body).await else { return };
    // Null where another writer has just taken the row away.
    let Some(version) = answer.json().ok().and_then(|version| version.as_i64()) else { return };
    world.ledger.acknowledged(("items", key), version, Way::Through(node));
    acknowledged(world, || format!("items {key} {version} through node {node}"));
    session.wrote(&answer, ("items", key), version);
    // At the same node whatever the mode; at another, because the token says so.
    session.ask(&Question::point(key), Mode::Configured, node).await;
    session.ask(&Question::point(key), Mode::Token, (node + 1) % world.nodes.len()).await;
}

async fn visit(world: &World, session: &mut Session, node: usize) {
    // Groups below are visited around the nodes, and each of the others through one node alone: the node's
    // own count is then the group's.
    let group = GROUPS / 2 + node as i64;
    let body = json!({"group_id": group}).to_string();
    if session.write(node, Method::POST, "/visits", &body).await.is_some() {
        world.ledger.counted(("visits", group), Way::Through(node));
        acknowledged(world, || format!("visits {group} through node {node}"));
    }
}

/// Turns a fact over; whether it is known what became of that.
async fn change(world: &World, session: &mut Session, fact: Fact, node: usize) -> bool {
    let holds = !world.facts.holds(fact);
    let (table, body, filter) = match fact {
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
        Fact::Hidden | Fact::Granted => return true,
    };
    world.facts.starts(fact, holds, Way::Through(node));
    let written = if holds {
        // Where a change of unknown outcome has put it there already, there it stays.
        let target = format!("/{table}");
        session.write(node, Method::POST, &target, &body.to_string()).await
    } else {
        session.write(node, Method::DELETE, &format!("/{table}?{filter}"), "").await
    };
    if written.is_none() {
        return false;
    }
    world.facts.acknowledged(fact);
    acknowledged(world, || format!("{fact:?} {holds} through node {node}"));
    true
}

fn acknowledged(world: &World, told: impl Fn() -> String) {
    world.counts.writes.fetch_add(1, Relaxed);
    if world.logs() {
        world.note("acknowledged", &told());
    }
}
