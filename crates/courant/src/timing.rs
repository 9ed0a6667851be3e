//! How long the stages of a request took, told to its client (`Server-Timing`) where the configuration says so.

use std::fmt::Write as _;

use cache::Moment;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Clock;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The stages that are over. PostgREST's names: `jwt`, `parse` (here also the body's arrival), `plan`, `transaction`
/// (here also a look into the cache), `response`.
#[derive(Debug)]
pub(crate) struct Stages {
    clock: Clock,
    last: Moment,
    /// None where nobody is told.
    told: Option<String>,
}

impl Stages {
    pub(crate) fn begin(clock: Clock, arrived: Moment, is_told: bool) -> Stages {
        Stages { clock, last: arrived, told: is_told.then(String::new) }
    }

    /// The stage of this name is over.
    pub(crate) fn end(&mut self, name: &str) {
        let Some(told) = &mut self.told else { return };
        let now = self.clock.now();
        let milliseconds = now.since(self.last).as_secs_f64() * 1000.0;
        let comma = if told.is_empty() { "" } else { ", " };
        write!(told, "{comma}{name};dur={milliseconds:.1}").expect("a String takes whatever is written");
        self.last = now;
    }

    /// Tells the client, the response being the last stage.
    pub(crate) fn tell(&mut self, headers: &mut HeaderMap) {
        self.end("response");
        if let Some(told) = self.told.take().and_then(|told| HeaderValue::try_from(told).ok()) {
            headers.insert(SERVER_TIMING, told);
        }
    }
}
