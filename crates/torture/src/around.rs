//! Writers around the nodes, in every way that a client of PostgreSQL may write.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Error};

use crate::dice::{Dice, GROUPS, LABELS, WEARING};
use crate::facts::Fact;
use crate::ledger::{RowKey, Way};
use crate::through::owned;
use crate::world::World;

/// How long a fact is left alone when nobody knows what became of a change.
const UNKNOWN: Duration = Duration::from_secs(5);

/// A savepoint that was rolled back, and one that was kept.
const ABORTED: &str =
    "begin; savepoint a; update items set note = 'gone' where id < 3; rollback to a; savepoint b";

/// Above `logical_decoding_work_mem`: streamed while it runs.
const LARGE: &str = "begin; insert into bulk select n, repeat('x', 300) from generate_series(1, 600) n \
    on conflict (id) do update set filler = excluded.filler || 'y'";

type Written = Result<Vec<(RowKey, i64)>, Error>;

/// Writes while the run goes on, over one connection after another.
pub(crate) async fn write_on(world: Arc<World>, share: usize, shares: usize) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed, 100 + share as u64);
    let facts = owned(false, share, shares);
    let mut left_alone: HashMap<Fact, Instant> = HashMap::new();
    let mut client: Option<Client> = None;
    let mut round = 0_u64;
    while world.moves() {
        let connected = match client.take().filter(|client| !client.is_closed()) {
            Some(connected) => connected,
            None => match prepared_to_write(&world, share).await {
                Ok(connected) => connected,
                Err(_) => continue,
            },
        };
        round += 1;
        let era = world.era();
        if dice.roll(10) < 2 {
            let fact = facts[dice.roll(facts.len() as u64) as usize];
            if left_alone.get(&fact).is_none_or(|until| *until < Instant::now())
                && !change(&world, &connected, fact).await
            {
                left_alone.insert(fact, Instant::now() + UNKNOWN);
            }
        } else {
            let gid = format!("x{share}-{round}");
            let (way, written) = write(&connected, &mut dice, &gid).await;
            acknowledge(&world, era, way, written.as_deref().unwrap_or_default());
            if written.is_err() {
                // A deadlock among the writers, or a backend terminated on purpose.
                let _ = connected.batch_execute("rollback").await;
            }
        }
        client = Some(connected);
        world.think(dice.roll(1000)).await;
    }
    Ok(())
}

async fn prepared_to_write(world: &World, share: usize) -> anyhow::Result<Client> {
    let client = world.connect().await?;
    // What was prepared over a connection that broke would hold its locks for ever.
    let left = "select gid from pg_prepared_xacts where gid like $1";
    for row in client.query(left, &[&format!("x{share}-%")]).await? {
        client.batch_execute(&format!("rollback prepared '{}'", row.get::<_, &str>(0))).await?;
    }
    Ok(client)
}

fn acknowledge(world: &World, era: u64, way: Way, written: &[(RowKey, i64)]) {
    if world.era() != era {
        return;
    }
    for &(key, version) in written {
        match key.0 {
            "visits" => world.ledger.counted(key, way),
            _ => world.ledger.acknowledged(key, version, way),
        }
    }
    world.counts.writes.fetch_add(u64::from(!written.is_empty()), Relaxed);
    if world.logs() {
        world.note("acknowledged", &format!("{written:?} {way:?}"));
    }
}

async fn write(client: &Client, dice: &mut Dice, gid: &str) -> (Way, Written) {
    let key = dice.key();
    let one = |table: &str, key: i64| {
        format!("update {table} set version = version + 1 where id = {key} returning id::bigint, version")
    };
    let (item, group) = (one("items", key), key % GROUPS);
    let written = match dice.roll(20) {
        0..=4 => transaction(client, "items", "begin", &item, "commit").await,
        5 => prepared(client, key).await,
        6 => transaction(client, "docs", "begin", &one("docs", key), "commit").await,
        7 => transaction(client, "groups", "begin", &one("groups", group), "commit").await,
        8 => transaction(client, "labels", "begin", &one("labels", key % LABELS), "commit").await,
        9 | 10 => {
            let off = "begin; set local synchronous_commit = off";
            return (Way::Lossy, transaction(client, "items", off, &item, "commit").await);
        }
        11 | 12 => transaction(client, "items", ABORTED, &item, "release b; commit").await,
        13 => {
            let ranks = include_str!("sql/ranks.sql").replace("$1", &group.to_string());
            transaction(client, "items", "begin", &ranks, "commit").await
        }
        14 => {
            let two = format!("prepare transaction '{gid}'; commit prepared '{gid}'");
            transaction(client, "items", "begin", &item, &two).await
        }
        15 => transaction(client, "items", LARGE, &item, "commit").await,
        16 => reinsert(client, WEARING + key % (crate::dice::KEYS - WEARING)).await,
        17 => truncate(client).await,
        _ => {
            let visited = group % 2;
            let visit = format!("insert into visits (group_id) values ({visited})");
            client.batch_execute(&visit).await.map(|()| vec![(("visits", visited), 0)])
        }
    };
    (Way::Around, written)
}

async fn transaction(
    client: &Client,
    table: &'static str,
    before: &str,
    update: &str,
    after: &str,
) -> Written {
    client.batch_execute(before).await?;
    let rows = client.query(update, &[]).await?;
    for command in after.split("; ") {
        client.batch_execute(command).await?;
    }
    Ok(rows.iter().map(|row| ((table, row.get(0)), row.get(1))).collect())
}

async fn prepared(client: &Client, key: i64) -> Written {
    let update = "update items set version = version + 1 where id = $1 returning id, version";
    let statement = client.prepare(update).await?;
    let rows = client.query(&statement, &[&key]).await?;
    Ok(rows.iter().map(|row| (("items", row.get(0)), row.get(1))).collect())
}

/// The row leaves, under another key and then altogether, and is back with a higher version.
async fn reinsert(client: &Client, key: i64) -> Written {
    client.batch_execute(&format!("update items set id = id + 1000 where id = {key}")).await?;
    client.batch_execute("begin").await?;
    client.batch_execute(&include_str!("sql/reinsert.sql").replace("$1", &key.to_string())).await?;
    let row = client.query_opt("select id, version from items where id = $1", &[&key]).await?;
    client.batch_execute("commit").await?;
    Ok(row.iter().map(|row| (("items", row.get(0)), row.get(1))).collect())
}

async fn truncate(client: &Client) -> Written {
    client.batch_execute("begin; lock table scratch in access exclusive mode").await?;
    let next: i64 = client.query_one("select coalesce(max(version), 0) + 1 from scratch", &[]).await?.get(0);
    client
        .batch_execute(&format!(
            "truncate scratch; insert into scratch select n, {next} from generate_series(0, 9) n; commit"
        ))
        .await?;
    Ok((0..10).map(|id| (("scratch", id), next)).collect())
}

/// Turns a fact over; whether it is known what became of that.
async fn change(world: &World, client: &Client, fact: Fact) -> bool {
    let holds = !world.facts.holds(fact);
    let statement = match (fact, holds) {
        (Fact::Member(person, group), true) => {
            format!("insert into members values ('p{person}', {group}) on conflict do nothing")
        }
        (Fact::Member(person, group), false) => {
            format!("delete from members where person = 'p{person}' and group_id = {group}")
        }
        (Fact::Wears(item, label), true) => {
            format!("insert into wears values ({item}, {label}) on conflict do nothing")
        }
        (Fact::Wears(item, label), false) => {
            format!("delete from wears where item_id = {item} and label_id = {label}")
        }
        (Fact::Moved(desk), _) => {
            format!("update desks set room = {} where id = {desk}", i64::from(holds))
        }
        (Fact::Hidden | Fact::Granted, _) => return true,
    };
    let era = world.era();
    world.facts.starts(fact, holds, Way::Around);
    let known = client.batch_execute(&statement).await.is_ok() && world.era() == era;
    if known {
        world.facts.acknowledged(fact);
        world.counts.writes.fetch_add(1, Relaxed);
        if world.logs() {
            world.note("acknowledged", &format!("{fact:?} {holds} around"));
        }
    }
    known
}
