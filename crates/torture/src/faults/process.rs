//! Processes that stop, die, and take over.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::Stage;
use crate::node::signal;
use crate::proxy::Weather;

impl Stage {
    /// The walsenders that feed the nodes stop where they stand.
    pub(super) async fn walsender_stopped(&mut self) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        let senders = "select active_pid from pg_replication_slots where slot_type = 'logical' and active";
        let rows = client.query(senders, &[]).await?;
        let pids: Vec<u32> = rows.iter().map(|row| row.get::<_, i32>(0).cast_unsigned()).collect();
        // One that has ended meanwhile needs nothing.
        pids.iter().for_each(|pid| drop(signal(*pid, "-STOP")));
        self.wait().await;
        pids.iter().for_each(|pid| drop(signal(*pid, "-CONT")));
        Ok(())
    }

    pub(super) async fn courant_stopped(&mut self) -> anyhow::Result<()> {
        let node = self.some_node();
        if let Some(pid) = self.nodes[node].pid() {
            signal(pid, "-STOP")?;
            self.wait().await;
            signal(pid, "-CONT")?;
        }
        Ok(())
    }

    pub(super) async fn courant_killed(&mut self) -> anyhow::Result<()> {
        let node = self.some_node();
        self.nodes[node].kill();
        self.nodes[node].start()
    }

    pub(super) async fn postgres_stopped(&mut self) -> anyhow::Result<()> {
        self.database.pause();
        self.wait().await;
        self.database.resume();
        Ok(())
    }

    /// The primary dies and recovers; what it never flushed is gone.
    pub(super) async fn postgres_killed(&mut self) -> anyhow::Result<()> {
        self.down();
        self.database.crash().await?;
        self.up().await
    }

    /// The primary dies, the standby takes over, and a new one is made from it.
    pub(super) async fn promotion(&mut self) -> anyhow::Result<()> {
        // Connections to the dead primary sometimes hang instead of breaking.
        let lost = self.dice.roll(2) == 0;
        if lost {
            self.proxies.iter().for_each(|proxy| proxy.weather(Weather::Lost));
            self.wait().await;
        }
        self.down();
        self.database.promote().await?;
        self.proxies.iter().for_each(|proxy| proxy.lead_to(self.database.port()));
        self.up().await?;
        self.database.make_standby().await
    }

    /// Nobody gets to a primary any more; those who are there still are.
    fn down(&self) {
        self.world.down();
        self.proxies.iter().for_each(|proxy| proxy.weather(Weather::Closed));
    }

    async fn up(&self) -> anyhow::Result<()> {
        // Whatever still hangs leads to the dead.
        self.proxies.iter().for_each(crate::proxy::Proxy::cut);
        let held = self.database.held().await?;
        self.world.up(self.database.uri(), &held);
        self.proxies.iter().for_each(|proxy| proxy.weather(Weather::Fair));
        Ok(())
    }

    /// Commits wait, though the log already tells of them.
    pub(super) async fn standby_away(&mut self) -> anyhow::Result<()> {
        self.database.pause_standby();
        self.wait().await;
        self.database.resume_standby();
        Ok(())
    }

    pub(super) async fn backends_terminated(&mut self, which: &str) -> anyhow::Result<()> {
        let terminate = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where {which} and pid <> pg_backend_pid()"
        );
        self.database.client().await?.batch_execute(&terminate).await?;
        Ok(())
    }

    /// A temporary slot cannot be dropped while it is used, and goes with its walsender.
    pub(super) async fn slot_dropped(&mut self) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        let active = "from pg_replication_slots where slot_type = 'logical' and active";
        let before = client.query(&format!("select slot_name {active}"), &[]).await?;
        let names: Vec<String> = before.iter().map(|row| row.get(0)).collect();
        client.batch_execute(&format!("select pg_terminate_backend(active_pid) {active}")).await?;
        let began = Instant::now();
        let left = "select 1 from pg_replication_slots where slot_name = any($1)";
        while !client.query(left, &[&names]).await?.is_empty() {
            ensure!(began.elapsed() < Duration::from_secs(30), "a slot outlived its walsender");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
