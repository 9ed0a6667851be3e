//! Resolves a query against the catalog: the tree of relations that a read visits.
//!
//! Input is the typed query and the rows' origin; output is a [`Node`]. Knows neither methods nor SQL.

use std::sync::Arc;

use pg::catalog::{Catalog, Function, Relation, Returns};

use super::tree::{Alike, Column, Condition, Embed, Join, Node, OrderedBy, Ordering, Output, Source};
use super::{missing_column, outputs, relationship};
use crate::grammar::{self, Arrow, Distinct, Field, Is, Item, Logic, Query, Target, Test};
use crate::read_set::Traced;
use crate::{Error, Rules};

/// What a read is resolved against.
pub(crate) struct Resolver<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) rules: &'a Rules,
    pub(crate) schema: &'a str,
    pub(crate) query: &'a Query,
    /// What the root is called in errors.
    pub(crate) root: &'a str,
    /// Whether [`Rules::rows_max`] holds: for reads, not for what a write returns.
    pub(crate) bounded: bool,
    /// The next node's number.
    pub(crate) next: usize,
}

impl Resolver<'_> {
    /// The tree that begins with these rows.
    pub(crate) fn root(&mut self, source: Source, relation: Option<Arc<Relation>>) -> Result<Node, Error> {
        let items = self.query.select.clone();
        self.node((source, false), relation, &items, &mut Vec::new())
    }

    fn node(
        &mut self,
        (source, enclosed): (Source, bool),
        relation: Option<Arc<Relation>>,
        items: &[Item],
        path: &mut Vec<String>,
    ) -> Result<Node, Error> {
        let number = self.next;
        self.next += 1;
        let mut range = self.query.range(path);
        if self.bounded
            && let Some(rows_max) = self.rules.rows_max
        {
            range.limit = Some(range.limit.map_or(rows_max, |limit| limit.min(rows_max)));
        }
        let (outputs, embeds) = (Vec::new(), Vec::new());
        let (conditions, order) = (Vec::new(), Vec::new());
        let depth = path.len();
        let (distinct, keyset) = (None, None);
        let mut node = Node {
            number,
            depth,
            source,
            enclosed,
            relation,
            outputs,
            embeds,
            conditions,
            order,
            range,
            distinct,
            keyset,
        };
        if let Some(distinct) = self.query.distinct.as_ref().filter(|_| depth == 0) {
            node.distinct = Some(self.alike(&node, distinct)?);
        }
        for item in items {
            match item {
                Item::Embed(embed) => self.embed(&mut node, embed, path)?,
                own => self.output(&mut node, own)?,
            }
        }
        self.counts_alone(&node, items)?;
        // PostgREST shows a relation's own columns first, whatever the order they were asked in.
        node.outputs.sort_by_key(|output| !output.is_own());
        for (_, logic) in self.query.filters.iter().filter(|(of, _)| of == path) {
            let condition = self.condition(&node, items, logic)?;
            node.conditions.push(condition);
        }
        if let Some((_, terms)) = self.query.orders.iter().find(|(of, _)| of == path) {
            for term in terms {
                let ordering = self.ordering(&mut node, items, term)?;
                node.order.push(ordering);
            }
        }
        self.grouped(&node)?;
        Ok(node)
    }

    fn embed(
        &mut self,
        parent: &mut Node,
        embed: &grammar::Embed,
        path: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Some(origin) = parent.relation.clone() else {
            return Err(relationship::none(self.schema, self.root, embed, None));
        };
        let found = relationship::find(self.catalog, self.schema, &origin, embed)?;
        path.push(embed.known_as().to_owned());
        let enclosed = parent.enclosed || !embed.spread;
        let source = Source::Relation(Arc::clone(&found.target));
        let mut node = self.node((source, enclosed), Some(found.target), &embed.items, path)?;
        path.pop();
        let index = parent.embeds.len();
        if embed.spread {
            parent.outputs.extend(outputs::spread(&mut node, found.to_one, index)?);
        } else if !node.outputs.is_empty() {
            parent.outputs.push(Output::Embed { embed: index, name: embed.known_as().to_owned() });
        }
        let (inner, spread) = (embed.inner, embed.spread);
        let (mut join, to_one, ordered_by) = (found.join, found.to_one, Vec::new());
        if let (Join::Computed { row_of, .. }, Source::Called | Source::Written) = (&mut join, &parent.source)
        {
            *row_of = Some(origin);
        }
        let traced = Traced::default();
        parent.embeds.push(Embed { node, join, to_one, inner, spread, ordered_by, traced });
        Ok(())
    }

    fn alike(&self, node: &Node, distinct: &Distinct) -> Result<Alike, Error> {
        let Distinct::On(fields) = distinct else { return Ok(Alike::Rows) };
        let columns = fields.iter().map(|field| self.column(node, field));
        Ok(Alike::On(columns.collect::<Result<_, _>>()?))
    }

    /// What must hold of the rows that an aggregate is of.
    pub(super) fn filter(&self, node: &Node, filter: &[Logic]) -> Result<Vec<Condition>, Error> {
        filter.iter().map(|logic| self.condition(node, &[], logic)).collect()
    }

    fn condition(&self, node: &Node, items: &[Item], logic: &Logic) -> Result<Condition, Error> {
        let filter = match logic {
            Logic::Tree { negated, any, children } => {
                let children = children.iter().map(|child| self.condition(node, items, child));
                let children = children.collect::<Result<_, _>>()?;
                return Ok(Condition::Tree { negated: *negated, any: *any, children });
            }
            Logic::Filter(filter) => filter,
        };
        let negated = filter.negated;
        if let Some(embed) = embed_called(items, &filter.field.name).filter(|_| filter.field.path.is_empty())
        {
            return match filter.test {
                Test::Is(is @ (Is::Null | Is::NotNull)) => Ok(Condition::Embed { embed, negated, is }),
                _ => Err(Error::embed_filter(&filter.field.name)),
            };
        }
        let column = self.column(node, &filter.field)?;
        Ok(Condition::Test { column, negated, test: filter.test.clone() })
    }

    fn ordering(&self, node: &mut Node, items: &[Item], term: &grammar::Order) -> Result<Ordering, Error> {
        let target = match &term.target {
            Target::Own(field) if self.counts(node, field) => OrderedBy::Count,
            Target::Own(field) => OrderedBy::Own(self.column(node, field)?),
            Target::Related(name, field) => {
                let embed = embed_called(items, name).ok_or_else(|| Error::not_embedded(name))?;
                if !node.embeds[embed].to_one {
                    return Err(Error::related_order(self.name_of(node), name));
                }
                let target = &node.embeds[embed];
                // The rows of a spread embed are ordered by as it contributes them, under that name.
                let output = target.node.outputs.iter().position(|of| of.name() == Some(&field.name));
                if let Some(output) = output.filter(|_| target.spread && field.path.is_empty()) {
                    let target = OrderedBy::Spread { embed, output };
                    return Ok(Ordering { target, descending: term.descending, nulls: term.nulls });
                }
                let column = self.column(&target.node, field).map_err(|_| {
                    let alias = format!("{}_{name}_{}", self.name_of(node), target.node.depth);
                    let known = target.node.outputs.iter().filter_map(Output::name);
                    missing_column::error(&alias, &field.name, known)
                })?;
                let ordered_by = &mut node.embeds[embed].ordered_by;
                ordered_by.push(column);
                OrderedBy::Related { embed, column: ordered_by.len() - 1 }
            }
        };
        Ok(Ordering { target, descending: term.descending, nulls: term.nulls })
    }

    /// Refuses an order by what a group does not have one of, as PostgreSQL would, but by the names that the
    /// client knows.
    fn grouped(&self, node: &Node) -> Result<(), Error> {
        let groups = |wanted: &Column| {
            node.outputs.iter().any(|output| {
                matches!(output, Output::Column { column, .. }
                    if column.name == wanted.name && column.path == wanted.path)
            })
        };
        // With the whole key, whatever depends on it is one.
        let keyed = node.relation.as_ref().is_some_and(|relation| {
            !relation.primary_key.is_empty()
                && relation.primary_key.iter().all(|key| {
                    node.outputs.iter().any(|output| {
                        matches!(output, Output::Column { column, .. } if column.name == *key && column.path.is_empty())
                    })
                })
        });
        if !node.is_grouped() || keyed {
            return Ok(());
        }
        for term in &node.order {
            match &term.target {
                OrderedBy::Own(column) if !groups(column) => {
                    return Err(Error::not_grouped(self.name_of(node), &column.name));
                }
                OrderedBy::Related { embed, column } => {
                    let embed = &node.embeds[*embed];
                    let alias =
                        format!("{}_{}_{}", self.name_of(node), self.name_of(&embed.node), embed.node.depth);
                    return Err(Error::not_grouped(&alias, &embed.ordered_by[*column].name));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn name_of<'n>(&'n self, node: &'n Node) -> &'n str {
        node.relation.as_ref().map_or(self.root, |relation| &relation.name)
    }

    /// The column that a field names. Where the catalog does not list the columns, PostgreSQL decides.
    pub(crate) fn column(&self, node: &Node, field: &Field) -> Result<Column, Error> {
        let path = field.path.clone();
        let Some(relation) = &node.relation else {
            return Ok(Column {
                name: field.name.clone(),
                type_id: 0,
                canonical: None,
                path,
                computed: None,
                representation: None,
            });
        };
        if let Some(column) = relation.column(&field.name) {
            return Ok(known(column, path));
        }
        match self.catalog.computed(relation.id, &field.name).map(|function| computed(function, path)) {
            Some(Some(column)) => Ok(column),
            _ => {
                let alias = match node.source {
                    Source::Called => "pgrst_call".to_owned(),
                    _ if node.depth == 0 => relation.name.clone(),
                    _ => format!("{}_{}", relation.name, node.depth),
                };
                let known = relation.columns.iter().map(|column| column.name.as_str());
                Err(missing_column::error(&alias, &field.name, known))
            }
        }
    }
}

pub(super) fn known(column: &pg::catalog::Column, path: Vec<Arrow>) -> Column {
    let pg::catalog::Column { name, type_id, canonical, representation, .. } = column;
    // What a filter says is then not what the log says.
    let canonical = canonical.filter(|_| representation.is_none());
    let (name, representation) = (name.clone(), representation.clone());
    Column { name, type_id: *type_id, canonical, path, computed: None, representation }
}

/// A computed field, of a function that returns a single value.
fn computed(function: &Arc<Function>, path: Vec<Arrow>) -> Option<Column> {
    let Returns::Scalar(type_name) = &function.returns else { return None };
    // Only these say how a value is searched or looked into. Others stay unknown: what is known of the
    // table's columns (a place in an order, a canonical form) does not hold for them.
    let type_id = match type_name.as_str() {
        "text" => 25,
        "json" => 114,
        "tsvector" => 3614,
        "jsonb" => 3802,
        _ => 0,
    };
    let (name, computed) = (function.name.clone(), Some(Arc::clone(function)));
    let column = Column { name, type_id, canonical: None, path, computed, representation: None };
    (!function.returns_set).then_some(column)
}

/// The position among the embeds of the one that the request calls so.
fn embed_called(items: &[Item], name: &str) -> Option<usize> {
    let embeds = items.iter().filter_map(|item| match item {
        Item::Embed(embed) => Some(embed),
        _ => None,
    });
    embeds.into_iter().position(|embed| embed.known_as() == name)
}
