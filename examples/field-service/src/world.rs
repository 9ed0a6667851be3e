//! What all tables agree on: how many rows there are, when they end, and which call has which caller.
//!
//! A call, a lead and an appointment each follow from their number, so tables that refer to one make it again
//! instead of remembering it.

use crate::Scale;
use crate::names::Person;
use crate::random::{Random, Stream, Zipf};
use crate::rhythm::{Hours, Rhythm, SECOND};

/// How many of a hundred calls, customers and conversations are the first organization's.
const FIRST_SHARE: u64 = 60;

/// How long it rings at most before somebody answers.
pub(crate) const RINGS_MAX: i64 = 10 * SECOND;
/// Below this, tables in proportion would be empty that others refer to.
const CALLS_MIN: u64 = 20;

/// Inputs of the generator, and what follows from them for every table.
pub(crate) struct World {
    /// The end of the data, in microseconds since 1970.
    pub(crate) until: i64,
    /// Rows of `vapi_calls`.
    pub(crate) calls: u64,
    /// Rows of `messages`.
    pub(crate) messages: u64,
    pub(crate) office: Rhythm,
    pub(crate) evening: Rhythm,
    /// Customers of each large organization.
    customers: [u64; 2],
    /// How often each of them calls.
    popularity: Zipf,
}

/// What others need to know of a call.
pub(crate) struct Call {
    pub(crate) id: u128,
    pub(crate) org: usize,
    pub(crate) caller: Person,
    pub(crate) status: &'static str,
    pub(crate) priority: &'static str,
    pub(crate) intent: &'static str,
    pub(crate) created_at: i64,
    /// Seconds; nothing where nobody spoke.
    pub(crate) duration: Option<i32>,
}

impl World {
    pub(crate) fn new(scale: Scale, until_seconds: i64) -> World {
        let until = until_seconds * 1_000_000;
        let calls = if scale.calls == 0 { 0 } else { scale.calls.max(CALLS_MIN) };
        let customers = (calls / 8).max(100);
        let first = customers * FIRST_SHARE / 100;
        World {
            until,
            calls,
            messages: scale.messages,
            office: Rhythm::new(Hours::Office, until),
            evening: Rhythm::new(Hours::Evening, until),
            customers: [first, customers - first],
            popularity: Zipf::new(first, 12),
        }
    }

    pub(crate) fn leads(&self) -> u64 {
        self.calls / 5
    }

    pub(crate) fn appointments(&self) -> u64 {
        self.calls / 4
    }

    pub(crate) fn interventions(&self) -> u64 {
        self.calls * 3 / 20
    }

    /// One of the two large organizations.
    pub(crate) fn org(random: &mut Random) -> usize {
        usize::from(random.below(100) >= FIRST_SHARE)
    }

    /// A customer of an organization; `evenly`, or as often as they call.
    pub(crate) fn customer(&self, org: usize, evenly: bool, random: &mut Random) -> Person {
        let many = self.customers[org];
        let rank = if evenly { random.below(many) } else { self.popularity.rank(random, many) };
        Person::of(if org == 0 { rank } else { self.customers[0] + rank })
    }

    /// The call of that number.
    pub(crate) fn call(&self, number: u64) -> Call {
        let mut random = Random::of(Stream::Call, number);
        let created_at = self.office.moment(&mut random, number, self.calls);
        let org = World::org(&mut random);
        let caller = self.customer(org, false, &mut random);
        let priority = random.weigh(&[(6, "urgent"), (14, "high"), (62, "normal"), (18, "low")]);
        let intent = match priority {
            "urgent" => "urgence",
            "high" => random.weigh(&[(5, "urgence"), (4, "rendez-vous"), (1, "plainte")]),
            "normal" => random.weigh(&[(5, "rendez-vous"), (3, "soumission"), (2, "suivi")]),
            _ => random.weigh(&[(5, "information"), (3, "facturation"), (2, "suivi")]),
        };
        // Two in a thousand were never closed, as it goes with webhooks that get lost.
        let status = random.weigh(&[
            (780, "completed"),
            (110, "missed"),
            (60, "voicemail"),
            (26, "failed"),
            (22, "pending"),
            (2, "in_progress"),
        ]);
        let duration = match status {
            "completed" => Some(talk_seconds(&mut random)),
            "voicemail" => Some((8 + random.below(40)) as i32),
            "failed" => Some(random.below(12) as i32),
            _ => None,
        };
        // Whoever would speak beyond the end of the data is speaking still.
        let ended_at = created_at + i64::from(duration.unwrap_or(0)) * SECOND + RINGS_MAX;
        let (status, duration) = if duration.is_some() && ended_at > self.until {
            ("in_progress", None)
        } else {
            (status, duration)
        };
        let id = Random::of(Stream::CallId, number).uuid();
        Call { id, org, caller, status, priority, intent, created_at, duration }
    }

    /// The number of the call that a row refers to, when `rows` of them are spread over all calls.
    pub(crate) fn call_near(&self, number: u64, rows: u64, random: &mut Random) -> u64 {
        let step = (self.calls / rows.max(1)).max(1);
        (number * self.calls / rows.max(1) + random.below(step)).min(self.calls - 1)
    }
}

/// How long somebody talks: most a little, one in a hundred for ever.
fn talk_seconds(random: &mut Random) -> i32 {
    let tail = random.below(1000);
    let usual = 35 + random.below(120) + tail * tail * 420 / 1_000_000;
    let seconds = if random.chance(10) { 600 + random.below(1500) } else { usual };
    seconds as i32
}
