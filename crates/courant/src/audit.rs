//! The audit log in the database: who was refused, and who wrote through Courant, in a chain of hashes.
//!
//! A write is recorded by its own transaction (`pg::session`), a security event by one task, from a queue with an end.
//! Says who did what where, never with which values. Off unless the configuration says otherwise: it writes to the
//! user's database (docs/decisions/0012-audit-log.md).

mod chain;
pub(crate) mod command;
mod events;
mod reading;
mod writer;

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use http::request::Parts;
use pg::session::Record;

use crate::config;
use crate::identity::Identity;
use crate::telemetry::audit::AuditMetrics;
pub(crate) use events::{Events, Kind};
pub(crate) use writer::{prepare, run};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of any text that is recorded.
const TEXT_BYTES_MAX: usize = 300;

/// What is recorded.
pub(crate) struct Audit {
    writes: bool,
    events: Option<Arc<Events>>,
}

impl Audit {
    /// From the configuration.
    pub(crate) fn new(config: config::Audit, metrics: AuditMetrics) -> Audit {
        Audit {
            writes: config.enabled && config.writes,
            events: config.enabled.then(|| Arc::new(Events::new(metrics))),
        }
    }

    /// Where security events go, if they are recorded.
    pub(crate) fn events(&self) -> Option<Arc<Events>> {
        self.events.clone()
    }

    /// Whether writes are recorded.
    pub(crate) fn holds_writes(&self) -> bool {
        self.writes
    }
}

/// The entry of a write.
pub(crate) fn record(head: &Parts, client: IpAddr, who: Option<&Identity>, target: &str) -> Record {
    Record {
        client: client.to_string(),
        role: who.and_then(|who| who.role.clone()),
        sub: who.map(|who| printable(&who.subject())).filter(|sub| !sub.is_empty()),
        method: head.method.as_str().to_owned(),
        target: target.to_owned(),
        request: head.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(printable),
    }
}

/// Text from outside, as the log takes it: PostgreSQL refuses a zero byte, and a write must not fail for it.
fn printable(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}
