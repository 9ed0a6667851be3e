//! Hypothetical indexes in the shadow: made, shown to the planner, hidden from it, dropped.
//!
//! An index is hidden by `pg_index.indisvalid`: the planner passes over an invalid one, and the change invalidates
//! no more than that index in the session's own cache.

use std::fmt::Write as _;

use pg::identifier;

use super::file;
use super::planner::Planner;
use crate::AdviceError;
use crate::index::{Index, Method};
use crate::plan::HYPOTHETICAL;
use crate::session::literal;

/// A hypothetical index of the shadow's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IndexId(pub(crate) u32);

/// What is known of one that was made; dropped ones keep their place.
#[derive(Debug)]
pub(super) struct Made {
    oid: u32,
}

/// An index and the size it would have.
#[derive(Clone, Debug)]
pub(crate) struct Sized {
    pub(crate) index: Index,
    pub(crate) pages: u64,
    pub(crate) tuples: f64,
    /// Of a b-tree, the levels above its leaves.
    pub(crate) height: u32,
}

impl Planner {
    /// Makes indexes, hidden at first; `None` for one that PostgreSQL refuses.
    pub(super) async fn create(&mut self, wanted: &[Sized]) -> Result<Vec<Option<IndexId>>, AdviceError> {
        let mut made = Vec::with_capacity(wanted.len());
        for batch in wanted.chunk_by(|a, b| a.index.is_on(&b.index.schema, &b.index.table)) {
            if self.create_on_one_table(batch, &mut made).await? {
                continue;
            }
            for single in batch.chunks(1) {
                if !self.create_on_one_table(single, &mut made).await? {
                    // Its number is spent: names are never used twice.
                    self.indexes.push(Made { oid: 0 });
                    made.push(None);
                }
            }
        }
        Ok(made)
    }

    /// Whether PostgreSQL took them; nothing is there where it did not.
    async fn create_on_one_table(
        &mut self,
        batch: &[Sized],
        made: &mut Vec<Option<IndexId>>,
    ) -> Result<bool, AdviceError> {
        let Some(first) = batch.first() else { return Ok(true) };
        let name = (first.index.schema.clone(), first.index.table.clone());
        let Some(table) = self.tables.get(&name) else { return Ok(false) };
        let (oid, base) = (table.oid, self.indexes.len());
        let mut commands =
            format!("reset role; update pg_class set relfilenode = {} where oid = {oid};", table.empty);
        let mut names = Vec::new();
        for (number, sized) in (base..).zip(batch) {
            let name = format!("{HYPOTHETICAL}{number}");
            let _ = write!(commands, "{};", sized.index.definition(&name));
            let schema = identifier(&sized.index.schema);
            names.push(format!("{}::regclass", literal(&format!("{schema}.{}", identifier(&name)))));
        }
        let _ = write!(
            commands,
            "update pg_class set relfilenode = {}, relpages = {}, reltuples = {}, relallvisible = {} where oid = {oid};",
            table.sparse, table.planned_pages, table.planned_tuples, table.visible_pages
        );
        for (name, sized) in names.iter().zip(batch) {
            let _ = write!(
                commands,
                "update pg_class set relpages = {}, reltuples = {} where oid = {name};",
                sized.pages, sized.tuples
            );
        }
        let list = names.join(", ");
        let _ = write!(commands, "update pg_index set indisvalid = false where indexrelid in ({list});");
        for name in &names {
            let _ = write!(commands, "select {name}::oid, pg_relation_filepath({name});");
        }
        let Ok(rows) = self.session.attempt("make hypothetical indexes", &commands).await? else {
            return Ok(false);
        };
        self.role = None;
        for ((number, row), sized) in (base..).zip(&rows).zip(batch) {
            let level = (sized.index.method == Method::BTree).then_some(sized.height);
            file::grow(&self.data.join(row.text(1)), sized.pages, level)?;
            self.indexes.push(Made { oid: row.number(0)? });
            made.push(Some(IndexId(number as u32)));
        }
        Ok(true)
    }

    /// Drops indexes that are of no more use: the planner looks at every one that is there, hidden or not.
    pub(super) async fn drop(&mut self, useless: &[IndexId]) -> Result<(), AdviceError> {
        for batch in useless.chunks(100) {
            let oids: Vec<_> =
                batch.iter().filter_map(|id| self.oid(*id)).map(|oid| oid.to_string()).collect();
            let find = format!("select oid::regclass from pg_class where oid in ({})", oids.join(", "));
            if oids.is_empty() {
                continue;
            }
            let rows = self.session.rows("name hypothetical indexes", &find).await?;
            let names: Vec<_> = rows.iter().map(|row| row.text(0)).collect();
            let command = format!("reset role; drop index {}", names.join(", "));
            self.session.rows("drop hypothetical indexes", &command).await?;
            self.role = None;
            self.shown.retain(|shown| !batch.contains(shown));
        }
        Ok(())
    }

    /// The command that makes the planner see these and no others.
    pub(super) fn show(&mut self, wanted: &[IndexId]) -> String {
        let appear = wanted.iter().filter(|id| !self.shown.contains(id));
        let vanish = self.shown.iter().filter(|id| !wanted.contains(id));
        let changed: Vec<_> =
            appear.chain(vanish).filter_map(|id| self.oid(*id)).map(|oid| oid.to_string()).collect();
        if changed.is_empty() {
            return String::new();
        }
        self.shown = wanted.to_vec();
        // The role is whose the last statement was.
        let reset = if self.role.take().is_some() { "reset role;" } else { "" };
        let list = changed.join(", ");
        format!("{reset}update pg_index set indisvalid = not indisvalid where indexrelid in ({list});")
    }

    fn oid(&self, id: IndexId) -> Option<u32> {
        self.indexes.get(id.0 as usize).map(|made| made.oid).filter(|oid| *oid != 0)
    }
}
