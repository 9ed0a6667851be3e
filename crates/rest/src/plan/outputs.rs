//! What a node shows: columns, aggregates, and what its embeds contribute.
//!
//! An aggregate in a spread to-one embed is of the rows that it is spread into, so it moves up to the nearest
//! node that is not spread itself. Input is the select list; names are resolved by [`Resolver`].

use super::read::Resolver;
use super::tree::{Node, Operand, Output};
use super::type_name;
use crate::Error;
use crate::grammar::{Aggregate, Field, Item, Step};

impl Resolver<'_> {
    /// Adds an item of the select list that is no embed.
    pub(super) fn output(&self, node: &mut Node, item: &Item) -> Result<(), Error> {
        let output = match item {
            Item::Star => return self.star(node),
            Item::Field { field, alias, cast } if self.counts(node, field) => {
                let name = alias.clone().unwrap_or_else(|| field.name.clone());
                let (function, cast) = (Aggregate::Count, self.cast(cast.as_deref())?);
                Output::Aggregate { function, of: Operand::Rows, cast, name, filter: Vec::new() }
            }
            Item::Field { field, alias, cast } => {
                let column = self.column(node, field)?;
                let name = alias.clone().unwrap_or_else(|| output_name(field));
                Output::Column { column, cast: self.cast(cast.as_deref())?, name }
            }
            Item::Aggregate { .. } if !self.rules.aggregates => return Err(Error::aggregates()),
            Item::Aggregate { function, of, alias, cast, filter } => {
                let of = match of {
                    None => Operand::Rows,
                    Some((field, cast)) => {
                        let column = self.column(node, field)?;
                        Operand::Column { column, cast: self.cast(cast.as_deref())? }
                    }
                };
                let name = alias.clone().unwrap_or_else(|| function.name().to_owned());
                let (cast, filter) = (self.cast(cast.as_deref())?, self.filter(node, filter)?);
                Output::Aggregate { function: *function, of, cast, name, filter }
            }
            Item::Embed(_) => return Ok(()),
        };
        node.outputs.push(output);
        Ok(())
    }

    /// `select=count` or `order=count`, which counted rows before there were aggregates: PostgreSQL reads `table.count` as
    /// `count(table)` where there is no such column. It does so whether aggregates are allowed or not.
    pub(super) fn counts(&self, node: &Node, field: &Field) -> bool {
        let known = node.relation.as_ref().is_some_and(|relation| relation.column("count").is_none());
        field.name == "count" && field.path.is_empty() && known
    }

    /// Refuses columns beside such a count: nothing is grouped because of it, so PostgreSQL would.
    pub(super) fn counts_alone(&self, node: &Node, items: &[Item]) -> Result<(), Error> {
        let counts = |item: &Item| matches!(item, Item::Field { field, .. } if self.counts(node, field));
        let groups = items.iter().any(|item| matches!(item, Item::Aggregate { .. }));
        if groups || !items.iter().any(counts) {
            return Ok(());
        }
        let beside = items.iter().find_map(|item| match item {
            Item::Field { field, .. } if !counts(item) => Some(&field.name),
            Item::Star => Some(&node.relation.as_ref()?.columns.first()?.name),
            _ => None,
        });
        beside.map_or(Ok(()), |column| Err(Error::not_grouped(self.name_of(node), column)))
    }

    fn cast(&self, cast: Option<&str>) -> Result<Option<super::TypeName>, Error> {
        cast.map(|cast| type_name::resolve(self.catalog, cast)).transpose()
    }

    fn star(&self, node: &mut Node) -> Result<(), Error> {
        let Some(relation) = &node.relation else {
            node.outputs.push(Output::All);
            return Ok(());
        };
        node.outputs.extend(relation.columns.iter().map(|column| {
            let name = column.name.clone();
            Output::Column { column: super::read::known(column, Vec::new()), cast: None, name }
        }));
        Ok(())
    }
}

/// What a spread embed, the parent's numbered one, contributes to its parent's outputs.
pub(super) fn spread(node: &mut Node, to_one: bool, embed: usize) -> Result<Vec<Output>, Error> {
    if node.is_grouped() && !to_one {
        let details = "Aggregates are not implemented for one-to-many or many-to-many spreads.";
        return Err(Error::not_implemented(details));
    }
    if node.outputs.iter().any(|output| !output.filter().is_empty()) {
        return Err(Error::not_implemented("A filter of an aggregate in a spread embed"));
    }
    let contribute = |(output, of): (usize, &mut Output)| {
        let name = of.name()?.to_owned();
        let Output::Aggregate { function, of: operand, cast, .. } = &mut *of else {
            return Some(Output::Spread { embed, output, name });
        };
        let (function, cast) = (*function, cast.take());
        let operand = std::mem::replace(operand, Operand::Rows);
        *of = below(operand, name.clone());
        let (of, filter) = (Operand::Spread { embed, output }, Vec::new());
        Some(Output::Aggregate { function, of, cast, name, filter })
    };
    Ok(node.outputs.iter_mut().enumerate().filter_map(contribute).collect())
}

/// What remains of an aggregate below the node that it moved to.
fn below(operand: Operand, name: String) -> Output {
    match operand {
        Operand::Rows => Output::Present { name },
        Operand::Column { column, cast } => Output::Column { column, cast, name },
        Operand::Spread { embed, output } => Output::Spread { embed, output, name },
    }
}

/// A field's name in JSON: the last key of its path, or the column's.
fn output_name(field: &Field) -> String {
    let key = field.path.iter().rev().find_map(|arrow| match &arrow.step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    });
    key.unwrap_or(&field.name).clone()
}
