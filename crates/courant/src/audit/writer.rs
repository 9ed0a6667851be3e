//! The one task that writes security events and links whatever waits in the inbox, every second.
//!
//! Works as the role that can do nothing else. A database that is away holds nobody up: events wait in their queue,
//! and what no longer fits there is counted. Nothing is written twice unless the connection was lost while it was.

use std::time::{Duration, Instant, UNIX_EPOCH};

use ipnet::IpNet;
use pg::schema::SchemaError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use tokio_util::sync::CancellationToken;

use super::events::{Event, Events, Kind};
use crate::config::{Config, ConfigError};
use crate::control::{Control, within};
use crate::ended::Ended;
use crate::node::Node;

/// How often events are written and entries linked.
const INTERVAL: Duration = Duration::from_secs(1);
/// Rows for events in each, however many addresses an attack comes from.
const ROWS_MAX: usize = 50;
/// Entries linked by one transaction.
const LINKED_MAX: i32 = 1000;
/// How long connecting may take, and the last words when the process ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the chain's end is told in the log, where whoever owns the database cannot change it.
const HEAD_INTERVAL: Duration = Duration::from_secs(60);

/// Makes sure that the log is there and may be written, or says what to do.
pub(crate) async fn prepare(config: &Config, control: &Control, login: &str) -> anyhow::Result<()> {
    if !config.audit.enabled {
        return Ok(());
    }
    let refused = |why: String| ConfigError::Invalid {
        key: "audit.enabled".to_owned(),
        place: "the database".to_owned(),
        why: format!(
            "{why}; an administrator prepares it: courant audit install --for {login} --database-url …"
        ),
    };
    if !within(pg::schema::install(&control.client)).await?.schema {
        return Err(refused("the role may not make or change the schema courant".to_owned()).into());
    }
    match pg::schema::enable_audit(&control.client, None).await {
        Err(SchemaError::NotPermitted(why)) => Err(refused(why).into()),
        done => Ok(done?),
    }
}

/// Writes and links until the last request has been answered.
pub(crate) async fn run(node: &Node, drained: &CancellationToken) {
    let Some(events) = node.audit.events() else { return };
    let mut writer = Writer { events: &events, hand: Vec::new(), head: None, told: None };
    let mut said = String::new();
    loop {
        let is_last = drained.is_cancelled();
        let patience = async {
            drained.cancelled().await;
            sleep(PATIENCE).await;
        };
        let ended = tokio::select! {
            ended = writer.session(node, drained) => ended,
            () = patience => Err(Ended::Slow(PATIENCE)),
        };
        match ended {
            Ok(()) => return,
            Err(_) if is_last => return writer.give_up(),
            Err(error) => {
                let text = error.to_string();
                if said != text {
                    tracing::warn!(target: "courant::audit", "events wait, and what does not fit is lost: {text}");
                    said = text;
                }
            }
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = drained.cancelled() => {}
        }
    }
}

struct Writer<'a> {
    events: &'a Events,
    /// Taken out and not yet written.
    hand: Vec<Event>,
    /// The chain's end, as the database last said it.
    head: Option<(i64, String)>,
    /// What was told of it, and when.
    told: Option<(i64, Instant)>,
}

impl Writer<'_> {
    /// Works over one connection, until it is lost or all is done.
    async fn session(&mut self, node: &Node, drained: &CancellationToken) -> Result<(), Ended> {
        let connected = timeout(PATIENCE, node.options.connect()).await;
        let (client, connection) = connected.map_err(|_| Ended::Slow(PATIENCE))??;
        let working = async {
            // Whatever the login's own settings say, the chain's end is to be read anew behind its lock.
            let setup = "set role courant_audit; set default_transaction_isolation = 'read committed'";
            within(client.batch_execute(setup)).await?;
            self.work(&client, drained).await
        };
        tokio::pin!(working);
        tokio::select! {
            done = &mut working => done,
            // The statement under way hears of it with its reason.
            _ = connection => working.await,
        }
    }

    async fn work(&mut self, client: &Client, drained: &CancellationToken) -> Result<(), Ended> {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = tokio::select! {
                biased;
                () = drained.cancelled() => true,
                _ = ticks.tick() => false,
            };
            self.write(client, ROWS_MAX).await?;
            if is_last {
                // What was in hand from before may have gone first.
                self.write(client, usize::MAX).await?;
            }
            self.link(client).await?;
            self.tell(is_last);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Writes what is in hand from an attempt that failed, or else what waits, up to so many rows.
    async fn write(&mut self, client: &Client, rows_max: usize) -> Result<(), Ended> {
        if self.hand.is_empty() {
            self.hand = self.events.take(rows_max);
        }
        if self.hand.is_empty() {
            return Ok(());
        }
        let seconds = |event: &Event| event.at.duration_since(UNIX_EPOCH).map_or(0.0, |at| at.as_secs_f64());
        let at: Vec<f64> = self.hand.iter().map(seconds).collect();
        let kinds: Vec<&str> = self.hand.iter().map(|event| event.kind.word()).collect();
        let clients: Vec<Option<String>> = self.hand.iter().map(|event| event.client.map(shown)).collect();
        let counts: Vec<i64> = self.hand.iter().map(|event| event.count as i64).collect();
        let details: Vec<&str> = self.hand.iter().map(|event| event.detail.as_str()).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&at, Type::FLOAT8_ARRAY),
            (&kinds, Type::TEXT_ARRAY),
            (&clients, Type::TEXT_ARRAY),
            (&counts, Type::INT8_ARRAY),
            (&details, Type::TEXT_ARRAY),
        ];
        within(client.query_typed(include_str!("write.sql"), &parameters)).await?;
        self.events.metrics.written(happened(&self.hand));
        self.hand.clear();
        Ok(())
    }

    async fn link(&mut self, client: &Client) -> Result<(), Ended> {
        loop {
            let row =
                within(client.query_typed(include_str!("link.sql"), &[(&LINKED_MAX, Type::INT4)])).await?;
            let Some(row) = row.first() else { return Err(Ended::Unreadable("audit log")) };
            if let (Some(seq), Some(hash)) = (row.try_get(1)?, row.try_get(2)?) {
                self.head = Some((seq, hash));
            }
            if row.try_get::<_, i64>(0)? < i64::from(LINKED_MAX) {
                return Ok(());
            }
        }
    }

    /// Says where the chain ends, now and then: for `courant audit verify --head`.
    fn tell(&mut self, is_last: bool) {
        let Some((seq, hash)) = &self.head else { return };
        let is_news = match self.told {
            Some((told, when)) => told != *seq && (is_last || when.elapsed() >= HEAD_INTERVAL),
            None => *seq > 0,
        };
        if is_news {
            tracing::info!(target: "courant::audit", head = %format_args!("{seq}:{hash}"), "the audit log's end");
            self.told = Some((*seq, Instant::now()));
        }
    }

    /// Nothing more can be written: says how much that was.
    fn give_up(mut self) {
        self.hand.extend(self.events.take(usize::MAX));
        let lost = happened(&self.hand);
        if lost > 0 {
            self.events.metrics.lost(lost);
            tracing::warn!(target: "courant::audit", lost, "events were not written to the audit log");
        }
    }
}

/// How often something happened; what was lost has been counted already.
fn happened(events: &[Event]) -> u64 {
    events.iter().filter(|event| event.kind != Kind::Lost).map(|event| event.count).sum()
}

/// An address as such, a network with its length.
fn shown(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}
