//! What Courant knows of the database's schema: relations, keys, functions, and for each of them what an
//! answer that uses it depends on.
//!
//! A catalog is immutable; a change of schema makes a new one. Loaded by [`load`], never by guessing.
//! What the rooms below hold: `source` the system catalogs' rows of one snapshot, `nodes` and `body` what
//! expressions and function bodies mention, `builtin` what the server's own functions rest on, `dependence`
//! where all that leads, `views` the keys that views inherit, `storage` and `tables` what the log tells,
//! `kept` settings of roles and functions, `assemble` the result.

mod assemble;
mod body;
mod builtin;
mod dependence;
mod fingerprint;
mod kept;
mod nodes;
mod representation;
mod source;
mod storage;
mod tables;
mod views;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio_postgres::Client;

use crate::{Canonical, RelationId};

pub use fingerprint::fingerprint;
pub use kept::KeptSettings;
pub use representation::{Conversion, Representation};
pub use tables::{StoredTable, Unpublishable};

/// The catalogs could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the system catalogs could not be read")]
pub struct LoadError(#[from] tokio_postgres::Error);

/// Reads the catalog in one snapshot: relations and functions of the exposed schemas, and what they depend on
/// in any schema. The fingerprint belongs to the same snapshot.
///
/// Runs a transaction of its own, so the client must not be in one. Where the future is dropped half-way, the
/// connection is of no further use.
pub async fn load(client: &Client, schemas: &[String]) -> Result<Catalog, LoadError> {
    let source = source::Source::read(client, schemas).await?;
    Ok(assemble::catalog(&source, schemas)?)
}

/// The schema at one moment.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Tables, partitioned tables, views, materialized views and foreign tables, by schema and name.
    pub relations: HashMap<(String, String), Arc<Relation>>,
    /// Functions by schema and name; more than one where the name is overloaded.
    pub functions: HashMap<(String, String), Vec<Arc<Function>>>,
    /// Functions that take one row of a relation and nothing else, by that relation and their name: computed
    /// fields, and computed relationships where they return a relation's rows.
    pub computed: HashMap<(RelationId, String), Arc<Function>>,
    /// Aggregates over a relation's rows, or over any, that make bodies of a media type.
    pub handlers: Vec<Arc<Function>>,
    /// Foreign keys between relations of `relations`, in order of the constraint's name; then those that
    /// follow for views.
    pub foreign_keys: Vec<ForeignKey>,
    /// The relations of `relations` by object identifier.
    pub by_id: HashMap<RelationId, Arc<Relation>>,
    /// Every table of which the stream could tell, whatever its schema, by schema and name.
    pub tables: Vec<StoredTable>,
    /// The names of time zones that the server knows.
    pub timezones: HashSet<String>,
    /// The settings of roles, by their names.
    pub roles: HashMap<String, Arc<KeptSettings>>,
    /// `server_version_num`: 150018 for 15.18.
    pub server_version: u32,
    /// Changes whenever anything does that a plan, a read set or an authorization rests on.
    pub fingerprint: u64,
}

impl Catalog {
    /// The relation of that schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(&(schema.to_owned(), name.to_owned()))
    }

    /// The computed field or relationship of that relation and name.
    pub fn computed(&self, relation: RelationId, name: &str) -> Option<&Arc<Function>> {
        self.computed.get(&(relation, name.to_owned()))
    }

    /// The functions of that schema and name.
    pub fn functions(&self, schema: &str, name: &str) -> &[Arc<Function>] {
        self.functions.get(&(schema.to_owned(), name.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// A table, view, materialized view or foreign table.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its object identifier.
    pub id: RelationId,
    /// The schema's name.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `pg_class.relkind`, as far as a request can name it.
    pub kind: RelationKind,
    /// Its columns in order of their number, dropped ones left out.
    pub columns: Vec<Column>,
    /// The primary key's columns in key order; empty without one. Of a view, those of the tables that it
    /// shows, which need not tell its rows apart.
    pub primary_key: Vec<String>,
    /// The columns by which the log names an old row (`REPLICA IDENTITY`), in the key's order.
    ///
    /// For `FULL` the primary key, or else all columns. Empty where the log names none (`NOTHING`, no
    /// primary key, not a table).
    pub identity: Vec<String>,
    /// Whether the log tells old rows whole (`REPLICA IDENTITY FULL`).
    pub identity_full: bool,
    /// What stands between a reader and its rows.
    pub policies: Policies,
    /// Whether rights on single columns were granted: a reader of the relation may lack others.
    pub column_grants: bool,
    /// Where its rows are stored, as the log names it: itself for a table, all leaves for a partitioned
    /// or inherited one, nothing for a view.
    pub stored_in: Vec<RelationId>,
    /// What an answer that reads it depends on besides those rows.
    pub dependence: Dependence,
}

impl Relation {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Row-level security, as far as it concerns reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policies {
    /// It is off.
    #[default]
    Off,
    /// It is on, and looks at these columns of the row.
    Columns(BTreeSet<String>),
    /// It is on, and may look at any column.
    Any,
}

/// What kind of relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `pg_type.oid`; of a domain over `tsvector`, that of `tsvector`.
    pub type_id: u32,
    /// The type as `format_type` prints it, fit for a cast.
    pub type_name: String,
    /// Whether it accepts null.
    pub nullable: bool,
    /// Whether the database fills it when it is left out (default, identity, generated).
    pub has_default: bool,
    /// The expression that fills it, as PostgreSQL writes it; none for generated columns.
    pub default: Option<String>,
    /// The canonical form of its type, where equality is equality of bytes **and** the log tells its
    /// value (not for generated columns).
    pub canonical: Option<Canonical>,
    /// How its values are spoken of, where that is not how they are stored.
    pub representation: Option<Arc<Representation>>,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The referencing relation.
    pub from: RelationId,
    /// Its columns.
    pub from_columns: Vec<String>,
    /// The referenced relation.
    pub to: RelationId,
    /// Its columns, paired with `from_columns`.
    pub to_columns: Vec<String>,
    /// Whether the referencing columns are unique, which makes the way back one-to-one.
    pub one_to_one: bool,
}

/// A function that a request can call.
#[derive(Clone, Debug)]
pub struct Function {
    /// `pg_proc.oid`.
    pub id: u32,
    /// The schema's name.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Input arguments in order (`IN`, `INOUT`, `VARIADIC`).
    pub arguments: Vec<Argument>,
    /// What it returns.
    pub returns: Returns,
    /// Whether it returns a set.
    pub returns_set: bool,
    /// Whether a set that it returns is said to have one row (`rows 1`).
    pub one_row: bool,
    /// The relation of whose rows' type its first argument is.
    pub takes: Option<RelationId>,
    /// The media type of what it returns: a domain that is called like one.
    pub media: Option<MediaType>,
    /// `immutable` or `stable`, which lets it run in a read-only transaction.
    pub read_only: bool,
    /// The settings that it runs with.
    pub settings: KeptSettings,
    /// What an answer that calls it depends on. A body that cannot be read is an [`Obstacle::Opaque`].
    pub dependence: Dependence,
}

/// A media type that a domain stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// The domain's name: `text/html`.
    pub name: String,
    /// Whether the domain is of `bytea`.
    pub binary: bool,
}

/// An input argument.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name; empty when it has none.
    pub name: String,
    /// The type as `format_type` prints it.
    pub type_name: String,
    /// Whether it may be left out.
    pub has_default: bool,
    /// Whether it takes the remaining arguments as an array.
    pub variadic: bool,
}

/// What a function returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returns {
    /// `void`.
    Void,
    /// A scalar, as `format_type` prints it.
    Scalar(String),
    /// Rows of a relation's type.
    Relation(RelationId),
    /// Rows of columns of its own (`returns table`, `OUT` arguments, a composite type, `record`).
    Record,
}

/// What an answer depends on besides the rows of the relation or the arguments it names.
///
/// A superset: it holds for every role, whichever policies apply to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependence {
    /// Base tables read wholly: behind views, in policies, in functions.
    pub relations: BTreeSet<RelationId>,
    /// Which of the request's settings it can read.
    pub settings: Settings,
    /// Why an answer must not be kept, where that is so, with the object at fault.
    pub obstacles: BTreeMap<String, Obstacle>,
}

impl Dependence {
    /// Adds another's dependence to this one.
    pub fn add(&mut self, other: &Dependence) {
        self.relations.extend(&other.relations);
        self.settings.add(&other.settings);
        self.obstacles.extend(other.obstacles.iter().map(|(name, why)| (name.clone(), *why)));
    }
}

/// Which settings (`current_setting(…)`) are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// These, by name, lower case.
    Only(BTreeSet<String>),
    /// Any: a name that is computed.
    Any,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::Only(BTreeSet::new())
    }
}

impl Settings {
    fn add(&mut self, other: &Settings) {
        match (&mut *self, other) {
            (Settings::Only(mine), Settings::Only(theirs)) => mine.extend(theirs.iter().cloned()),
            _ => *self = Settings::Any,
        }
    }
}

/// Why an answer must not be kept unless the user declares what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// A volatile function.
    Volatile,
    /// The clock: `now()`, `current_date` and their kin.
    Clock,
    /// A function whose body cannot be read.
    Opaque,
    /// A foreign table.
    Foreign,
    /// An unlogged or temporary table.
    Unlogged,
    /// A materialized view.
    MaterializedView,
    /// A system catalog.
    Catalog,
    /// A sequence.
    Sequence,
}
