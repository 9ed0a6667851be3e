//! What goes wrong: one fault after another, each found by the load at work, each healed before the next.
//!
//! A fault is a name and a function. A run that is long enough plays all of them, shuffled, again and again.

mod network;
mod process;
mod schema;
mod upstream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::backend::Backend;
use crate::database::Database;
use crate::dice::Dice;
use crate::node::Node;
use crate::proxy::Proxy;
use crate::world::World;

/// What faults are played to.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) database: Database,
    pub(crate) nodes: Vec<Node>,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) backends: Vec<Backend>,
    pub(crate) dice: Dice,
    /// How long a fault lasts that is over when it is healed.
    pub(crate) lasting: Duration,
}

/// Everything that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    WalsenderStopped,
    CourantStopped,
    CourantKilled,
    PostgresStopped,
    PostgresKilled,
    BackendsTerminated,
    AllBackendsTerminated,
    NetworkCut,
    NetworkSlow,
    NetworkLost,
    NetworkDeaf,
    StandbyAway,
    Promotion,
    SlotDropped,
    EveryRowUpdated,
    Truncated,
    ColumnAdded,
    IndexAdded,
    TableReplaced,
    PolicyChanged,
    GrantRevoked,
    MembershipsTurned,
    PublicationDropped,
    PublicationNarrowed,
    IdentityFull,
    IdentityIndex,
    IdentityNothing,
    UpstreamStopped,
    UpstreamDeaf,
    UpstreamCut,
    UpstreamSlow,
    UpstreamDown,
}

use Fault::*;

/// All faults, and what they are called.
const ALL: [(Fault, &str); 32] = [
    (WalsenderStopped, "walsender stopped"),
    (CourantStopped, "courant stopped"),
    (CourantKilled, "courant killed"),
    (PostgresStopped, "postgres stopped"),
    (PostgresKilled, "postgres killed"),
    (BackendsTerminated, "backends terminated"),
    (AllBackendsTerminated, "all backends terminated"),
    (NetworkCut, "network cut"),
    (NetworkSlow, "network slow"),
    (NetworkLost, "network lost"),
    (NetworkDeaf, "network deaf"),
    (StandbyAway, "standby away"),
    (Promotion, "promotion"),
    (SlotDropped, "slot dropped"),
    (EveryRowUpdated, "every row updated"),
    (Truncated, "truncated"),
    (ColumnAdded, "column added and dropped"),
    (IndexAdded, "index added and dropped"),
    (TableReplaced, "table renamed and back"),
    (PolicyChanged, "policy changed"),
    (GrantRevoked, "grant revoked"),
    (MembershipsTurned, "memberships turned at once"),
    (PublicationDropped, "publication dropped"),
    (PublicationNarrowed, "publication narrowed"),
    (IdentityFull, "identity full"),
    (IdentityIndex, "identity by index"),
    (IdentityNothing, "identity nothing"),
    (UpstreamStopped, "upstream stopped"),
    (UpstreamDeaf, "upstream deaf"),
    (UpstreamCut, "upstream cut"),
    (UpstreamSlow, "upstream slow"),
    (UpstreamDown, "upstream down"),
];

/// Those of a short run: each is over within a second.
const SHORT: [Fault; 13] = [
    WalsenderStopped,
    CourantKilled,
    BackendsTerminated,
    NetworkCut,
    SlotDropped,
    EveryRowUpdated,
    ColumnAdded,
    PolicyChanged,
    PublicationNarrowed,
    IdentityFull,
    UpstreamStopped,
    UpstreamCut,
    UpstreamDown,
];

impl Stage {
    /// Plays faults until the time is over.
    pub(crate) async fn play_on(&mut self, end: Instant, short: bool) -> anyhow::Result<()> {
        let mut faults: Vec<(Fault, &'static str)> = ALL
            .into_iter()
            .filter(|(fault, _)| if short { SHORT.contains(fault) } else { true })
            .filter(|(fault, _)| self.database.has_standby() || ![StandbyAway, Promotion].contains(fault))
            .collect();
        // Long enough for the cache to open and fill, so that the next fault finds it at work.
        let calm = Duration::from_millis(if short { 400 } else { 1500 });
        while Instant::now() < end {
            self.dice.shuffle(&mut faults);
            for &(fault, name) in &faults {
                sleep(calm).await;
                if Instant::now() + self.lasting > end {
                    return Ok(());
                }
                self.world.note("fault", name);
                *self.world.counts.playing.lock() = name;
                self.play(fault).await.with_context(|| format!("while playing: {name}"))?;
                *self.world.counts.faults.lock().entry(name).or_default() += 1;
                self.world.note("healed", name);
                *self.world.counts.playing.lock() = "calm";
                self.nodes.iter_mut().try_for_each(Node::check)?;
            }
        }
        Ok(())
    }

    async fn play(&mut self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            WalsenderStopped => self.walsender_stopped().await,
            CourantStopped => self.courant_stopped().await,
            CourantKilled => self.courant_killed().await,
            PostgresStopped => self.postgres_stopped().await,
            PostgresKilled => self.postgres_killed().await,
            BackendsTerminated => self.backends_terminated("application_name = 'courant'").await,
            AllBackendsTerminated => self.backends_terminated("backend_type = 'client backend'").await,
            NetworkCut | NetworkSlow | NetworkLost | NetworkDeaf => self.network(fault).await,
            StandbyAway => self.standby_away().await,
            Promotion => self.promotion().await,
            SlotDropped => self.slot_dropped().await,
            EveryRowUpdated => self.every_row_updated().await,
            Truncated => self.truncated().await,
            PolicyChanged => self.policy_changed().await,
            GrantRevoked => self.grant_revoked().await,
            MembershipsTurned => self.memberships_turned().await,
            UpstreamStopped | UpstreamDeaf | UpstreamCut | UpstreamSlow | UpstreamDown => {
                self.upstream(fault).await
            }
            _ => self.passing(schema::statements(fault)).await,
        }
    }

    /// One of the nodes.
    fn some_node(&mut self) -> usize {
        self.dice.roll(self.nodes.len() as u64) as usize
    }

    /// For as long as a fault lasts.
    async fn wait(&self) {
        // The length of the fault itself: nothing is waited for.
        sleep(self.lasting).await;
    }
}
