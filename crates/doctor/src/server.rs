//! What kind of server it is, what the login may see there, and whom the database is open to.
//!
//! Sets the session up so that nothing it asks can hold anybody up.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Error;
use crate::finding::Limit;

/// The oldest version whose catalogs are read.
const VERSION_MIN: i32 = 130_000;

/// The server, as far as the examination depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) version: String,
    pub(crate) version_number: i32,
    pub(crate) database: String,
    pub(crate) now: String,
    pub(crate) is_standby: bool,
    /// The schema of pg_stat_statements, where the extension is installed.
    pub(crate) statements_schema: Option<String>,
    /// The roles that strangers come in as, `PUBLIC` (0) among them.
    pub(crate) exposed: Vec<u32>,
    pub(crate) limits: Vec<Limit>,
}

/// Makes the session one that reads only, waits for nothing and takes its time limits from here.
pub(crate) async fn prepare(client: &Client) -> Result<(), Error> {
    client.batch_execute(include_str!("session.sql")).await.map_err(Error::database("the session was set up"))
}

/// Asks what the server is.
pub(crate) async fn look(client: &Client, exposed: &[String]) -> Result<Server, Error> {
    let failed = Error::database("the server was looked at");
    let row = client.query_typed_one(include_str!("server.sql"), &[]).await.map_err(&failed)?;
    let read = |row: &Row| {
        Ok::<_, tokio_postgres::Error>(Server {
            version: row.try_get("version")?,
            version_number: row.try_get("version_number")?,
            database: row.try_get("database")?,
            now: row.try_get("now")?,
            is_standby: row.try_get("is_standby")?,
            statements_schema: row.try_get("statements_schema")?,
            exposed: Vec::new(),
            limits: Vec::new(),
        })
    };
    let mut server = read(&row).map_err(&failed)?;
    if server.version_number < VERSION_MIN {
        return Err(Error::TooOld(server.version));
    }
    let reads_all: bool = row.try_get("reads_all_statistics").map_err(&failed)?;
    server.limits = limits(&server, reads_all);
    let rows = client
        .query_typed(include_str!("exposed_roles.sql"), &[(&exposed, Type::TEXT_ARRAY)])
        .await
        .map_err(&failed)?;
    for row in rows {
        let (name, oid) = (row.try_get::<_, String>(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
        server.exposed.push(Option::<u32>::ok_or(oid, Error::NoRole(name))?);
    }
    Ok(server)
}

fn limits(server: &Server, reads_all: bool) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut lacks = |what: &str, why: &str| limits.push(Limit { what: what.to_owned(), why: why.to_owned() });
    if !reads_all {
        lacks(
            "what others run",
            "this login sees its own sessions and statements only: grant pg_read_all_stats (or pg_monitor) to it",
        );
    }
    if server.statements_schema.is_none() {
        lacks(
            "latencies, slow statements and N+1",
            "pg_stat_statements is not installed: put it into shared_preload_libraries, restart, and create extension \
             pg_stat_statements; until then running statements are sampled",
        );
    }
    lacks(
        "latencies",
        "they are estimated from pg_stat_statements: means and deviations, of statements and not of requests",
    );
    if server.is_standby {
        lacks(
            "writes and vacuum",
            "this is a standby: its counters of dead rows and of index use are its own",
        );
    }
    limits
}
