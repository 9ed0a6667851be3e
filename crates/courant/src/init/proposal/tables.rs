//! From the names in statements to relations of the catalog, and from comparisons to rows.
//!
//! A column narrows a table when its name is that of something in the request; values are not compared. So rows are
//! told beside whole tables, never in their place.

use std::collections::BTreeSet;

use gateway::dependence::Dependence;
use pg::catalog::{Catalog, Relation, RelationKind};

use super::super::findings::{Finding, Place};
use super::super::paths::singular;
use super::super::reads::Doing;

/// Columns that name the user.
const OF_USER: [&str; 6] = ["user_id", "owner_id", "account_id", "userid", "user", "owner"];
/// Tables whose rows are users.
const USERS: [&str; 4] = ["user", "account", "profile", "member"];

/// What the database is like.
pub(in crate::init) struct Schema<'a> {
    pub(in crate::init) catalog: &'a Catalog,
    /// Where names without a schema are looked for, in this order.
    pub(in crate::init) searched: &'a [String],
    /// The schemas that the node will serve; the first needs no name.
    pub(in crate::init) served: &'a [String],
}

/// What a route reads, as it would be declared.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) depends_on: Vec<String>,
    pub(super) by_rows: Option<Vec<String>>,
    pub(super) notes: Vec<String>,
    /// Why its answers cannot be kept.
    pub(super) obstacle: Option<String>,
    pub(super) has_view: bool,
}

pub(super) fn of(place: &Place, finding: &Finding, doing: &Doing, schema: &Schema<'_>) -> Tables {
    let mut tables = Tables::default();
    let mut by_rows = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &doing.reads {
        let Some(relation) = schema.find(name) else { continue };
        if !seen.insert(relation.id) {
            continue;
        }
        if let Some((object, why)) = relation.dependence.obstacles.iter().next() {
            let of = &relation.name;
            tables.obstacle =
                Some(format!("it reads {of}, of whose changes the log does not tell ({object}: {why:?})"));
            continue;
        }
        let text = schema.name(relation);
        if Dependence::parse(&text).is_err() {
            tables.obstacle = Some(format!("it reads {text:?}, a name that depends_on cannot say"));
            continue;
        }
        tables.has_view |= relation.kind == RelationKind::View;
        tables.notes.extend(warnings(relation, schema));
        let row = doing.narrowed.get(name).and_then(|columns| row(place, finding, relation, &text, columns));
        if let Some((_, column)) = &row {
            tables.notes.extend(imprecise(relation, column));
        }
        by_rows.push(row.map_or_else(|| text.clone(), |(row, _)| row));
        tables.depends_on.push(text);
    }
    tables.by_rows = (by_rows != tables.depends_on).then_some(by_rows);
    let own: Vec<&String> = doing.functions.iter().filter(|name| schema.has_function(name)).collect();
    if let Some(name) = own.first() {
        tables
            .notes
            .push(format!("it calls {name}(): what that reads was not seen and must be added to depends_on"));
    }
    tables
}

impl Schema<'_> {
    /// The relation that a statement means by a name.
    fn find(&self, name: &str) -> Option<&Relation> {
        let found = match name.rsplit_once('.') {
            Some((schema, name)) => self.catalog.relation(schema, name),
            None => self.searched.iter().find_map(|schema| self.catalog.relation(schema, name)),
        };
        found.map(|relation| &**relation)
    }

    fn has_function(&self, name: &str) -> bool {
        match name.rsplit_once('.') {
            Some((schema, name)) => !self.catalog.functions(schema, name).is_empty(),
            None => self.searched.iter().any(|schema| !self.catalog.functions(schema, name).is_empty()),
        }
    }

    /// As `depends_on` names it.
    fn name(&self, relation: &Relation) -> String {
        if self.served.first() == Some(&relation.schema) {
            relation.name.clone()
        } else {
            format!("{}.{}", relation.schema, relation.name)
        }
    }
}

/// What keeps a relation's changes from being told.
fn warnings(relation: &Relation, schema: &Schema<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if !schema.served.contains(&relation.schema) {
        lines.push(format!(
            "{} is in the schema {}: add it to database.schemas, or answers are not kept",
            relation.name, relation.schema
        ));
    }
    let table = schema.catalog.tables.iter().find(|table| table.id == relation.id);
    if let Some(Err(why)) = table.map(|table| table.publishable) {
        let remedy = match table.and_then(|table| table.identity_candidate.as_deref()) {
            Some(index) => format!("replica identity using index {}", quoted(index)),
            None => "replica identity full".to_owned(),
        };
        let cure = if table.is_some_and(|table| table.identity.is_empty()) {
            format!(": alter table {} {remedy};", qualified(relation))
        } else {
            String::new()
        };
        lines.push(format!("{} cannot be followed: {why}{cure}", relation.name));
    }
    lines
}

/// Where the log does not tell the old value of a column, and how it would.
fn imprecise(relation: &Relation, column: &str) -> Option<String> {
    let is_told = relation.identity_full || relation.identity.iter().any(|known| known == column);
    let is_table = relation.kind == RelationKind::Table;
    (!is_told && is_table).then(|| {
        format!(
            "by rows: updates and deletes of {} do not tell the old {column}, so each of them drops all these answers; exact \
             with: alter table {} replica identity full;",
            relation.name,
            qualified(relation)
        )
    })
}

/// The rows of a table that the request names, and the column it names them by.
fn row(
    place: &Place,
    finding: &Finding,
    relation: &Relation,
    text: &str,
    columns: &BTreeSet<String>,
) -> Option<(String, String)> {
    let own = singular(&relation.name.to_ascii_lowercase());
    let names: Vec<&str> =
        place.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let claim = finding
        .alike
        .places
        .iter()
        .find(|known| known.starts_with("jwt.") && crate::init::who::rank(known) <= 1);
    let source = |column: &str| {
        let in_path = names.iter().find(|name| {
            **name == column
                || column == "id" && (**name == format!("{own}_id") || **name == own || **name == "id")
        });
        if let Some(name) = in_path {
            return Some(format!("path.{name}"));
        }
        let is_users =
            OF_USER.contains(&column) || column == "id" && USERS.iter().any(|word| own.ends_with(word));
        claim.filter(|_| is_users).cloned()
    };
    // A column that the log does not tell in one form is no way to name rows.
    let is_comparable =
        |column: &&String| relation.column(column).is_some_and(|column| column.canonical.is_some());
    let found = columns.iter().filter(is_comparable).find_map(|column| Some((column, source(column)?)));
    let (column, source) = found?;
    let row = format!("{text}.{column} = {{{source}}}");
    Dependence::parse(&row).is_ok().then(|| (row, column.clone()))
}

fn qualified(relation: &Relation) -> String {
    format!("{}.{}", quoted(&relation.schema), quoted(&relation.name))
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        pg::identifier(name)
    }
}
