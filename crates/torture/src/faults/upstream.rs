//! The instances of the backend, which to the nodes are upstreams; PostgreSQL's own backends are others.
//!
//! One that is stopped (`SIGSTOP`) is one that takes connections and requests and says nothing: so is one behind a
//! network in which nothing arrives, until it does.

use std::time::Duration;

use tokio::time::sleep;

use super::{Fault, Stage};
use crate::backend::{Backend, Haste};
use crate::proxy::Weather;

/// Between one cut of the connections and the next.
const CUT_EVERY: Duration = Duration::from_millis(150);

impl Stage {
    /// One instance, or both, do worse for a while.
    pub(super) async fn upstream(&mut self, fault: Fault) -> anyhow::Result<()> {
        let first = self.dice.roll(self.backends.len() as u64) as usize;
        let all = self.dice.roll(2) == 0 || fault == Fault::UpstreamDown;
        let chosen = if all { &self.backends[..] } else { &self.backends[first..=first] };
        match fault {
            Fault::UpstreamStopped => weather(chosen, Weather::Lost),
            // It hears and writes, and nobody is told.
            Fault::UpstreamDeaf => weather(chosen, Weather::Deaf),
            Fault::UpstreamSlow => pace(chosen, Haste::Slow),
            Fault::UpstreamCut => {
                // So that there are answers under way to be cut.
                pace(chosen, Haste::Slow);
                for _ in 0..self.lasting.as_millis() / CUT_EVERY.as_millis() {
                    sleep(CUT_EVERY).await;
                    chosen.iter().for_each(|backend| backend.proxy.cut());
                }
            }
            _ => {
                weather(chosen, Weather::Closed);
                chosen.iter().for_each(|backend| backend.proxy.cut());
            }
        }
        if fault != Fault::UpstreamCut {
            self.wait().await;
        }
        pace(&self.backends, Haste::Usual);
        weather(&self.backends, Weather::Fair);
        Ok(())
    }
}

fn weather(backends: &[Backend], weather: Weather) {
    backends.iter().for_each(|backend| backend.proxy.weather(weather));
}

fn pace(backends: &[Backend], haste: Haste) {
    backends.iter().for_each(|backend| backend.pace.set(haste));
}
