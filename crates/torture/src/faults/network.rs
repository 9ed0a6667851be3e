//! The network between a node and PostgreSQL.

use std::time::Duration;

use super::{Fault, Stage};
use crate::proxy::Weather;

impl Stage {
    /// One node's network goes bad for a while, and comes back with or without its connections.
    pub(super) async fn network(&mut self, fault: Fault) -> anyhow::Result<()> {
        let node = self.some_node();
        let (slow_ms, keeps) = (5 + self.dice.roll(200), self.dice.roll(2) == 0);
        let proxy = &self.proxies[node];
        match fault {
            Fault::NetworkSlow => proxy.weather(Weather::Slow(Duration::from_millis(slow_ms))),
            Fault::NetworkLost => proxy.weather(Weather::Lost),
            Fault::NetworkDeaf => proxy.weather(Weather::Deaf),
            _ => {
                proxy.weather(Weather::Closed);
                proxy.cut();
            }
        }
        self.wait().await;
        if !keeps {
            proxy.cut();
        }
        proxy.weather(Weather::Fair);
        Ok(())
    }
}
