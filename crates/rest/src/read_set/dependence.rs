//! Gathers what everything touched by a request depends on, and what the user declared in its stead.

use std::collections::{BTreeMap, BTreeSet};

use pg::catalog::{Catalog, Conversion, Dependence, Function, Obstacle, Relation, RelationKind, Settings};
use pg::{Read, RelationId};

use super::clock::{cast_reads_clock, named_reads_clock, reads_clock};
use super::contained::Contained;
use super::trace::Exact;
use super::{Reads, Tracked};
use crate::grammar::Test;
use crate::plan::{Alike, Arguments, Column, Condition, Join, Node, Operand, Output, Source, TypeName};
use crate::{Declared, Lifetime, Rules};

/// What has been gathered so far.
pub(super) struct Gathered<'a> {
    catalog: &'a Catalog,
    rules: &'a Rules,
    /// Read whole.
    pub(super) relations: BTreeSet<RelationId>,
    /// What need not be: its rows are told one by one.
    pub(super) exact: Exact,
    dependence: Dependence,
    ttl: Option<Lifetime>,
    declared: bool,
    /// Seen already, by schema and name.
    seen: BTreeSet<(String, String)>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(catalog: &'a Catalog, rules: &'a Rules) -> Gathered<'a> {
        Gathered {
            catalog,
            rules,
            relations: BTreeSet::new(),
            exact: Exact::new(rules.limits.keys_max),
            dependence: Dependence::default(),
            ttl: None,
            declared: false,
            seen: BTreeSet::new(),
        }
    }

    /// A relation tree: everything whole but the root's own rows, and what is told one by one.
    pub(super) fn tree(&mut self, node: &Node) {
        if let Source::Relation(relation) = &node.source {
            self.relation(relation);
        }
        node.tested().for_each(|condition| self.condition(condition));
        if let Some(Alike::On(columns)) = &node.distinct {
            let computed = columns.iter().filter_map(|column| column.computed.as_ref());
            computed.for_each(|function| self.function(function));
        }
        node.computed().iter().for_each(|function| self.function(function));
        for output in &node.outputs {
            match output {
                Output::Column { column, cast, .. } => {
                    self.conversion(column.shown());
                    self.cast(column, cast.as_ref());
                }
                Output::Aggregate { of, cast, name, .. } => {
                    if let Operand::Column { column, cast } = of {
                        self.conversion(column.shown());
                        self.cast(column, cast.as_ref());
                    }
                    if cast.as_ref().is_some_and(|cast| cast_reads_clock(0, cast)) {
                        self.obstacle(name, Obstacle::Clock);
                    }
                }
                Output::All | Output::Present { .. } | Output::Embed { .. } | Output::Spread { .. } => {}
            }
        }
        for embed in &node.embeds {
            let number = embed.node.number;
            if let Some(relation) =
                embed.node.relation.as_ref().filter(|_| !self.exact.nodes.contains(&number))
            {
                self.relations.extend(&relation.stored_in);
            }
            match &embed.join {
                Join::Direct(_) => {}
                Join::Through { junction, .. } => {
                    if !self.exact.junctions.contains(&number) {
                        self.relations.extend(&junction.stored_in);
                    }
                    self.relation(junction);
                }
                Join::Computed { function, .. } => self.function(function),
            }
            for function in embed.ordered_by.iter().filter_map(|column| column.computed.as_ref()) {
                self.function(function);
            }
            self.tree(&embed.node);
        }
    }

    fn cast(&mut self, column: &Column, cast: Option<&TypeName>) {
        let from = if column.path.is_empty() { column.type_id } else { 0 };
        if cast.is_some_and(|cast| cast_reads_clock(from, cast)) {
            self.obstacle(&column.name, Obstacle::Clock);
        }
    }

    /// What a relation depends on besides its own rows.
    fn relation(&mut self, relation: &Relation) {
        if !self.seen.insert((relation.schema.clone(), relation.name.clone())) {
            return;
        }
        let mut dependence = relation.dependence.clone();
        // The catalog says so itself; a relation whose rows the log never tells must not depend on that.
        let untold = match relation.kind {
            RelationKind::MaterializedView => Some(Obstacle::MaterializedView),
            RelationKind::Foreign => Some(Obstacle::Foreign),
            RelationKind::Table if relation.stored_in.is_empty() => Some(Obstacle::Unlogged),
            RelationKind::Table | RelationKind::Partitioned | RelationKind::View => None,
        };
        if let Some(untold) = untold {
            dependence.obstacles.entry(relation.name.clone()).or_insert(untold);
        }
        self.object(&relation.schema, &relation.name, &dependence);
    }

    /// What a function depends on.
    pub(super) fn function(&mut self, function: &Function) {
        let mut dependence = function.dependence.clone();
        if !function.read_only {
            dependence.obstacles.entry(function.name.clone()).or_insert(Obstacle::Volatile);
        }
        self.object(&function.schema, &function.name, &dependence);
    }

    /// What the function that is called before every request depends on: whatever the user says, and all that it can
    /// be told of the request.
    pub(super) fn before(&mut self) {
        if let Some((schema, name)) = &self.rules.before {
            let obstacles = BTreeMap::from([(name.clone(), Obstacle::Opaque)]);
            let dependence = Dependence { settings: Settings::Any, obstacles, ..Dependence::default() };
            self.object(schema, name, &dependence);
        }
    }

    fn object(&mut self, schema: &str, name: &str, dependence: &Dependence) {
        let mut declared = self.rules.declared.iter();
        match declared.find(|declared| declared.schema == schema && declared.name == name) {
            Some(declared) => self.declared(declared, dependence),
            None => {
                self.relations.extend(&dependence.relations);
                self.dependence.add(dependence);
            }
        }
    }

    /// What the user declared replaces what was found; but nobody can declare that two users are one, so
    /// the settings stay, and whatever the log does not tell needs a time to live.
    fn declared(&mut self, declared: &Declared, found: &Dependence) {
        self.declared = true;
        self.dependence.add(&Dependence { settings: found.settings.clone(), ..Dependence::default() });
        match declared.ttl {
            Some(ttl) => self.ttl = Some(self.ttl.map_or(ttl, |known| known.and(ttl))),
            None => {
                let untold = found
                    .obstacles
                    .iter()
                    .find(|(_, why)| !matches!(why, Obstacle::Volatile | Obstacle::Opaque));
                if let Some((object, why)) = untold {
                    self.obstacle(object, *why);
                }
            }
        }
        for (schema, name) in &declared.depends_on {
            let Some(relation) = self.catalog.relation(schema, name).cloned() else {
                self.obstacle(&format!("{schema}.{name}"), Obstacle::Opaque);
                continue;
            };
            self.relations.extend(&relation.stored_in);
            self.relation(&relation);
        }
    }

    /// The arguments of a call, some of which may be read by the clock.
    pub(super) fn arguments(&mut self, arguments: &Arguments) {
        let given = match arguments {
            Arguments::Values(given) => given,
            Arguments::Members { given, .. } => given,
            Arguments::Whole { .. } => return,
        };
        for argument in given {
            let text = match arguments {
                Arguments::Members { json, .. } => std::str::from_utf8(json).unwrap_or("now"),
                _ => &argument.value,
            };
            // An escape in JSON can spell any word.
            let escaped = matches!(arguments, Arguments::Members { .. }) && text.contains("\\u");
            if named_reads_clock(argument.type_name.as_str(), if escaped { "now" } else { text }) {
                self.obstacle(&argument.name, Obstacle::Clock);
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Embed { .. } => {}
            Condition::Tree { children, .. } => children.iter().for_each(|child| self.condition(child)),
            Condition::Test { column, test, .. } => self.test(column, test),
        }
    }

    fn test(&mut self, column: &Column, test: &Test) {
        let reads = |literal: &str| column.path.is_empty() && reads_clock(column.type_id, literal);
        let clock = match test {
            Test::Compare { value, .. } => reads(value),
            Test::In(values) => values.iter().any(|value| reads(value)),
            Test::Is(_) | Test::Search { .. } => false,
        };
        if clock {
            self.obstacle(&column.name, Obstacle::Clock);
        }
        column.computed.iter().for_each(|function| self.function(function));
        self.conversion(column.of_text());
    }

    fn conversion(&mut self, conversion: Option<&Conversion>) {
        if let Some(Conversion { schema, name, dependence }) = conversion {
            self.object(schema, name, dependence);
        }
    }

    fn obstacle(&mut self, object: &str, why: Obstacle) {
        self.dependence.obstacles.insert(object.to_owned(), why);
    }

    pub(super) fn finish(self, mut rows: Vec<Read>, contained: Option<Box<Contained>>) -> Reads {
        if let Some((object, why)) = self.dependence.obstacles.into_iter().next() {
            return Reads::Untracked { why, object };
        }
        rows.extend(self.relations.into_iter().map(Read::Whole));
        let settings: Settings = self.dependence.settings;
        Reads::Tracked(Tracked { fixed: rows, contained, settings, ttl: self.ttl, declared: self.declared })
    }
}
