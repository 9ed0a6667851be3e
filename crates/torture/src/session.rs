//! One reader: what it asks for, what it has been promised, and what it has seen.
//!
//! Remembers the highest position that any response named and the versions it has seen and written up to
//! there; with that position as a token, no node may show it less.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use http::Method;
use pg::Lsn;

use crate::client::{Answered, Browser, Person};
use crate::dice::Dice;
use crate::ledger::{Demand, RowKey};
use crate::question::{Question, Shown};
use crate::world::World;

/// The bound that the nodes are configured with.
pub(crate) const BOUND: Duration = Duration::from_secs(1);

/// How current a reader wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// No header: the configured bound.
    Configured,
    /// `bounded=100`.
    Tight,
    /// `strict`.
    Strict,
    /// `token=` and what this reader was told last.
    Token,
}

impl Mode {
    pub(crate) const ALL: [Mode; 4] = [Mode::Configured, Mode::Tight, Mode::Strict, Mode::Token];

    fn name(self) -> &'static str {
        match self {
            Mode::Configured => "bounded",
            Mode::Tight => "bounded=100",
            Mode::Strict => "strict",
            Mode::Token => "token",
        }
    }

    fn bound(self) -> Duration {
        match self {
            Mode::Configured | Mode::Token => BOUND,
            Mode::Tight => Duration::from_millis(100),
            Mode::Strict => Duration::ZERO,
        }
    }
}

/// A reader on every node.
#[derive(Debug)]
pub(crate) struct Session {
    world: Arc<World>,
    browsers: Vec<Browser>,
    people: Vec<Person>,
    era: u64,
    token: Option<Lsn>,
    seen: HashMap<RowKey, i64>,
}

impl Session {
    pub(crate) fn new(world: &Arc<World>) -> anyhow::Result<Session> {
        Ok(Session {
            browsers: world.nodes.iter().map(|node| Browser::new(*node)).collect(),
            people: Person::all()?,
            era: world.era(),
            token: None,
            seen: HashMap::new(),
            world: Arc::clone(world),
        })
    }

    /// Asks, judges the answer, and remembers it.
    pub(crate) async fn ask(&mut self, question: &Question, mode: Mode, node: usize) {
        self.turn_over();
        let consistency = match (mode, self.token) {
            (Mode::Configured, _) | (Mode::Token, None) => None,
            (Mode::Token, Some(position)) => Some(format!("token={position}")),
            (Mode::Tight | Mode::Strict, _) => Some(mode.name().to_owned()),
        };
        let mut headers = question.headers(&self.people);
        headers.extend(consistency.as_deref().map(|value| ("courant-consistency", value)));
        let target = question.target();
        let demand = Demand { began: Instant::now(), bound: mode.bound(), node };
        let answer = self.browsers[node].send(question.method(), &target, &headers, &question.body()).await;
        let told = |answer: &Answered| {
            let who = if question.personal() { format!(" as p{}", question.person) } else { String::new() };
            let wanted = consistency.as_deref().unwrap_or("-");
            let (status, cache) = (answer.status.as_u16(), answer.header("cache-status"));
            let position = answer.header("courant-position");
            format!(
                "{} {target}{who} ({wanted}) at node {node}: {status} [{cache}] at {position}, {:?}",
                question.method(),
                demand.began.elapsed()
            )
        };
        let counts = &self.world.counts;
        let shown = match &answer {
            Ok(answer) => question.shown(answer).unwrap_or_else(|error| {
                self.world.violated(&format!("{}: not readable: {error}", told(answer)));
                None
            }),
            Err(_) => None,
        };
        let (Ok(answer), Some(shown)) = (&answer, shown) else {
            counts.refused.fetch_add(1, Relaxed);
            if self.world.logs() {
                self.world.note(
                    "refused",
                    &answer.as_ref().map_or_else(|error| format!("{target}: {error:#}"), told),
                );
            }
            return;
        };
        if self.world.logs() {
            self.world.note("read", &format!("{} {shown:?}", told(answer)));
        }
        counts.read(mode.name(), answer.is_hit(), question.is_for_backend());
        self.judge(&shown, &demand, mode, &|| told(answer));
        self.remember(answer.header("courant-position"), &shown);
    }

    fn judge(&self, shown: &[Shown], demand: &Demand, mode: Mode, told: &dyn Fn() -> String) {
        let counts = &self.world.counts;
        for one in shown {
            let violation = match one {
                &Shown::Row(key, version) => {
                    counts.rows.fetch_add(1, Relaxed);
                    let judged = self.world.ledger.judge(key, version, demand);
                    counts.stale(judged.staleness);
                    judged.violation.or_else(|| self.under_token(key, version, mode))
                }
                &Shown::Fact(fact, holds) => {
                    counts.facts.fetch_add(1, Relaxed);
                    self.world.facts.judge(fact, holds, demand)
                }
                Shown::Stranger(whose) => Some(format!("it is the answer of {whose:?}")),
            };
            if let Some(why) = violation {
                self.world.violated(&format!("{}: {why}", told()));
                return;
            }
        }
    }

    /// What this reader has seen or written up to its token must be seen again.
    fn under_token(&self, key: RowKey, version: i64, mode: Mode) -> Option<String> {
        if mode != Mode::Token || self.token.is_none() || self.world.era() != self.era {
            return None;
        }
        let before = *self.seen.get(&key)?;
        self.world.counts.tokens.fetch_add(1, Relaxed);
        (version < before)
            .then(|| format!("{} {} shown as {version}, this reader had {before}", key.0, key.1))
    }

    fn remember(&mut self, position: &str, shown: &[Shown]) {
        let Ok(position) = position.parse::<Lsn>() else { return };
        // Of an answer that a crash has overtaken, nobody knows whether it stands.
        if self.world.era() != self.era {
            return;
        }
        self.token = self.token.max(Some(position));
        for one in shown {
            if let Shown::Row(key, version) = *one {
                let seen = self.seen.entry(key).or_insert(version);
                *seen = version.max(*seen);
            }
        }
    }

    /// After a crash, what was seen before may be gone.
    fn turn_over(&mut self) {
        let era = self.world.era();
        if era != self.era {
            (self.era, self.token) = (era, None);
            self.seen.clear();
        }
    }

    /// Sends a write; its response only if it was acknowledged and the primary is still the same.
    pub(crate) async fn write(
        &mut self,
        node: usize,
        method: Method,
        target: &str,
        body: &str,
    ) -> Option<Answered> {
        self.turn_over();
        let headers = [("authorization", self.people[0].bearer.as_str())];
        let answer = self.browsers[node].send(method, target, &headers, body).await.ok()?;
        (answer.status.is_success() && self.world.era() == self.era).then_some(answer)
    }

    /// Remembers what a write of this reader's own has made.
    pub(crate) fn wrote(&mut self, answer: &Answered, key: RowKey, version: i64) {
        self.remember(answer.header("courant-position"), &[Shown::Row(key, version)]);
    }
}

/// Asks everything there is, in every mode, at every node.
pub(crate) async fn read_on(world: Arc<World>, number: u64) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed, number);
    let mut session = Session::new(&world)?;
    while world.goes_on() {
        let question = Question::draw(&mut dice);
        let mode = Mode::ALL[dice.roll(4) as usize];
        let node = dice.roll(world.nodes.len() as u64) as usize;
        session.ask(&question, mode, node).await;
        // Think time: the load is to leave room for the database on a small machine.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}
