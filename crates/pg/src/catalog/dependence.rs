//! What an answer depends on besides the rows of the relation it names.
//!
//! Follows what views, policies and function bodies mention, through everything they mention in turn. The
//! result holds for every role: all policies for reads count, whoever they are for. What cannot be
//! followed becomes an obstacle; nothing is left out because it looked harmless.

use std::collections::{HashMap, HashSet};

use super::body::{self, Named, Names};
use super::builtin;
use super::nodes::{self, Mentions};
use super::source::{Source, SourceCode, SourceFunction, SourceRelation};
use super::storage;
use super::{Dependence, Obstacle, Policies, RelationId, Settings};

/// What each object mentions by itself, ready to be followed.
pub(super) struct Mentioned<'a> {
    source: &'a Source,
    /// Views' queries and relations' policies; nothing where a tree could not be read.
    relations: HashMap<RelationId, Option<Mentions>>,
    functions: HashMap<u32, Behaviour>,
    domains: HashMap<u32, Option<Mentions>>,
}

/// What calling a function means.
enum Behaviour {
    Mentions(Mentions),
    Obstacle(Obstacle, Mentions),
}

impl<'a> Mentioned<'a> {
    /// Reads every tree and body once.
    pub(super) fn read(source: &'a Source) -> Mentioned<'a> {
        let names = names(source);
        let functions = source.functions.iter().map(|(id, function)| (*id, behaviour(function, &names)));
        let mut mentioned = Mentioned {
            source,
            relations: HashMap::new(),
            functions: functions.collect(),
            domains: HashMap::new(),
        };
        for (id, relation) in &source.relations {
            let policies = source.policies.get(id).filter(|_| relation.has_policies);
            let conditions = policies.into_iter().flatten().map(|(_, condition)| condition);
            let trees: Vec<&String> = source.views.get(id).into_iter().chain(conditions).collect();
            if !trees.is_empty() {
                mentioned.relations.insert(*id, read_all(&trees));
            }
        }
        for (id, domain) in &source.domains {
            let own = read_all(&domain.checks.iter().collect::<Vec<_>>());
            let with_base = own.map(|mut mentions| {
                mentions.domains.insert(domain.base);
                mentions
            });
            mentioned.domains.insert(*id, with_base);
        }
        mentioned
    }

    /// What an answer with rows of that relation depends on besides them.
    pub(super) fn of_relation(&self, id: RelationId) -> Dependence {
        let mut walk = Walk::new(self);
        walk.open(id);
        walk.finish()
    }

    /// What that relation's policies look at of a row. Columns of other relations, which a policy's
    /// subquery names by their numbers, count as well: too many do no harm.
    pub(super) fn policies(&self, id: RelationId) -> Policies {
        if !self.source.relations.get(&id).is_some_and(|relation| relation.has_policies) {
            return Policies::Off;
        }
        let numbers: Vec<i16> = match self.relations.get(&id) {
            None => Vec::new(),
            Some(Some(mentions)) if mentions.columns.iter().all(|number| *number > 0) => {
                mentions.columns.iter().copied().collect()
            }
            Some(_) => return Policies::Any,
        };
        let columns = self.source.columns.get(&id).into_iter().flatten();
        let named = columns.filter(|column| numbers.contains(&column.number));
        Policies::Columns(named.map(|column| column.name.clone()).collect())
    }

    /// What an answer of that function depends on besides its arguments.
    pub(super) fn of_function(&self, id: u32) -> Dependence {
        let mut walk = Walk::new(self);
        walk.functions.push(id);
        walk.finish()
    }
}

fn read_all(trees: &[&String]) -> Option<Mentions> {
    let mut mentions = Mentions::default();
    for tree in trees {
        nodes::read(tree, &mut mentions).ok()?;
    }
    Some(mentions)
}

fn names(source: &Source) -> Names {
    let mut names = Names::default();
    for (id, function) in &source.functions {
        let plain = match &function.code {
            SourceCode::Builtin { .. } => true,
            SourceCode::Written { plain, .. } => *plain,
        };
        let named = Named { id: *id, schema: function.schema.clone(), plain };
        names.functions.entry(function.name.clone()).or_default().push(named);
    }
    for (id, operator) in &source.operators {
        if *id >= FIRST_USER_ID && operator.left < FIRST_USER_ID && operator.right < FIRST_USER_ID {
            names.operators.entry(operator.name.clone()).or_default().push(*id);
        }
    }
    names
}

/// Objects below came with the server (`FirstNormalObjectId`).
const FIRST_USER_ID: u32 = 16384;

fn behaviour(function: &SourceFunction, names: &Names) -> Behaviour {
    let (language, text, tree, defaults, plain, extension, parts) = match &function.code {
        SourceCode::Builtin { arguments } => {
            let obstacle = builtin::obstacle(&function.name, function.volatility, *arguments);
            let nothing = Mentions::default();
            return match obstacle {
                Some(obstacle) => Behaviour::Obstacle(obstacle, nothing),
                None => Behaviour::Mentions(nothing),
            };
        }
        SourceCode::Written { language, text, tree, defaults, plain, extension, parts } => {
            (language.as_str(), text, tree, defaults, *plain, extension, parts)
        }
    };
    // Defaults of arguments that a call leaves out are evaluated with it.
    let mut mentions = Mentions::default();
    mentions.functions.extend(parts);
    if let Some(defaults) = defaults
        && nodes::read(defaults, &mut mentions).is_err()
    {
        return Behaviour::Obstacle(Obstacle::Opaque, mentions);
    }
    let read = match tree {
        Some(tree) => nodes::read(tree, &mut mentions).is_ok(),
        None if language == "sql" && plain => match body::read(text, names) {
            Some(body) => {
                mentions.add(body);
                true
            }
            None => false,
        },
        None => false,
    };
    match function.volatility {
        b'i' | b's' if read => Behaviour::Mentions(mentions),
        b's' if extension.as_deref().is_some_and(builtin::safe_extension) => Behaviour::Mentions(mentions),
        b's' => Behaviour::Obstacle(Obstacle::Opaque, mentions),
        b'i' => {
            // PostgreSQL itself rests on this promise. A broken one that reads the request's settings would
            // show one user's rows to another, so that much is looked for.
            if text.to_lowercase().contains("current_setting") {
                mentions.setting(None);
            }
            mentions.functions.extend(body::calls(text, names).filter(|id| *id >= FIRST_USER_ID));
            Behaviour::Mentions(mentions)
        }
        _ => Behaviour::Obstacle(Obstacle::Volatile, mentions),
    }
}

/// One object's dependence in the making.
struct Walk<'a> {
    mentioned: &'a Mentioned<'a>,
    dependence: Dependence,
    relations: Vec<RelationId>,
    functions: Vec<u32>,
    domains: Vec<u32>,
    seen_relations: HashSet<RelationId>,
    seen_functions: HashSet<u32>,
    seen_domains: HashSet<u32>,
}

impl<'a> Walk<'a> {
    fn new(mentioned: &'a Mentioned<'a>) -> Walk<'a> {
        Walk {
            mentioned,
            dependence: Dependence::default(),
            relations: Vec::new(),
            functions: Vec::new(),
            domains: Vec::new(),
            seen_relations: HashSet::new(),
            seen_functions: HashSet::new(),
            seen_domains: HashSet::new(),
        }
    }

    fn finish(mut self) -> Dependence {
        loop {
            if let Some(id) = self.relations.pop() {
                self.consult(id);
            } else if let Some(id) = self.functions.pop() {
                self.call(id);
            } else if let Some(id) = self.domains.pop() {
                self.coerce(id);
            } else {
                return self.dependence;
            }
        }
    }

    /// A relation is read without its rows being the answer.
    fn consult(&mut self, id: RelationId) {
        let source = self.mentioned.source;
        self.dependence.relations.extend(storage::stored_in(source, id));
        self.open(id);
    }

    /// A relation is read: what stands between the reader and its rows counts.
    fn open(&mut self, id: RelationId) {
        if !self.seen_relations.insert(id) {
            return;
        }
        let source = self.mentioned.source;
        let Some(relation) = source.relations.get(&id) else {
            // Dropped since, or of a kind without rows: whatever it is, nobody watches it.
            self.obstacle(format!("relation {}", id.0), Obstacle::Opaque);
            return;
        };
        if let Some(obstacle) = storage_obstacle(relation) {
            self.obstacle(qualified(&relation.schema, &relation.name), obstacle);
            return;
        }
        for leaf in storage::leaves(source, id).into_iter().filter(|leaf| *leaf != id) {
            if let Some(stored) = source.relations.get(&leaf)
                && let Some(obstacle) = storage_obstacle(stored)
            {
                self.obstacle(qualified(&stored.schema, &stored.name), obstacle);
            }
        }
        match self.mentioned.relations.get(&id) {
            Some(Some(mentions)) => self.follow(mentions, Some(id)),
            Some(None) => self.obstacle(qualified(&relation.schema, &relation.name), Obstacle::Opaque),
            None => {}
        }
    }

    fn call(&mut self, id: u32) {
        if !self.seen_functions.insert(id) {
            return;
        }
        let Some(function) = self.mentioned.source.functions.get(&id) else {
            self.obstacle(format!("function {id}"), Obstacle::Opaque);
            return;
        };
        match &self.mentioned.functions[&id] {
            Behaviour::Mentions(mentions) => self.follow(mentions, None),
            Behaviour::Obstacle(obstacle, mentions) => {
                let name = match function.code {
                    SourceCode::Builtin { .. } => format!("{}()", function.name),
                    SourceCode::Written { .. } => qualified(&function.schema, &function.name) + "()",
                };
                self.obstacle(name, *obstacle);
                self.follow(mentions, None);
            }
        }
    }

    fn coerce(&mut self, id: u32) {
        if self.seen_domains.insert(id) {
            match self.mentioned.domains.get(&id) {
                Some(Some(mentions)) => self.follow(mentions, None),
                Some(None) => self.obstacle(format!("domain {id}"), Obstacle::Opaque),
                // The base of a domain that is none itself.
                None => {}
            }
        }
    }

    fn follow(&mut self, mentions: &Mentions, of: Option<RelationId>) {
        let source = self.mentioned.source;
        // Up to PostgreSQL 15 a view's query names the view itself, for its rules' sake.
        let itself = of.filter(|id| source.views.contains_key(id));
        let relations = mentions.relations.iter().map(|id| RelationId(*id));
        self.relations.extend(relations.filter(|id| Some(*id) != itself));
        self.functions.extend(&mentions.functions);
        self.domains.extend(&mentions.domains);
        for id in &mentions.operators {
            match source.operators.get(id) {
                Some(operator) => self.functions.push(operator.function),
                None => self.obstacle(format!("operator {id}"), Obstacle::Opaque),
            }
        }
        self.dependence.settings.add(&mentions.settings);
        for (name, obstacle) in &mentions.obstacles {
            self.obstacle((*name).to_owned(), *obstacle);
        }
    }

    fn obstacle(&mut self, name: String, obstacle: Obstacle) {
        if matches!(obstacle, Obstacle::Opaque | Obstacle::Volatile) {
            // The user may declare the tables it reads, but nobody can tell whose request it looks at.
            self.dependence.settings = Settings::Any;
        }
        self.dependence.obstacles.insert(name, obstacle);
    }
}

impl Mentions {
    fn add(&mut self, other: Mentions) {
        self.relations.extend(other.relations);
        self.functions.extend(other.functions);
        self.operators.extend(other.operators);
        self.domains.extend(other.domains);
        self.columns.extend(other.columns);
        self.settings.add(&other.settings);
        self.obstacles.extend(other.obstacles);
    }
}

/// Why rows of this relation change without the log telling, if so.
fn storage_obstacle(relation: &SourceRelation) -> Option<Obstacle> {
    if storage::is_system(&relation.schema) {
        return Some(Obstacle::Catalog);
    }
    match (relation.kind, relation.persistence) {
        (b'S', _) => Some(Obstacle::Sequence),
        (b'm', _) => Some(Obstacle::MaterializedView),
        (b'f', _) => Some(Obstacle::Foreign),
        (b'r', b'u' | b't') => Some(Obstacle::Unlogged),
        _ => None,
    }
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{schema}.{name}")
}
