//! At rest: nothing moves any more, and every answer is compared with the database.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::Context as _;

use crate::backend::Haste;
use crate::client::{Answered, Browser, Person};
use crate::faults::Stage;
use crate::question::Question;
use crate::world::World;

/// Compares every question's answer at every node with what the database gives to the same question in other
/// words, which cannot hit; for the backend's routes, with what the backend itself answers.
pub(crate) async fn compare(stage: &mut Stage) -> anyhow::Result<()> {
    let world = Arc::clone(&stage.world);
    // Nothing was lost on the way.
    for lost in world.ledger.recover(&stage.database.held().await?) {
        world.violated(&lost);
    }
    stage.backends.iter().for_each(|backend| backend.pace.set(Haste::Prompt));
    for node in &mut stage.nodes {
        node.until_at_rest().await?;
        let backend = Browser::new(stage.backends[0].address);
        compare_at(&world, Browser::new(node.clients), backend).await?;
    }
    Ok(())
}

async fn compare_at(world: &World, mut node: Browser, mut backend: Browser) -> anyhow::Result<()> {
    let people = Person::all()?;
    for (number, question) in Question::all().into_iter().enumerate() {
        let (target, body) = (question.target(), question.body());
        let headers = question.headers(&people);
        let ask = async |browser: &mut Browser, target: &str| {
            let answer = browser.send(question.method(), target, &headers, &body).await;
            answer.with_context(|| format!("{target}, when nothing moved"))
        };
        let cached = ask(&mut node, &target).await?;
        let fresh = if question.is_for_backend() {
            ask(&mut backend, &target).await?
        } else {
            ask(&mut node, &format!("{target}&and=(id.gt.-{})", 10_000 + number)).await?
        };
        world.counts.compared.fetch_add(1, Relaxed);
        world.counts.compared_hits.fetch_add(u64::from(cached.is_hit()), Relaxed);
        let range = |answer: &Answered| answer.header("content-range").to_owned();
        let alike = cached.status == fresh.status && range(&cached) == range(&fresh);
        if !alike || cached.body != fresh.body || question.shown(&cached)?.is_none() {
            let cache = cached.header("cache-status");
            world.violated(&format!("at rest, {target} [{cache}]: {cached:?} is not {fresh:?}"));
        }
    }
    Ok(())
}
