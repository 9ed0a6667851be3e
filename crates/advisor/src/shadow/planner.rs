//! One planner of the shadow's: a session in a database of its own, and the hypothetical indexes there.
//!
//! Is told which indexes to see and which role to be together with the statement to plan. Never runs a statement.

use std::collections::HashMap;
use std::path::PathBuf;

use pg::identifier;

use super::hypothetical::{IndexId, Made};
use crate::AdviceError;
use crate::plan::Plan;
use crate::session::Session;
use crate::workload::Statement;

/// A table of the shadow's.
#[derive(Debug)]
pub(super) struct ShadowTable {
    pub(super) oid: u32,
    /// The number of its empty file.
    pub(super) empty: u32,
    /// The number of its sparse one.
    pub(super) sparse: u32,
    pub(super) planned_pages: i64,
    pub(super) planned_tuples: f64,
    pub(super) visible_pages: i64,
}

/// The tables of one database, by schema and name.
pub(super) type Tables = HashMap<(String, String), ShadowTable>;

/// A planner.
pub(super) struct Planner {
    pub(super) session: Session,
    pub(super) data: PathBuf,
    pub(super) tables: Tables,
    pub(super) indexes: Vec<Made>,
    /// Which of them the planner sees now, in order.
    pub(super) shown: Vec<IndexId>,
    /// The role that the session has now.
    pub(super) role: Option<String>,
}

impl Planner {
    pub(super) fn new(session: Session, data: PathBuf, tables: Tables) -> Planner {
        Planner { session, data, tables, indexes: Vec::new(), shown: Vec::new(), role: None }
    }

    /// See [`super::Shadow::plan`].
    pub(super) async fn plan(
        &mut self,
        statement: &Statement,
        wanted: &[IndexId],
        verbose: bool,
    ) -> Result<Result<Plan, String>, AdviceError> {
        let before = (self.shown.clone(), self.role.clone());
        let mut commands = self.show(wanted);
        commands.push_str(&self.role(statement.role.as_deref()));
        commands.push_str(&statement.explain(verbose));
        let answer = self.session.attempt("plan", &commands).await?;
        if answer.is_err() {
            // What was sent with it was taken back with it.
            (self.shown, self.role) = before;
        }
        Ok(answer.and_then(|rows| {
            let text = rows.last().map(|row| row.text(0)).unwrap_or_default();
            Plan::parse(text).map_err(|error| error.to_string())
        }))
    }

    /// What makes the session the role's; nothing where it is so already.
    fn role(&mut self, wanted: Option<&str>) -> String {
        if self.role.as_deref() == wanted {
            return String::new();
        }
        self.role = wanted.map(str::to_owned);
        match wanted {
            Some(role) => format!("set role {};", identifier(role)),
            None => "reset role;".to_owned(),
        }
    }
}
