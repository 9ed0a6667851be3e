//! Security events on their way to the database: equal ones counted together, never more than there is room for.
//!
//! Whoever notes an event never waits. The one task that takes them out comes every second, and later where the
//! database is away.

use std::collections::VecDeque;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::SystemTime;

use foldhash::HashMap;
use ipnet::IpNet;
use parking_lot::Mutex;

use super::printable;
use crate::guard::network_of;
use crate::telemetry::audit::AuditMetrics;

/// Events that differ, which may wait at once.
const WAITING_MAX: usize = 1000;
/// What an administrator did has room beyond that: no attack can crowd it out.
const COMMANDS_MAX: usize = 100;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A request's head was refused.
    HeadRefused,
    /// A body's framing was refused.
    BodyRefused,
    /// Somebody who is blocked connected.
    ConnectionBlocked,
    /// Somebody who is blocked asked.
    RequestBlocked,
    /// Somebody asked too often.
    Limited,
    /// A page of another site may have asked.
    Forged,
    /// A token was not accepted.
    AuthenticationFailed,
    /// A webhook was not signed by its provider.
    WebhookRefused,
    /// Somebody was blocked after too many offences.
    Blocked,
    /// Somebody should have been, and there was no room.
    NotBlocked,
    /// An administrator blocked somebody.
    BlockedByCommand,
    /// An administrator let somebody in again.
    UnblockedByCommand,
    /// Events that found no room before.
    Lost,
}

impl Kind {
    /// One word of a closed list.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::HeadRefused => "head_refused",
            Kind::BodyRefused => "body_refused",
            Kind::ConnectionBlocked => "connection_blocked",
            Kind::RequestBlocked => "request_blocked",
            Kind::Limited => "limited",
            Kind::Forged => "forged",
            Kind::AuthenticationFailed => "authentication_failed",
            Kind::WebhookRefused => "webhook_refused",
            Kind::Blocked => "blocked",
            Kind::NotBlocked => "not_blocked",
            Kind::BlockedByCommand => "blocked_by_command",
            Kind::UnblockedByCommand => "unblocked_by_command",
            Kind::Lost => "lost",
        }
    }

    fn room(self) -> usize {
        match self {
            Kind::BlockedByCommand | Kind::UnblockedByCommand => WAITING_MAX + COMMANDS_MAX,
            _ => WAITING_MAX,
        }
    }
}

/// Events of one kind and one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    /// Its address; of IPv6, its network. None where the event is of nobody.
    pub(super) client: Option<IpNet>,
    /// Of the first.
    pub(super) at: SystemTime,
    pub(super) count: u64,
    /// Of the first.
    pub(super) detail: String,
}

/// The queue.
pub(crate) struct Events {
    waiting: Mutex<Waiting>,
    pub(super) metrics: AuditMetrics,
}

#[derive(Default)]
struct Waiting {
    by_client: HashMap<(Kind, IpNet), Event>,
    order: VecDeque<(Kind, IpNet)>,
    lost: u64,
}

impl Events {
    pub(super) fn new(metrics: AuditMetrics) -> Events {
        Events { waiting: Mutex::default(), metrics }
    }

    /// Notes an event.
    pub(crate) fn note(&self, kind: Kind, client: IpAddr, detail: &dyn Display) {
        let network = network_of(client);
        let mut waiting = self.waiting.lock();
        if let Some(known) = waiting.by_client.get_mut(&(kind, network)) {
            known.count += 1;
            return;
        }
        if waiting.order.len() >= kind.room() {
            waiting.lost += 1;
            self.metrics.lost(1);
            return;
        }
        let (at, detail) = (SystemTime::now(), printable(&detail.to_string()));
        let event = Event { kind, client: Some(network), at, count: 1, detail };
        waiting.by_client.insert((kind, network), event);
        waiting.order.push_back((kind, network));
        self.metrics.waiting(waiting.order.len());
    }

    /// Takes out the oldest, and how many were lost since the last time.
    pub(super) fn take(&self, max: usize) -> Vec<Event> {
        let mut waiting = self.waiting.lock();
        let lost = std::mem::take(&mut waiting.lost);
        let detail = "events that found no room".to_owned();
        let lost = (lost > 0).then(|| Event {
            kind: Kind::Lost,
            client: None,
            at: SystemTime::now(),
            count: lost,
            detail,
        });
        let taken = max.min(waiting.order.len());
        let keys: Vec<_> = waiting.order.drain(..taken).collect();
        self.metrics.waiting(waiting.order.len());
        lost.into_iter().chain(keys.iter().filter_map(|key| waiting.by_client.remove(key))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(events: &Events, max: usize) -> Vec<(Kind, u64)> {
        events.take(max).iter().map(|event| (event.kind, event.count)).collect()
    }

    #[test]
    fn equal_events_are_one_with_a_count() {
        let events = Events::new(AuditMetrics::default());
        let one: IpAddr = [203, 0, 113, 1].into();
        for _ in 0..100 {
            events.note(Kind::Limited, one, &"search");
        }
        events.note(Kind::Forged, one, &"a\0page\n");
        let taken = events.take(10);
        assert_eq!((taken[0].kind, taken[0].count, taken[0].detail.as_str()), (Kind::Limited, 100, "search"));
        assert_eq!((taken[1].count, taken[1].detail.as_str()), (1, "apage"));
        assert!(events.take(10).is_empty());
    }

    #[test]
    fn a_flood_is_bounded_counted_and_leaves_room_for_administrators() {
        let events = Events::new(AuditMetrics::default());
        for number in 0..5000_u32 {
            events.note(Kind::HeadRefused, IpAddr::from(number.to_be_bytes()), &"bad");
        }
        // Neighbours of one IPv6 network are one client.
        for number in 0..5000_u128 {
            events.note(Kind::HeadRefused, IpAddr::from((number | 1 << 120).to_be_bytes()), &"bad");
        }
        events.note(Kind::BlockedByCommand, IpAddr::from([1, 1, 1, 1]), &"1.1.1.1/32");
        assert_eq!(counts(&events, 2), [(Kind::Lost, 9000), (Kind::HeadRefused, 1), (Kind::HeadRefused, 1)]);
        let rest = counts(&events, usize::MAX);
        assert_eq!((rest.len(), rest[998]), (999, (Kind::BlockedByCommand, 1)));
    }
}
