//! Says what keeps Courant from caching here, with the exact lines that would change it and what it costs to
//! do without. Never changes anything.

use std::fmt;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::install::EVENT_TRIGGERS;
use super::{MESSAGE_PREFIX, SchemaError};
use crate::catalog::{StoredTable, Unpublishable};

const UNCACHED: &str = "Courant serves without the cache, except for answers with a declared ttl.";

/// What is missing, most important first. With nothing missing, every table is cached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Each obstacle with its remedy.
    pub obstacles: Vec<Missing>,
    /// Whether a change stream can be opened at all.
    pub can_stream: bool,
}

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is missing, in a line.
    pub what: String,
    /// The exact lines that provide it: SQL, unless a comment in them says otherwise.
    pub fix: String,
    /// What it costs to do without.
    pub costs: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        for line in self.fix.lines() {
            writeln!(f, "    {line}")?;
        }
        write!(f, "  Without it: {}", self.costs)
    }
}

/// Looks at the server, the role's rights and the tables.
pub async fn readiness(
    client: &Client,
    publication: &str,
    tables: &[StoredTable],
) -> Result<Readiness, SchemaError> {
    let facts = client.query_typed_one(include_str!("readiness.sql"), &[(&publication, Type::TEXT)]).await?;
    let facts = Facts::read(&facts)?;
    let mut obstacles = facts.of_stream();
    let can_stream = obstacles.is_empty();
    obstacles.extend(facts.of_rights());
    obstacles.extend(of_tables(client, tables).await?);
    Ok(Readiness { obstacles, can_stream })
}

struct Facts {
    server_version: i32,
    standby: bool,
    wal_level: String,
    may_replicate: bool,
    slots: i32,
    slots_used: i64,
    senders: i32,
    senders_used: i64,
    may_create: bool,
    has_publication: bool,
    has_schema: bool,
    has_triggers: bool,
    superuser: bool,
    role: String,
    database: String,
}

impl Facts {
    fn read(row: &Row) -> Result<Facts, tokio_postgres::Error> {
        Ok(Facts {
            server_version: row.try_get(0)?,
            standby: row.try_get(1)?,
            wal_level: row.try_get(2)?,
            may_replicate: row.try_get(3)?,
            slots: row.try_get(4)?,
            slots_used: row.try_get(5)?,
            senders: row.try_get(6)?,
            senders_used: row.try_get(7)?,
            may_create: row.try_get(8)?,
            has_publication: row.try_get(9)?,
            has_schema: row.try_get(10)?,
            has_triggers: row.try_get(11)?,
            superuser: row.try_get(12)?,
            role: row.try_get(13)?,
            database: row.try_get(14)?,
        })
    }

    /// What keeps a change stream from being opened.
    fn of_stream(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        let mut add = |what: String, fix: String| {
            missing.push(Missing { what, fix, costs: UNCACHED.to_owned() });
        };
        let Facts { role, database, slots, senders, .. } = self;
        if self.server_version < 140_000 {
            add("PostgreSQL 14 or later is needed".into(), "-- upgrade the server".into());
        }
        if self.standby {
            add("this server is a standby".into(), "-- connect Courant to the primary".into());
        }
        if self.wal_level != "logical" {
            add(
                format!("wal_level is {}, and a change stream needs logical", self.wal_level),
                "alter system set wal_level = logical;\n-- then restart the server".into(),
            );
        }
        if !self.may_replicate {
            add(format!("the role {role} may not replicate"), format!("alter role {role} replication;"));
        }
        if !self.may_create && !self.has_publication {
            add(
                format!("the role {role} may not create a publication"),
                format!("grant create on database {database} to {role};"),
            );
        }
        if i64::from(*slots) <= self.slots_used {
            add(
                format!("all {slots} replication slots are taken"),
                format!(
                    "alter system set max_replication_slots = {};\n-- then restart the server",
                    slots + 4
                ),
            );
        }
        if i64::from(*senders) <= self.senders_used {
            add(
                format!("all {senders} WAL senders are taken"),
                format!("alter system set max_wal_senders = {};\n-- then restart the server", senders + 4),
            );
        }
        missing
    }

    /// What would be better with more rights.
    fn of_rights(&self) -> Vec<Missing> {
        let Facts { role, database, .. } = self;
        let costs = format!(
            "Courant sees schema changes by looking once a second instead of being told ({MESSAGE_PREFIX})."
        );
        let mut missing = Vec::new();
        if !self.may_create && !self.has_schema {
            missing.push(Missing {
                what: format!("the role {role} may not create the schema courant"),
                fix: format!("grant create on database {database} to {role};"),
                costs: costs.clone(),
            });
        }
        if !self.has_triggers && !self.superuser {
            let statements = EVENT_TRIGGERS.lines().filter(|line| line.starts_with("create"));
            let lines = Vec::from_iter(statements).join("\n");
            missing.push(Missing {
                what: format!("the role {role} may not create event triggers"),
                fix: format!("-- as a superuser, once Courant has made its schema:\n{lines}"),
                costs,
            });
        }
        missing
    }
}

/// The tables that stay out of the publication, those of one cause together.
async fn of_tables(client: &Client, tables: &[StoredTable]) -> Result<Vec<Missing>, SchemaError> {
    let out: Vec<&StoredTable> = tables
        .iter()
        .filter(|table| matches!(table.publishable, Err(why) if why != Unpublishable::Unlogged))
        .collect();
    let ids: Vec<u32> = out.iter().map(|table| table.id.0).collect();
    let indexes: Vec<Option<&str>> = out.iter().map(|table| table.identity_candidate.as_deref()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&ids, Type::OID_ARRAY), (&indexes, Type::TEXT_ARRAY)];
    let (mut identity_lines, mut owner_lines) = (Vec::new(), Vec::new());
    for row in client.query_typed(include_str!("table_fix.sql"), &parameters).await? {
        let id: u32 = row.try_get(0)?;
        let Some(table) = out.iter().find(|table| table.id.0 == id) else { continue };
        if table.identity.is_empty() {
            identity_lines.push(row.try_get::<_, String>(1)?);
        }
        if !table.may_publish {
            owner_lines.push(row.try_get::<_, String>(2)?);
        }
    }
    owner_lines.sort();
    owner_lines.dedup();
    let mut missing = Vec::new();
    if !identity_lines.is_empty() {
        missing.push(Missing {
            what: match identity_lines.len() {
                1 => "1 table has no replica identity".to_owned(),
                count => format!("{count} tables have no replica identity"),
            },
            fix: format!(
                "-- or give the table a primary key; full logs whole old rows (about a fifth more log)\n{}",
                identity_lines.join("\n")
            ),
            costs: "Answers that read these tables are not cached.".to_owned(),
        });
    }
    if !owner_lines.is_empty() {
        missing.push(Missing {
            what: match owner_lines_of(&out) {
                1 => "1 table belongs to a role whose rights this role has not".to_owned(),
                count => format!("{count} tables belong to roles whose rights this role has not"),
            },
            fix: owner_lines.join("\n"),
            costs: "Answers that read these tables are not cached.".to_owned(),
        });
    }
    Ok(missing)
}

fn owner_lines_of(tables: &[&StoredTable]) -> usize {
    tables.iter().filter(|table| !table.may_publish).count()
}
