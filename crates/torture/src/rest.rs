//! At rest: nothing moves any more, and every answer is compared with the database.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::Context as _;

use crate::client::{Answered, Browser, bearer};
use crate::dice::PEOPLE;
use crate::faults::Stage;
use crate::question::Question;
use crate::world::World;

/// Compares every question's answer at every node with what the database gives to the same question in other
/// words, which cannot hit.
pub(crate) async fn compare(stage: &mut Stage) -> anyhow::Result<()> {
    let world = Arc::clone(&stage.world);
    // Nothing was lost on the way.
    for lost in world.ledger.recover(&stage.database.held().await?) {
        world.violated(&lost);
    }
    for node in &mut stage.nodes {
        node.until_at_rest().await?;
        compare_at(&world, &mut Browser::new(node.clients)).await?;
    }
    Ok(())
}

async fn compare_at(world: &World, browser: &mut Browser) -> anyhow::Result<()> {
    let people: Vec<String> = (0..PEOPLE).map(bearer).collect::<Result<_, _>>()?;
    for (number, question) in Question::all().into_iter().enumerate() {
        let mut headers: Vec<(&str, &str)> = Vec::new();
        if question.personal() {
            headers.push(("authorization", &people[question.person as usize]));
        }
        if question.counts() {
            headers.push(("prefer", "count=exact"));
        }
        let target = question.target();
        let other = format!("{target}&and=(id.gt.-{})", 10_000 + number);
        let mut ask = async |target: &str| {
            let answer = browser.send(question.method(), target, &headers, "").await;
            answer.with_context(|| format!("{target}, when nothing moved"))
        };
        let cached = ask(&target).await?;
        let fresh = ask(&other).await?;
        world.counts.compared.fetch_add(1, Relaxed);
        world.counts.compared_hits.fetch_add(u64::from(cached.is_hit()), Relaxed);
        let range = |answer: &Answered| answer.header("content-range").to_owned();
        let alike = cached.status == fresh.status && range(&cached) == range(&fresh);
        if !alike || cached.body != fresh.body || !cached.status.is_success() {
            let cache = cached.header("cache-status");
            world.violated(&format!("at rest, {target} [{cache}]: {cached:?} is not {fresh:?}"));
        }
    }
    Ok(())
}
