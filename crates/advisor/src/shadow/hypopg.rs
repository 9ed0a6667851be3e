//! HypoPG on the user's own server, for where no private cluster can stand for it.
//!
//! Its indexes live in this session's memory; nothing is written. It knows b-trees and BRIN, has its own idea of their sizes,
//! and draws its numbers from a pool that large sets exhaust: they are shown in parts, and only what was used together.

use std::fmt::Write as _;

use pg::identifier;

use super::hypothetical::{IndexId, Sized};
use crate::AdviceError;
use crate::index::Method;
use crate::plan::Plan;
use crate::session::{Session, literal};
use crate::workload::Statement;

/// Indexes that are shown at once.
const SHOWN_MAX: usize = 200;

/// The server itself, asked what it would do.
pub(super) struct OnServer {
    session: Session,
    /// The extension's schema, quoted.
    schema: String,
    /// The statements that make them; none for what was dropped or refused.
    definitions: Vec<Option<String>>,
    shown: Vec<IndexId>,
    /// What the extension calls those that are shown.
    names: Vec<(String, IndexId)>,
}

impl OnServer {
    /// Takes the session, if the extension is there and runs.
    pub(super) async fn new(mut session: Session) -> Result<Option<OnServer>, AdviceError> {
        let doing = "look for HypoPG";
        let rows = session.rows(doing, include_str!("hypopg.sql")).await?;
        let Some(schema) = rows.first().map(|row| identifier(row.text(0))) else { return Ok(None) };
        let reset = format!("select {schema}.hypopg_reset()");
        let runs = session.attempt(doing, &reset).await?.is_ok();
        let (definitions, shown, names) = (Vec::new(), Vec::new(), Vec::new());
        Ok(runs.then_some(OnServer { session, schema, definitions, shown, names }))
    }

    /// Takes note of indexes; `None` for one that the extension refuses.
    pub(super) async fn create(&mut self, wanted: &[Sized]) -> Result<Vec<Option<IndexId>>, AdviceError> {
        let mut made = Vec::with_capacity(wanted.len());
        for sized in wanted {
            let number = self.definitions.len() as u32;
            // Under the name it would have: the extension calls it otherwise, and forgets it again.
            let definition = sized.index.definition("hypothetical");
            let attempt = format!("{}; select {}.hypopg_reset()", self.making(&definition), self.schema);
            let is_taken = sized.index.method != Method::Gin
                && self.session.attempt("try a hypothetical index", &attempt).await?.is_ok();
            self.shown.clear();
            self.definitions.push(is_taken.then_some(definition));
            made.push(is_taken.then_some(IndexId(number)));
        }
        Ok(made)
    }

    /// Forgets indexes that are of no more use.
    pub(super) fn forget(&mut self, useless: &[IndexId]) {
        for id in useless {
            if let Some(definition) = self.definitions.get_mut(id.0 as usize) {
                *definition = None;
            }
        }
    }

    /// What the planner makes of a statement when it sees these.
    pub(super) async fn plan(
        &mut self,
        statement: &Statement,
        wanted: &[IndexId],
        verbose: bool,
    ) -> Result<Result<Plan, String>, AdviceError> {
        if wanted.len() <= SHOWN_MAX {
            return self.ask(statement, wanted, verbose).await;
        }
        let mut used = Vec::new();
        for part in wanted.chunks(SHOWN_MAX) {
            match self.ask(statement, part, false).await? {
                Ok(plan) => used.extend(plan.used),
                Err(said) => return Ok(Err(said)),
            }
        }
        used.truncate(SHOWN_MAX);
        self.ask(statement, &used, verbose).await
    }

    async fn ask(
        &mut self,
        statement: &Statement,
        wanted: &[IndexId],
        verbose: bool,
    ) -> Result<Result<Plan, String>, AdviceError> {
        if self.shown != wanted {
            self.show(wanted).await?;
        }
        // By itself, so that a refusal takes nothing of the session with it.
        let mut commands = "begin;".to_owned();
        if let Some(role) = &statement.role {
            let _ = write!(commands, "set local role {};", identifier(role));
        }
        commands.push_str(&statement.explain(verbose));
        let answer = self.session.attempt("plan", &commands).await?;
        self.session.rows("end a plan", "rollback").await?;
        Ok(answer.and_then(|rows| {
            let text = rows.last().map(|row| row.text(0)).unwrap_or_default();
            Plan::named(text, |name| self.names.iter().find(|(known, _)| known == name).map(|(_, id)| *id))
                .map_err(|error| error.to_string())
        }))
    }

    async fn show(&mut self, wanted: &[IndexId]) -> Result<(), AdviceError> {
        let mut commands = format!("select {}.hypopg_reset();", self.schema);
        let there: Vec<IndexId> =
            wanted.iter().copied().filter(|id| self.definitions[id.0 as usize].is_some()).collect();
        for definition in there.iter().filter_map(|id| self.definitions[id.0 as usize].as_deref()) {
            let _ = write!(commands, "{};", self.making(definition));
        }
        let rows = self.session.rows("show hypothetical indexes", &commands).await?;
        // The first row is the reset's own.
        self.names = rows.iter().skip(1).map(|row| row.text(0).to_owned()).zip(there).collect();
        self.shown = wanted.to_vec();
        Ok(())
    }

    fn making(&self, definition: &str) -> String {
        format!("select indexname from {}.hypopg_create_index({})", self.schema, literal(definition))
    }
}
