//! The system catalogs' rows, as they stood in one snapshot.
//!
//! Sends all statements at once on one connection, inside one transaction, and keeps the answers as rows:
//! what they mean is said in [`super::dependence`] and [`super::assemble`]. Never holds a lock past the
//! transaction and never writes.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::fingerprint;
use super::{KeptSettings, LoadError, RelationId};

/// Everything that a catalog is made of.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) server_version: u32,
    pub(super) fingerprint: u64,
    pub(super) relations: HashMap<RelationId, SourceRelation>,
    /// Children by parent.
    pub(super) children: HashMap<RelationId, Vec<RelationId>>,
    pub(super) columns: HashMap<RelationId, Vec<SourceColumn>>,
    pub(super) keys: HashMap<RelationId, Vec<SourceKey>>,
    pub(super) foreign_keys: Vec<SourceForeignKey>,
    /// The query of each view, as a node tree.
    pub(super) views: HashMap<RelationId, String>,
    /// The policies' names and conditions by relation.
    pub(super) policies: HashMap<RelationId, Vec<(String, String)>>,
    pub(super) domains: HashMap<u32, SourceDomain>,
    pub(super) functions: HashMap<u32, SourceFunction>,
    pub(super) signatures: Vec<Row>,
    pub(super) operators: HashMap<u32, SourceOperator>,
    pub(super) timezones: HashSet<String>,
    pub(super) roles: HashMap<String, KeptSettings>,
    pub(super) conversions: Vec<SourceConversion>,
}

/// A function by which values of a domain are spoken of.
#[derive(Debug)]
pub(super) struct SourceConversion {
    pub(super) domain: u32,
    pub(super) way: String,
    pub(super) function: u32,
    pub(super) schema: String,
    pub(super) name: String,
}

#[derive(Debug)]
pub(super) struct SourceRelation {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) persistence: u8,
    pub(super) has_policies: bool,
    pub(super) identity: u8,
    pub(super) mine: bool,
    pub(super) owner: String,
}

#[derive(Debug)]
pub(super) struct SourceColumn {
    pub(super) number: i16,
    pub(super) name: String,
    pub(super) type_id: u32,
    pub(super) type_name: String,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    pub(super) generated: bool,
    pub(super) deterministic: bool,
    pub(super) type_kind: u8,
    pub(super) granted: bool,
    pub(super) default: Option<String>,
}

/// A unique index over plain columns and all rows.
#[derive(Debug)]
pub(super) struct SourceKey {
    pub(super) columns: Vec<i16>,
    pub(super) primary: bool,
    pub(super) identity: bool,
    pub(super) immediate: bool,
    pub(super) index: String,
}

#[derive(Debug)]
pub(super) struct SourceForeignKey {
    pub(super) name: String,
    pub(super) from: RelationId,
    pub(super) from_columns: Vec<i16>,
    pub(super) to: RelationId,
    pub(super) to_columns: Vec<i16>,
}

#[derive(Debug, Default)]
pub(super) struct SourceDomain {
    pub(super) base: u32,
    pub(super) checks: Vec<String>,
}

#[derive(Debug)]
pub(super) struct SourceFunction {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) volatility: u8,
    pub(super) code: SourceCode,
}

/// Where a function's behaviour is written.
#[derive(Debug)]
pub(super) enum SourceCode {
    /// In the server: how many arguments it takes tells its overloads apart where that matters.
    Builtin { arguments: i16 },
    /// By a user or an extension.
    Written {
        language: String,
        text: String,
        tree: Option<String>,
        defaults: Option<String>,
        /// Takes and returns built-in types only.
        plain: bool,
        extension: Option<String>,
        /// The functions of which an aggregate is made.
        parts: Vec<u32>,
    },
}

#[derive(Debug)]
pub(super) struct SourceOperator {
    pub(super) name: String,
    pub(super) function: u32,
    pub(super) left: u32,
    pub(super) right: u32,
}

const STATEMENTS: [&str; 15] = [
    include_str!("relations.sql"),
    include_str!("inheritance.sql"),
    include_str!("columns.sql"),
    include_str!("keys.sql"),
    include_str!("foreign_keys.sql"),
    include_str!("views.sql"),
    include_str!("policies.sql"),
    include_str!("domains.sql"),
    include_str!("builtins.sql"),
    include_str!("functions.sql"),
    include_str!("signatures.sql"),
    include_str!("operators.sql"),
    include_str!("timezones.sql"),
    include_str!("roles.sql"),
    include_str!("representations.sql"),
];

impl Source {
    /// Reads the catalogs. Where it fails the transaction has been rolled back; where the future is dropped
    /// half-way it has not, and the connection is of no further use.
    pub(super) async fn read(client: &Client, schemas: &[String]) -> Result<Source, LoadError> {
        let read = Source::read_in_transaction(client, schemas).await;
        let end = client.batch_execute(if read.is_ok() { "commit" } else { "rollback" }).await;
        let source = read?;
        end?;
        Ok(source)
    }

    async fn read_in_transaction(client: &Client, schemas: &[String]) -> Result<Source, LoadError> {
        let begin = client.batch_execute("begin isolation level repeatable read, read only");
        let version = client.query_typed_one(include_str!("server_version.sql"), &[]);
        let fingerprint = fingerprint::of_snapshot(client);
        let schemas: &(dyn ToSql + Sync) = &schemas;
        let statements = STATEMENTS.map(|sql| async move {
            let parameters = [(schemas, Type::TEXT_ARRAY)];
            client.query_typed(sql, if sql.contains("$1") { &parameters } else { &[] }).await
        });
        let mut source = Source::default();
        // Polled in this order, they leave in one flight: the transaction begins first.
        let all = futures_util::future::try_join4(begin, version, fingerprint, try_join_all(statements));
        let ((), version, fingerprint, answers) = all.await?;
        source.server_version = version.try_get::<_, i32>(0)?.unsigned_abs();
        source.fingerprint = fingerprint;
        let takers = [
            Source::take_relation,
            Source::take_child,
            Source::take_column,
            Source::take_key,
            Source::take_foreign_key,
            Source::take_view,
            Source::take_policy,
            Source::take_domain,
            Source::take_builtin,
            Source::take_function,
            Source::take_signature,
            Source::take_operator,
            Source::take_timezone,
            Source::take_role_setting,
            Source::take_conversion,
        ];
        for (take, rows) in takers.into_iter().zip(answers) {
            for row in rows {
                take(&mut source, row)?;
            }
        }
        Ok(source)
    }

    fn take_relation(&mut self, row: Row) -> Result<(), LoadError> {
        let relation = SourceRelation {
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: letter(&row, 3)?,
            persistence: letter(&row, 4)?,
            has_policies: row.try_get(5)?,
            identity: letter(&row, 6)?,
            mine: row.try_get(7)?,
            owner: row.try_get(8)?,
        };
        self.relations.insert(RelationId(row.try_get(0)?), relation);
        Ok(())
    }

    fn take_child(&mut self, row: Row) -> Result<(), LoadError> {
        let parent = RelationId(row.try_get(0)?);
        self.children.entry(parent).or_default().push(RelationId(row.try_get(1)?));
        Ok(())
    }

    fn take_column(&mut self, row: Row) -> Result<(), LoadError> {
        let column = SourceColumn {
            number: row.try_get(1)?,
            name: row.try_get(2)?,
            type_id: row.try_get(3)?,
            type_name: row.try_get(4)?,
            not_null: row.try_get(5)?,
            has_default: row.try_get(6)?,
            generated: row.try_get(7)?,
            deterministic: row.try_get(8)?,
            type_kind: letter(&row, 9)?,
            granted: row.try_get(10)?,
            default: row.try_get(11)?,
        };
        self.columns.entry(RelationId(row.try_get(0)?)).or_default().push(column);
        Ok(())
    }

    fn take_key(&mut self, row: Row) -> Result<(), LoadError> {
        let mut columns: Vec<i16> = row.try_get(1)?;
        // The rest are only carried along (`include`).
        columns.truncate(usize::try_from(row.try_get::<_, i16>(2)?).unwrap_or(0));
        let key = SourceKey {
            columns,
            primary: row.try_get(3)?,
            identity: row.try_get(4)?,
            immediate: row.try_get(5)?,
            index: row.try_get(6)?,
        };
        self.keys.entry(RelationId(row.try_get(0)?)).or_default().push(key);
        Ok(())
    }

    fn take_foreign_key(&mut self, row: Row) -> Result<(), LoadError> {
        self.foreign_keys.push(SourceForeignKey {
            name: row.try_get(0)?,
            from: RelationId(row.try_get(1)?),
            from_columns: row.try_get(2)?,
            to: RelationId(row.try_get(3)?),
            to_columns: row.try_get(4)?,
        });
        Ok(())
    }

    fn take_view(&mut self, row: Row) -> Result<(), LoadError> {
        self.views.insert(RelationId(row.try_get(0)?), row.try_get(1)?);
        Ok(())
    }

    fn take_policy(&mut self, row: Row) -> Result<(), LoadError> {
        let policy = (row.try_get(1)?, row.try_get(2)?);
        self.policies.entry(RelationId(row.try_get(0)?)).or_default().push(policy);
        Ok(())
    }

    fn take_domain(&mut self, row: Row) -> Result<(), LoadError> {
        let domain = self.domains.entry(row.try_get(0)?).or_default();
        domain.base = row.try_get(1)?;
        domain.checks.extend(row.try_get::<_, Option<String>>(2)?);
        Ok(())
    }

    fn take_builtin(&mut self, row: Row) -> Result<(), LoadError> {
        let function = SourceFunction {
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            volatility: letter(&row, 3)?,
            code: SourceCode::Builtin { arguments: row.try_get(4)? },
        };
        self.functions.insert(row.try_get(0)?, function);
        Ok(())
    }

    fn take_function(&mut self, row: Row) -> Result<(), LoadError> {
        let parts: Vec<Option<u32>> = row.try_get(10)?;
        let code = SourceCode::Written {
            language: row.try_get(4)?,
            text: row.try_get(5)?,
            tree: row.try_get(6)?,
            defaults: row.try_get(7)?,
            plain: row.try_get(8)?,
            extension: row.try_get(9)?,
            parts: parts.into_iter().flatten().filter(|part| *part != 0).collect(),
        };
        let function = SourceFunction {
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            volatility: letter(&row, 3)?,
            code,
        };
        self.functions.insert(row.try_get(0)?, function);
        Ok(())
    }

    fn take_signature(&mut self, row: Row) -> Result<(), LoadError> {
        self.signatures.push(row);
        Ok(())
    }

    fn take_timezone(&mut self, row: Row) -> Result<(), LoadError> {
        self.timezones.insert(row.try_get(0)?);
        Ok(())
    }

    fn take_role_setting(&mut self, row: Row) -> Result<(), LoadError> {
        self.roles.entry(row.try_get(0)?).or_default().put(row.try_get(1)?, row.try_get(2)?);
        Ok(())
    }

    fn take_conversion(&mut self, row: Row) -> Result<(), LoadError> {
        self.conversions.push(SourceConversion {
            domain: row.try_get(0)?,
            way: row.try_get(1)?,
            function: row.try_get(2)?,
            schema: row.try_get(3)?,
            name: row.try_get(4)?,
        });
        Ok(())
    }

    fn take_operator(&mut self, row: Row) -> Result<(), LoadError> {
        let operator = SourceOperator {
            name: row.try_get(1)?,
            function: row.try_get(2)?,
            left: row.try_get(3)?,
            right: row.try_get(4)?,
        };
        self.operators.insert(row.try_get(0)?, operator);
        Ok(())
    }
}

/// A value of PostgreSQL's one-byte type `"char"`.
pub(super) fn letter(row: &Row, column: usize) -> Result<u8, tokio_postgres::Error> {
    Ok(row.try_get::<_, i8>(column)? as u8)
}
