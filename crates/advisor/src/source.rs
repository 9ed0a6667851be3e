//! What is read of the user's database, once: its schema, the sizes of its relations, its statistics, and the
//! settings that the planner looks at.
//!
//! Never writes, never reads a row of a table, and gives up where a lock is not to be had at once.

use std::collections::HashMap;

use pg::connect::ConnectOptions;

use crate::AdviceError;
use crate::session::Session;

/// Read-only, and not for long: whatever happens, nobody waits for the advisor.
const SETTINGS: [(&str, &str); 6] = [
    ("application_name", "courant advisor"),
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "60s"),
    ("lock_timeout", "2s"),
    ("client_min_messages", "error"),
    // To explain a dear plan, the server would generate code for it.
    ("jit", "off"),
];

/// A column's statistics, as the view `pg_stats` shows them.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) schema: String,
    pub(crate) relation: String,
    pub(crate) column: String,
    pub(crate) inherited: bool,
    pub(crate) null_fraction: f64,
    pub(crate) width: f64,
    /// As PostgreSQL has it: negative for a share of the rows.
    pub(crate) distinct: f64,
    pub(crate) common_values: Option<String>,
    pub(crate) common_frequencies: Option<String>,
    pub(crate) histogram: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) elements: Option<String>,
    pub(crate) element_frequencies: Option<String>,
    pub(crate) element_counts: Option<String>,
}

/// A table's column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Bytes; negative where they vary.
    pub(crate) length: i32,
    pub(crate) align: u32,
    /// `pg_type.typcategory`.
    pub(crate) category: char,
    /// Whether a b-tree keeps equal values of it once.
    pub(crate) deduplicates: bool,
    /// Whether a b-tree can be built over it.
    pub(crate) sortable: bool,
    pub(crate) statistics: Option<Statistics>,
}

/// Something that has a size: a table, a materialized view or an index.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `pg_class.relkind`.
    pub(crate) kind: char,
    /// The access method.
    pub(crate) method: String,
    pub(crate) pages: u64,
    pub(crate) planned_tuples: f64,
    pub(crate) planned_pages: i64,
    pub(crate) visible_pages: i64,
}

/// A table, as candidates and sizes need it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) pages: u64,
    pub(crate) tuples: f64,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What kind of server it is.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) major: u32,
    pub(crate) block_bytes: u64,
    pub(crate) encoding: String,
    pub(crate) collate: String,
    pub(crate) ctype: String,
    /// `pg_database.datlocprovider`.
    pub(crate) provider: String,
}

/// Everything that was read.
pub(crate) struct Source {
    pub(crate) server: Server,
    pub(crate) settings: Vec<(String, String)>,
    /// Statements that make the schema anew.
    pub(crate) schema: Vec<String>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) tables: Vec<Table>,
    pub(crate) statistics: Vec<Statistics>,
    /// For what is asked of the source itself: the costs that the shadow's are compared with.
    pub(crate) session: Session,
}

impl Source {
    /// Reads it all.
    pub(crate) async fn read(options: &ConnectOptions) -> Result<Source, AdviceError> {
        let mut session = session(options).await?;
        let server = server(&mut session).await?;
        let rows = session.rows("read the settings", include_str!("source/settings.sql")).await?;
        let settings = rows.iter().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect();
        // Names in definitions are then always qualified, whatever the login's own path is.
        let unqualified = "set search_path = pg_catalog";
        session.rows("set the search path", unqualified).await?;
        let rows = session.rows("read the schema", include_str!("source/schema.sql")).await?;
        let schema = rows.iter().filter_map(|row| row.optional(2)).map(str::to_owned).collect();
        session.rows("set the search path", "reset search_path").await?;
        let relations = relations(&mut session).await?;
        let statistics = statistics(&mut session).await?;
        let tables = tables(&mut session, &relations, &statistics).await?;
        Ok(Source { server, settings, schema, relations, tables, statistics, session })
    }
}

/// A session that reads only, and that nobody waits for.
pub(crate) async fn session(options: &ConnectOptions) -> Result<Session, AdviceError> {
    Session::open(options, &SETTINGS).await
}

async fn server(session: &mut Session) -> Result<Server, AdviceError> {
    let rows = session.rows("ask for the version", include_str!("source/server.sql")).await?;
    let row = rows.first().ok_or_else(|| AdviceError::Answer("no database".to_owned()))?;
    Ok(Server {
        major: row.number(0)?,
        block_bytes: row.number(1)?,
        encoding: row.text(2).to_owned(),
        collate: row.text(3).to_owned(),
        ctype: row.text(4).to_owned(),
        provider: row.text(5).to_owned(),
    })
}

async fn relations(session: &mut Session) -> Result<Vec<Relation>, AdviceError> {
    let rows = session.rows("read sizes", include_str!("source/relations.sql")).await?;
    rows.iter()
        .map(|row| {
            Ok(Relation {
                schema: row.text(1).to_owned(),
                name: row.text(2).to_owned(),
                kind: row.text(3).chars().next().unwrap_or('r'),
                method: row.text(4).to_owned(),
                pages: row.number(5)?,
                planned_tuples: row.number(6)?,
                planned_pages: row.number(7)?,
                visible_pages: row.number(8)?,
            })
        })
        .collect()
}

async fn statistics(session: &mut Session) -> Result<Vec<Statistics>, AdviceError> {
    let rows = session.rows("read statistics", include_str!("source/statistics.sql")).await?;
    let own = |text: Option<&str>| text.map(str::to_owned);
    rows.iter()
        .map(|row| {
            Ok(Statistics {
                schema: row.text(0).to_owned(),
                relation: row.text(1).to_owned(),
                column: row.text(2).to_owned(),
                inherited: row.truth(3),
                null_fraction: row.number(4)?,
                width: row.number(5)?,
                distinct: row.number(6)?,
                common_values: own(row.optional(7)),
                common_frequencies: own(row.optional(8)),
                histogram: own(row.optional(9)),
                correlation: own(row.optional(10)),
                elements: own(row.optional(11)),
                element_frequencies: own(row.optional(12)),
                element_counts: own(row.optional(13)),
            })
        })
        .collect()
}

async fn tables(
    session: &mut Session,
    relations: &[Relation],
    statistics: &[Statistics],
) -> Result<Vec<Table>, AdviceError> {
    let known: HashMap<(&str, &str, &str), &Statistics> = statistics
        .iter()
        .filter(|known| !known.inherited)
        .map(|known| ((known.schema.as_str(), known.relation.as_str(), known.column.as_str()), known))
        .collect();
    let mut columns: HashMap<(String, String), Vec<Column>> = HashMap::new();
    for row in session.rows("read columns", include_str!("source/columns.sql")).await? {
        let (schema, table, name) = (row.text(0), row.text(1), row.text(2));
        columns.entry((schema.to_owned(), table.to_owned())).or_default().push(Column {
            name: name.to_owned(),
            length: row.number(3)?,
            align: row.number(4)?,
            category: row.text(5).chars().next().unwrap_or('U'),
            deduplicates: row.truth(6),
            sortable: row.truth(7),
            statistics: known.get(&(schema, table, name)).map(|known| (*known).clone()),
        });
    }
    let tables = relations.iter().filter(|relation| matches!(relation.kind, 'r' | 'm')).map(|relation| {
        let name = (relation.schema.clone(), relation.name.clone());
        let columns = columns.remove(&name).unwrap_or_default();
        let tuples = density(relation, &columns) * relation.pages as f64;
        Table { schema: name.0, name: name.1, pages: relation.pages, tuples, columns }
    });
    Ok(tables.collect())
}

/// Rows in a page: as the planner estimates them.
fn density(relation: &Relation, columns: &[Column]) -> f64 {
    if relation.planned_pages > 0 && relation.planned_tuples >= 0.0 {
        return relation.planned_tuples / relation.planned_pages as f64;
    }
    let width: f64 = columns
        .iter()
        .map(|column| match (&column.statistics, column.length) {
            (Some(known), _) => known.width,
            (None, length) if length > 0 => f64::from(length),
            (None, _) => 32.0,
        })
        .sum();
    // A page's header, a row's header and its pointer.
    ((8192.0 - 24.0) / (width + 28.0)).max(1.0)
}
