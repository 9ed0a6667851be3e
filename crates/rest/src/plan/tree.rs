//! A read, every name of it resolved: what `sql` writes and `read_set` judges.
//!
//! Names of relations and columns here are the catalog's own, except where a function returns columns
//! that the catalog does not list; aliases and keys of JSON are the request's. `sql` quotes all of them.

use std::sync::Arc;

use pg::Canonical;
use pg::catalog::{Conversion, Function, Relation, RelationKind, Representation};

use crate::grammar::{Aggregate, Arrow, Is, Nulls, Range, Test};
use crate::plan::Keyset;
use crate::read_set::Traced;

/// One relation read, with those embedded in it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Makes its aliases unique in the statement; the root is 0.
    pub(crate) number: usize,
    /// How deep it is embedded.
    pub(crate) depth: usize,
    pub(crate) source: Source,
    /// Whether its rows become JSON within JSON of another node's making.
    pub(crate) enclosed: bool,
    /// The relation whose rows these are, if they are a relation's.
    pub(crate) relation: Option<Arc<Relation>>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) embeds: Vec<Embed>,
    /// All must hold.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) order: Vec<Ordering>,
    pub(crate) range: Range,
    pub(crate) distinct: Option<Alike>,
    /// Where its page goes on in its order, and what the next one goes on from.
    pub(crate) keyset: Option<Keyset>,
}

/// Which rows are alike, so that one of them is shown.
#[derive(Clone, Debug)]
pub(crate) enum Alike {
    /// Those that look the same.
    Rows,
    /// Those with equal values in these.
    On(Vec<Column>),
}

impl Node {
    /// Whether only one set of rows can answer, however the database goes about it.
    pub(crate) fn is_settled(&self) -> bool {
        let own = |name: &String| {
            self.order.iter().any(|term| {
                matches!(&term.target, OrderedBy::Own(column) if column.name == *name && column.path.is_empty())
            })
        };
        // The rows of a view may repeat, whatever keys they show.
        let table = self
            .relation
            .as_ref()
            .filter(|relation| matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned));
        let key = table.map_or(&[][..], |relation| &relation.primary_key);
        let cut = self.range.limit.is_some() || self.range.offset > 0;
        let ordered = !key.is_empty() && key.iter().all(own) && !self.is_collapsed();
        // Floats have another sum in another order.
        let summed = self.outputs.iter().any(|output| {
            matches!(output, Output::Aggregate { function: Aggregate::Sum | Aggregate::Avg, .. })
        });
        let chosen = matches!(self.distinct, Some(Alike::On(_)));
        (!cut || ordered) && !chosen && !summed && self.embeds.iter().all(|embed| embed.node.is_settled())
    }

    /// The functions of its computed fields, wherever one is named but in conditions.
    pub(crate) fn computed(&self) -> Vec<Arc<Function>> {
        let mut found: Vec<Arc<Function>> = Vec::new();
        let columns = self.outputs.iter().filter_map(Output::column).chain(self.ordering_columns());
        for function in columns.filter_map(|column| column.computed.as_ref()) {
            if found.iter().all(|known| known.id != function.id) {
                found.push(Arc::clone(function));
            }
        }
        found
    }

    /// Has its computed fields read as columns, where they were computed before.
    pub(crate) fn read_computed_as_columns(&mut self) {
        let outputs = self.outputs.iter_mut().filter_map(Output::column_mut);
        let order = self.order.iter_mut().filter_map(|term| match &mut term.target {
            OrderedBy::Own(column) => Some(column),
            OrderedBy::Count | OrderedBy::Related { .. } | OrderedBy::Spread { .. } => None,
        });
        outputs.chain(order).for_each(|column| column.computed = None);
        self.conditions.iter_mut().for_each(Condition::read_computed_as_columns);
        let filters = self.outputs.iter_mut().filter_map(|output| match output {
            Output::Aggregate { filter, .. } => Some(filter),
            _ => None,
        });
        filters.flatten().for_each(Condition::read_computed_as_columns);
    }

    /// Has its columns shown as they are stored: what takes whole rows takes them so.
    pub(crate) fn show_as_stored(&mut self) {
        self.outputs
            .iter_mut()
            .filter_map(Output::column_mut)
            .for_each(|column| column.representation = None);
    }

    fn ordering_columns(&self) -> impl Iterator<Item = &Column> {
        self.order.iter().filter_map(|term| match &term.target {
            OrderedBy::Own(column) => Some(column),
            OrderedBy::Count | OrderedBy::Related { .. } | OrderedBy::Spread { .. } => None,
        })
    }

    /// Whether its rows are groups of a relation's.
    pub(crate) fn is_grouped(&self) -> bool {
        let alike = matches!(self.distinct, Some(Alike::Rows));
        alike || self.outputs.iter().any(|output| matches!(output, Output::Aggregate { .. }))
    }

    /// Whether one of its rows may stand for several of a relation's.
    pub(crate) fn is_collapsed(&self) -> bool {
        self.is_grouped() || self.distinct.is_some()
    }

    /// What is tested of its relation's rows: of all, or for an aggregate.
    pub(crate) fn tested(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().chain(self.outputs.iter().flat_map(Output::filter))
    }
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A relation.
    Relation(Arc<Relation>),
    /// What the statement's first part called.
    Called,
    /// What the statement's first part wrote.
    Written,
}

/// One thing of a row's JSON.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Every column, where the catalog does not list them.
    All,
    /// A column under a name.
    Column { column: Column, cast: Option<TypeName>, name: String },
    /// What an aggregate makes of a group; all other outputs are what is grouped by.
    Aggregate {
        function: Aggregate,
        of: Operand,
        cast: Option<TypeName>,
        name: String,
        /// Of which rows; all must hold.
        filter: Vec<Condition>,
    },
    /// That there is a row, for an aggregate further up to count.
    Present { name: String },
    /// The embedded rows under a name.
    Embed { embed: usize, name: String },
    /// A column that a spread embed contributes.
    Spread { embed: usize, output: usize, name: String },
}

impl Output {
    /// Whether it is of the relation's own rows, and not of what is embedded in them.
    pub(crate) fn is_own(&self) -> bool {
        match self {
            Output::All | Output::Column { .. } | Output::Present { .. } => true,
            Output::Aggregate { of, .. } => !matches!(of, Operand::Spread { .. }),
            Output::Embed { .. } | Output::Spread { .. } => false,
        }
    }

    /// What must hold of the rows that an aggregate is of.
    pub(crate) fn filter(&self) -> &[Condition] {
        match self {
            Output::Aggregate { filter, .. } => filter,
            _ => &[],
        }
    }

    /// The column that is looked at.
    pub(crate) fn column(&self) -> Option<&Column> {
        match self {
            Output::Column { column, .. } | Output::Aggregate { of: Operand::Column { column, .. }, .. } => {
                Some(column)
            }
            _ => None,
        }
    }

    fn column_mut(&mut self) -> Option<&mut Column> {
        match self {
            Output::Column { column, .. } | Output::Aggregate { of: Operand::Column { column, .. }, .. } => {
                Some(column)
            }
            _ => None,
        }
    }

    /// The key of the JSON object.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Output::All => None,
            Output::Column { name, .. }
            | Output::Aggregate { name, .. }
            | Output::Present { name }
            | Output::Embed { name, .. }
            | Output::Spread { name, .. } => Some(name),
        }
    }
}

/// What an aggregate is of.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// Whole rows.
    Rows,
    /// A column's values.
    Column { column: Column, cast: Option<TypeName> },
    /// What a spread embed contributes.
    Spread { embed: usize, output: usize },
}

/// A type of the catalog or of PostgreSQL itself, as it is written in SQL.
///
/// Made only from the catalog and from a fixed list, so that it may be written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeName {
    pub(super) sql: String,
    pub(super) built_in: bool,
}

impl TypeName {
    /// Whether it was chosen from those that PostgreSQL always has.
    pub(crate) fn is_built_in(&self) -> bool {
        self.built_in
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.sql
    }
}

/// A column, and a path into it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `pg_type.oid`; 0 where the catalog does not know.
    pub(crate) type_id: u32,
    pub(crate) canonical: Option<Canonical>,
    pub(crate) path: Vec<Arrow>,
    /// The function of the whole row that makes its value, of a computed field.
    pub(crate) computed: Option<Arc<Function>>,
    /// How its values are spoken of, where that is not how they are stored.
    pub(crate) representation: Option<Arc<Representation>>,
}

impl Column {
    /// What makes a value fit to be shown.
    pub(crate) fn shown(&self) -> Option<&Conversion> {
        self.representation.as_ref().filter(|_| self.path.is_empty())?.shown.as_ref()
    }

    /// What makes a value of the text in a filter.
    pub(crate) fn of_text(&self) -> Option<&Conversion> {
        self.representation.as_ref().filter(|_| self.path.is_empty())?.of_text.as_ref()
    }
}

/// An embedded relation.
#[derive(Clone, Debug)]
pub(crate) struct Embed {
    pub(crate) node: Node,
    pub(crate) join: Join,
    pub(crate) to_one: bool,
    pub(crate) inner: bool,
    pub(crate) spread: bool,
    /// Columns by which the parent is ordered.
    pub(crate) ordered_by: Vec<Column>,
    /// What the statement tells of its rows beside showing them.
    pub(crate) traced: Traced,
}

/// How embedded rows belong to their parent.
#[derive(Clone, Debug)]
pub(crate) enum Join {
    /// Pairs of the parent's column and the embedded relation's.
    Direct(Vec<(String, String)>),
    /// Through a junction.
    Through {
        junction: Arc<Relation>,
        /// Pairs of the parent's column and the junction's.
        near: Vec<(String, String)>,
        /// Pairs of the junction's column and the embedded relation's.
        far: Vec<(String, String)>,
    },
    /// By a function of the parent's row.
    Computed {
        function: Arc<Function>,
        /// The relation of whose type the row must be made first, where it has lost its own.
        row_of: Option<Arc<Relation>>,
    },
}

impl Join {
    /// The parent's columns.
    pub(crate) fn parent_columns(&self) -> impl Iterator<Item = &str> {
        let pairs = match self {
            Join::Direct(pairs) | Join::Through { near: pairs, .. } => pairs.as_slice(),
            Join::Computed { .. } => &[],
        };
        pairs.iter().map(|(parent, _)| parent.as_str())
    }
}

/// A condition on rows.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Test {
        column: Column,
        negated: bool,
        test: Test,
    },
    /// Whether an embed found nothing (`is` null or not null).
    Embed {
        embed: usize,
        negated: bool,
        is: Is,
    },
    Tree {
        negated: bool,
        any: bool,
        children: Vec<Condition>,
    },
}

impl Condition {
    /// Calls `visit` with each column that is tested.
    pub(crate) fn columns<'a>(&'a self, visit: &mut dyn FnMut(&'a Column)) {
        match self {
            Condition::Test { column, .. } => visit(column),
            Condition::Embed { .. } => {}
            Condition::Tree { children, .. } => children.iter().for_each(|child| child.columns(visit)),
        }
    }

    fn read_computed_as_columns(&mut self) {
        match self {
            Condition::Test { column, .. } => column.computed = None,
            Condition::Embed { .. } => {}
            Condition::Tree { children, .. } => {
                children.iter_mut().for_each(Condition::read_computed_as_columns);
            }
        }
    }
}

/// One term of an order.
#[derive(Clone, Debug)]
pub(crate) struct Ordering {
    pub(crate) target: OrderedBy,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls: Option<Nulls>,
}

/// What rows are ordered by.
#[derive(Clone, Debug)]
pub(crate) enum OrderedBy {
    Own(Column),
    /// How many rows a group has.
    Count,
    /// The numbered column of [`Embed::ordered_by`].
    Related {
        embed: usize,
        column: usize,
    },
    /// What a spread embed contributes.
    Spread {
        embed: usize,
        output: usize,
    },
}
