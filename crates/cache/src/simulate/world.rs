//! The state of one schedule and the choice of its next step.

use std::sync::Arc;

use pg::{Read, Snapshot, StreamRelation, Xid};

use super::database::{Database, Set, State, TABLES};
use super::query::{Query, Rendered, relation};
use super::random::Random;
use crate::cache::Cache;
use crate::fill::Fill;
use crate::following::{Closing, Poll};
use crate::gate::{Need, Pass};
use crate::key::{Key, KeySecret};
use crate::moment::Moment;
use crate::rules::Rules;
use crate::store::Epoch;
use crate::store::Limits;

/// What an entry holds: the answer, and what the snapshot saw that it was made under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) answer: Rendered,
    pub(super) seen: Set,
}

/// A query on its way.
pub(super) struct Flight {
    pub(super) query: usize,
    pub(super) fill: Option<Fill<Value>>,
    pub(super) sent: Moment,
    /// What the catalog took the view to read when it was planned.
    pub(super) view: usize,
    /// Whether the catalog allowed its answer to be stored.
    pub(super) storable: bool,
    pub(super) answered: Option<(Snapshot, Value, Vec<Read>)>,
    /// For every request that joined, what its answer must see.
    pub(super) joined: Vec<Set>,
}

/// A request between its two looks at the cache.
pub(super) struct Reader {
    pub(super) query: usize,
    pub(super) need: Need,
    /// What the answer must see.
    pub(super) required: Set,
    pub(super) pass: Option<Pass>,
    pub(super) found: Option<(Value, Epoch)>,
}

pub(super) struct Polling {
    pub(super) poll: Option<Poll>,
    pub(super) answered: Option<(pg::Lsn, Snapshot)>,
}

/// Between the end of one epoch and the beginning of the next.
pub(super) struct Reopening {
    pub(super) closing: Closing,
    pub(super) barrier: Option<Xid>,
    pub(super) catalog: Option<(usize, [bool; TABLES])>,
}

/// What is needed to run a schedule again.
pub(super) struct Prepared {
    pub(super) queries: Vec<Query>,
    pub(super) keys: Vec<Key>,
    /// By identity, by table.
    relations: [[Arc<StreamRelation>; TABLES]; 2],
    /// One with ample limits, one where everything overflows.
    pub(super) caches: [Arc<Cache<Value>>; 2],
    pub(super) rules: Rules,
}

impl Prepared {
    pub(super) fn new(rules: Rules) -> Prepared {
        let queries = Query::all();
        let secret = KeySecret::new(&[1; 16]);
        let key = |number| secret.key().part([number as u8]).build();
        let tiny = Limits {
            bytes_max: 700,
            entry_bytes_max: 600,
            entry_tags_max: 2,
            log_records_max: 1,
            log_rows_max: 1,
            polls_max: 2,
            ..Limits::default()
        };
        let ample = Limits { bytes_max: 64 << 10, entry_bytes_max: 32 << 10, ..Limits::default() };
        Prepared {
            keys: (0..queries.len()).map(key).collect(),
            queries,
            relations: [b'd', b'f'].map(|identity| [0, 1].map(|table| relation(table, identity))),
            caches: [ample, tiny].map(|limits| Arc::new(Cache::with_rules(limits, rules))),
            rules,
        }
    }
}

/// One schedule's world.
pub(super) struct World<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) cache: Arc<Cache<Value>>,
    pub(super) database: Database,
    pub(super) relations: [Arc<StreamRelation>; TABLES],
    /// The few queries of this schedule.
    pub(super) queries: Vec<usize>,
    pub(super) now: Moment,
    pub(super) random: Random,
    pub(super) flights: Vec<Flight>,
    pub(super) readers: Vec<Reader>,
    pub(super) polls: Vec<Polling>,
    /// Whether a slot stands, and which recorded transaction it tells of next.
    pub(super) stream: Option<usize>,
    pub(super) reopening: Option<Reopening>,
    pub(super) published: [bool; TABLES],
    /// As the catalog of the epoch has it.
    pub(super) catalog: (usize, [bool; TABLES]),
    /// Whether views are redefined, streams lost, tables published in this schedule.
    upheaval: [bool; 3],
    pub(super) hits: u64,
    pub(super) joins: u64,
    pub(super) violation: Option<String>,
    pub(super) trace: Option<Vec<String>>,
}

/// Adds a line to the trace, if there is one.
macro_rules! note {
    ($world:expr, $($line:tt)*) => {
        if let Some(trace) = &mut $world.trace {
            trace.push(format!("{:>4}  {}", $world.now.0, format_args!($($line)*)));
        }
    };
}
pub(super) use note;

impl<'a> World<'a> {
    /// The world that a seed begins with: closed, like a process that has just started.
    pub(super) fn new(prepared: &'a Prepared, database: Database, seed: u64, traced: bool) -> World<'a> {
        let mut random = Random(seed);
        let mut database = database;
        database.restart(&mut random);
        let identity = random.below(2);
        let mut queries: Vec<usize> =
            (0..1 + random.below(3)).map(|_| random.below(prepared.queries.len())).collect();
        let published = [true, !random.one_in(6)];
        let upheaval = [random.one_in(3), random.one_in(3), random.one_in(2)];
        if upheaval[0] && random.one_in(2) {
            let view = prepared.queries.iter().position(|query| *query == Query::View);
            queries = view.into_iter().collect();
        }
        let begun = !random.one_in(4);
        let cache = Arc::clone(&prepared.caches[usize::from(random.one_in(4))]);
        cache.restart_clock();
        let closing = cache.close(crate::coherence::Doubt::Stream);
        let mut world = World {
            prepared,
            cache,
            database,
            relations: prepared.relations[identity].clone(),
            queries,
            now: Moment(100),
            random,
            flights: Vec::new(),
            readers: Vec::new(),
            polls: Vec::new(),
            stream: None,
            reopening: Some(Reopening { closing, barrier: None, catalog: None }),
            published,
            catalog: (0, [false; TABLES]),
            upheaval,
            hits: 0,
            joins: 0,
            violation: None,
            trace: traced.then(Vec::new),
        };
        // Most begin with an epoch, since nothing happens without one.
        while begun && world.reopening.is_some() {
            world.reopen();
        }
        world
    }

    /// One step of one actor, chosen by `seed`. What cannot happen now does not happen.
    pub(super) fn step(&mut self, seed: u64) {
        self.random = Random(seed);
        self.now.0 += 1 + if self.random.one_in(8) { self.random.below(6) as u64 } else { 0 };
        match self.random.below(128) {
            0..=13 => self.begin_transaction(),
            14..=23 => self.record(),
            24 => self.abort(),
            25..=34 => self.reveal(),
            35..=43 => self.acknowledge(),
            44..=45 if self.upheaval[0] => self.redefine_view(),
            46..=47 if self.upheaval[1] => self.disconnect(),
            48..=49 if self.upheaval[2] => self.join_publication(),
            50..=53 => self.flush(),
            54..=64 => self.deliver(),
            65..=68 => self.keepalive(),
            69..=80 => self.poll(),
            81..=89 => self.fill(),
            90..=95 => self.answer(),
            96 => self.cancel(),
            97..=103 => self.store(),
            104..=114 => self.read(),
            115..=123 => self.finish_read(),
            _ => self.join(),
        }
        // While closed the schedule would otherwise do little of interest.
        if self.reopening.is_some() && !self.random.one_in(4) {
            self.reopen();
        }
    }

    /// What a request that starts now must see: what was acknowledged longer ago than its bound, what this
    /// node acknowledged, and of what somebody may have seen, whatever lies below its position.
    pub(super) fn required(&self, need: Need) -> Set {
        let mut required = 0;
        for (number, transaction) in self.database.transactions.iter().enumerate() {
            let below = transaction.end <= need.position;
            let must = match transaction.state {
                State::Acknowledged { at } => {
                    below || transaction.through_node || Moment(at).after(need.bound) < self.now
                }
                State::Visible => below,
                _ => false,
            };
            required |= u64::from(must) << number;
        }
        required
    }

    /// Compares an answer with what the database answers to somebody who must see `required`.
    pub(super) fn check(&mut self, what: &str, query: usize, value: Value, required: Set) {
        let shape = self.prepared.queries[query];
        let right = shape.answer(&self.database, value.seen | required);
        if right != value.answer && self.violation.is_none() {
            let missed: Vec<u64> = (0..64).filter(|n| (required & !value.seen) >> n & 1 == 1).collect();
            let line = format!("{what} {shape:?}: too old, not seen of what it must see: {missed:?}");
            note!(self, "VIOLATION {line}");
            self.violation = Some(line);
        }
    }

    pub(super) fn fail(&mut self, why: impl Into<String>) {
        let why = why.into();
        note!(self, "VIOLATION {why}");
        self.violation.get_or_insert(why);
    }
}
