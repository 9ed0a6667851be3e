//! What users do to their schema and their data while it is in use.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::bail;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Fault, Stage};
use crate::facts::Fact;
use crate::ledger::Way;

/// A statement, and the one that takes it back.
pub(super) type Pair = (&'static str, &'static str);

/// The policy as it is at first, and with a condition more.
const POLICIES: Pair = (include_str!("../sql/policy.sql"), include_str!("../sql/policy_hides.sql"));

/// How often a statement is tried that loses against the writers' locks.
const TRIES: u32 = 20;

/// What is done and undone for the faults that nothing is to be seen of.
pub(super) fn statements(fault: Fault) -> Pair {
    match fault {
        Fault::ColumnAdded => {
            ("alter table items add column later int default 1", "alter table items drop column later")
        }
        Fault::IndexAdded => ("create index ranks on items (rank)", "drop index ranks"),
        Fault::TableReplaced => ("alter table bulk rename to bulky", "alter table bulky rename to bulk"),
        Fault::PublicationDropped => ("drop publication if exists courant", "select 1"),
        Fault::PublicationNarrowed => {
            ("alter publication courant drop table items, visits, members, wears", "select 1")
        }
        Fault::IdentityFull => (
            "alter table items replica identity full; alter table wears replica identity full",
            "alter table items replica identity default; alter table wears replica identity default",
        ),
        Fault::IdentityIndex => (
            "alter table items replica identity using index items_stamp",
            "alter table items replica identity default",
        ),
        Fault::IdentityNothing => {
            ("alter table docs replica identity nothing", "alter table docs replica identity default")
        }
        _ => ("select 1", "select 1"),
    }
}

impl Stage {
    /// Does something, and undoes it after a while.
    pub(super) async fn passing(&mut self, (do_it, undo_it): Pair) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        insist(&client, do_it).await?;
        self.wait().await;
        insist(&client, undo_it).await
    }

    pub(super) async fn every_row_updated(&mut self) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        for table in ["items", "docs"] {
            let update = include_str!("../sql/every_row.sql").replace("$table", table);
            let mut left = TRIES;
            let rows = loop {
                left -= 1;
                match client.query(&update, &[]).await {
                    Err(error) if left > 0 && passes(&error) => {}
                    other => break other?,
                }
            };
            for row in &rows {
                self.world.ledger.acknowledged((table, row.get(0)), row.get(1), Way::Around);
            }
            self.world.counts.writes.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// A table that is read, emptied and filled again in one transaction.
    pub(super) async fn truncated(&mut self) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        insist(&client, include_str!("../sql/refill.sql")).await?;
        for row in client.query("select id::bigint, version from labels", &[]).await? {
            self.world.ledger.acknowledged(("labels", row.get(0)), row.get(1), Way::Around);
        }
        Ok(())
    }

    /// The policy hides half of the docs, and shows them again.
    pub(super) async fn policy_changed(&mut self) -> anyhow::Result<()> {
        self.turned(Fact::Hidden, POLICIES.1).await?;
        self.turned(Fact::Hidden, POLICIES.0).await
    }

    pub(super) async fn grant_revoked(&mut self) -> anyhow::Result<()> {
        self.turned(Fact::Granted, "revoke select on scratch from anon").await?;
        self.turned(Fact::Granted, "grant select on scratch to anon").await
    }

    /// Turns a fact over, and leaves it so for long enough to be noticed.
    async fn turned(&mut self, fact: Fact, statement: &str) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        self.world.facts.starts(fact, !self.world.facts.holds(fact), Way::Around);
        insist(&client, statement).await?;
        self.world.facts.acknowledged(fact);
        self.world.note("acknowledged", &format!("{fact:?} {}", self.world.facts.holds(fact)));
        self.wait().await;
        Ok(())
    }

    /// Another table that nobody tells the ledger of takes all of `members`' locks for a moment: every
    /// membership is rewritten as it was.
    pub(super) async fn memberships_turned(&mut self) -> anyhow::Result<()> {
        let client = self.database.client().await?;
        insist(&client, "update members set group_id = group_id").await?;
        insist(&client, "lock table members in access exclusive mode").await
    }
}

/// Tries again while the writers' locks are in the way.
async fn insist(client: &Client, statement: &str) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        match client.batch_execute(&format!("begin; {statement}; commit")).await {
            Ok(()) => return Ok(()),
            Err(error) if passes(&error) => {
                // The failed transaction is still open.
                client.batch_execute("rollback").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("never came through: {statement}")
}

/// Whether the same statement may succeed a moment later.
fn passes(error: &tokio_postgres::Error) -> bool {
    let deadlock = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNDEFINED_OBJECT, SqlState::INTERNAL_ERROR];
    error.code().is_some_and(|code| deadlock.contains(code))
}
