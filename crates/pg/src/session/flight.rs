//! A flight: the parts of a transaction, sent together and answered together; and what becomes of the
//! connection when the request goes away.
//!
//! All parts stand before one Sync. Until it comes the server holds them to be one transaction, and once one
//! of them fails it passes over the rest
//! (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>). So nothing runs
//! unless the settings before it were set, and there is nothing to roll back.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend::{self, BindError};

use super::{Mode, Record, Session, Told, Trail, settings};
use crate::pool::{Connection, Lease, Prepared, Remains, Statements};
use crate::row::{self, Column, Row};
use crate::wire::{Frame, WireError};
use crate::{DatabaseError, Error, Parameter, Statement};

const BINARY: i16 = 1;

/// The statement that is forgotten with the next one of no name.
const UNNAMED: &str = "";

/// What a transaction says to its response. Nothing at first: a function may have said it for the whole session.
const RESPONSE: [(&str, &str); 2] = [("response.headers", ""), ("response.status", "")];

/// How far a flight has got, which says what is to be done if it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was written yet.
    Grounded,
    Running,
    Committing,
}

/// What a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The request's own statement.
    Statement,
    /// What it says to the response.
    Told,
    /// Whether it wrote.
    Mark,
    /// Settings, begin, an entry in the audit log, commit: all that matters is that it did not fail.
    Frame,
}

/// A part that is on its way.
struct Part {
    purpose: Purpose,
    /// None until the server has told them.
    columns: Option<Arc<[Column]>>,
    /// What is prepared along with it, to be remembered once it is.
    parsing: Option<Parsing>,
}

struct Parsing {
    role: Option<String>,
    sql: String,
    name: Arc<str>,
}

/// What the server said to the parts of a flight.
#[derive(Default)]
pub(super) struct Heard {
    /// What each statement returned that has run to its end.
    results: Vec<Rows>,
    /// What has come so far of the one that runs.
    running: Rows,
    rows_wanted: usize,
    /// Whether the transaction has written.
    pub(super) wrote: bool,
}

/// The rows of a statement, as many as are wanted.
#[derive(Default)]
struct Rows {
    kept: Vec<Row>,
    count: usize,
    /// What was said to the response by then.
    told: Told,
}

impl Heard {
    /// The row of the one statement, which returns exactly one.
    pub(super) fn row(self) -> Result<Row, Error> {
        let row = self.rows(1)?.into_iter().next();
        row.ok_or(Error::RowCount)
    }

    /// The rows of the one statement, which returns exactly so many.
    pub(super) fn rows(self, count: usize) -> Result<Vec<Row>, Error> {
        let Rows { kept, count: found, .. } = self.results.into_iter().next().ok_or(Error::RowCount)?;
        if found == count && kept.len() == count { Ok(kept) } else { Err(Error::RowCount) }
    }

    /// What the last statement says to the response.
    pub(super) fn told(&mut self) -> Told {
        self.results.last_mut().map(|rows| std::mem::take(&mut rows.told)).unwrap_or_default()
    }

    /// The rows of each statement, which return no more than were wanted.
    pub(super) fn all(self) -> Result<Vec<Vec<Row>>, Error> {
        Ok(self.each()?.into_iter().map(|(rows, _)| rows).collect())
    }

    /// The same, each with what was said to the response.
    pub(super) fn each(self) -> Result<Vec<(Vec<Row>, Told)>, Error> {
        let whole = |Rows { kept, count, told }| {
            if kept.len() == count { Ok((kept, told)) } else { Err(Error::RowCount) }
        };
        self.results.into_iter().map(whole).collect()
    }
}

/// One transaction on a lent connection. Dropped before its end, it has its statement cancelled, unless a
/// COMMIT is on its way.
pub(super) struct Flight<'a> {
    lease: Option<Lease>,
    stage: Stage,
    session: &'a Session<'a>,
    parts: Vec<Part>,
    /// How many statements have run to their end.
    completed: usize,
}

impl<'a> Flight<'a> {
    pub(super) fn new(lease: Lease, session: &'a Session<'a>) -> Flight<'a> {
        let parts = Vec::with_capacity(4);
        Flight { lease: Some(lease), stage: Stage::Grounded, session, parts, completed: 0 }
    }

    /// What is added from here on is settled, and prepared, for this session.
    pub(super) fn turn_to(&mut self, session: &'a Session<'a>) {
        self.session = session;
    }

    /// How many statements have run to their end.
    pub(super) fn completed(&self) -> usize {
        self.completed
    }

    /// Adds a command without parameters.
    pub(super) fn command(&mut self, sql: &str) -> Result<(), Error> {
        self.add(Purpose::Frame, None, sql, std::iter::empty())
    }

    /// Begins the transaction, where it must be begun by a statement of its own. Says whether it was.
    pub(super) fn begin(&mut self, must: bool, mode: Mode) -> Result<bool, Error> {
        match self.session.isolation {
            Some(isolation) => self.command(isolation.begin(mode)).map(|()| true),
            None if must => self.command("begin").map(|()| true),
            None => Ok(false),
        }
    }

    /// Adds the settings, and last the role; then what is to run before the request's statement.
    ///
    /// No role means the login's default, in case a function changed the role for the whole session.
    pub(super) fn settle(&mut self, mode: Mode) -> Result<(), Error> {
        let Session { role, settings, before, is_heard, .. } = *self.session;
        let response: &[_] = if is_heard { &RESPONSE } else { &[] };
        let named = settings.iter().chain(response).flat_map(|(name, value)| [Some(*name), Some(*value)]);
        let values = named.chain([role]).map(|value| value.map(str::as_bytes));
        let count = settings.len() + response.len();
        self.add(Purpose::Frame, None, &settings::statement(count, mode), values)?;
        match before {
            Some(sql) => self.add(Purpose::Frame, role, sql, std::iter::empty()),
            None => Ok(()),
        }
    }

    /// Adds that these settings are again what they are for the session.
    pub(super) fn unsettle<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<(), Error> {
        for name in names {
            let values = [Some(name.as_bytes())];
            self.add(Purpose::Frame, None, include_str!("unsettle.sql"), values.into_iter())?;
        }
        Ok(())
    }

    /// Adds the request's statement.
    pub(super) fn run(&mut self, statement: &Statement) -> Result<(), Error> {
        let values = statement.parameters.iter().map(|parameter| match parameter {
            Parameter::Null => None,
            Parameter::Text(text) => Some(text.as_ref()),
        });
        self.add(Purpose::Statement, self.session.role, &statement.sql, values)?;
        if self.session.is_heard {
            self.add(Purpose::Told, None, include_str!("told.sql"), std::iter::empty())?;
        }
        Ok(())
    }

    /// Adds the trail, which is left if the transaction has written.
    pub(super) fn leave(&mut self, trail: Trail<'_>) -> Result<(), Error> {
        let values = [trail.mark.map(str::as_bytes)];
        self.add(Purpose::Mark, None, include_str!("mark.sql"), values.into_iter())?;
        trail.record.map_or(Ok(()), |record| self.record(record))
    }

    /// Adds an entry in the audit log, which is made if the transaction has written.
    pub(super) fn record(&mut self, record: &Record) -> Result<(), Error> {
        self.add(Purpose::Frame, None, include_str!("record.sql"), record.values().into_iter())
    }

    /// From here on, it must not be cancelled.
    pub(super) fn is_committing(&mut self) {
        self.stage = Stage::Committing;
    }

    /// Writes a part. A statement that this connection has not prepared is prepared along with it: behind the
    /// settings, so that it is parsed as its role, and with its search path.
    fn add<'v>(
        &mut self,
        purpose: Purpose,
        role: Option<&str>,
        sql: &str,
        values: impl Iterator<Item = Option<&'v [u8]>>,
    ) -> Result<(), Error> {
        if self.stage == Stage::Grounded {
            self.stage = Stage::Running;
        }
        // What ran before may have changed the role, and a statement is checked as the role that has it parsed.
        let is_known = purpose != Purpose::Statement || self.session.before.is_none();
        let Connection { wire, statements, .. } = self.connection();
        let written = match statements.get(role, sql).filter(|_| is_known) {
            None if !is_known => parse(UNNAMED, sql, wire.outbox())
                .and_then(|()| bind(UNNAMED, values, wire.outbox()))
                .map(|()| Part { purpose, columns: None, parsing: None }),
            Some(Prepared { name, columns }) => bind(&name, values, wire.outbox()).map(|()| Part {
                purpose,
                columns: Some(columns),
                parsing: None,
            }),
            None => {
                let name = statements.name();
                let parsing =
                    Parsing { role: role.map(str::to_owned), sql: sql.to_owned(), name: name.clone() };
                parse(&name, sql, wire.outbox())
                    .and_then(|()| bind(&name, values, wire.outbox()))
                    .map(|()| Part { purpose, columns: None, parsing: Some(parsing) })
            }
        };
        match written {
            Ok(part) => {
                self.parts.push(part);
                Ok(())
            }
            Err(error) => {
                // Nothing of it was sent, but the half of it cannot be taken back.
                self.abandon();
                Err(Error::Protocol(WireError::Protocol(error.to_string())))
            }
        }
    }

    /// Sends what was added, with a Sync behind it, and waits for all answers.
    ///
    /// Of the statement's rows so many are kept. After an error the connection has gone back, or to be cleaned, or is
    /// ended.
    pub(super) async fn land(&mut self, rows_wanted: usize) -> Result<Heard, Error> {
        let Connection { wire, statements, .. } = self.connection();
        for name in statements.unused() {
            // A name of our own has no byte that it may not have.
            let _ = frontend::close(b'S', &name, wire.outbox());
        }
        wire.sync();
        let mut heard = Heard { rows_wanted, ..Heard::default() };
        let listened = self.listen(&mut heard).await;
        self.completed += heard.results.len();
        let refusal = match listened {
            Ok(refusal) => refusal,
            Err(error) => {
                self.abandon();
                return Err(error.into());
            }
        };
        let Some(refusal) = refusal else { return Ok(heard) };
        if refusal.is_stale_plan() {
            // Other statements of this connection may be stale as well.
            self.abandon();
        } else {
            self.finish();
        }
        Err(WireError::Refused(refusal).into())
    }

    /// Reads until the server is ready; the error that counts is the first, since it has the rest passed over.
    async fn listen(&mut self, heard: &mut Heard) -> Result<Option<Box<DatabaseError>>, WireError> {
        let lease = self.lease.as_mut().expect("it leaves the flight only when the flight ends");
        let Connection { wire, statements, .. } = lease.connection_mut();
        let mut refusal = None;
        let mut parts = self.parts.iter_mut().peekable();
        loop {
            let message = match wire.receive().await {
                Ok(Frame::Other(message)) => message,
                Ok(_) => return Err(WireError::Protocol("a stream that nobody asked for".to_owned())),
                Err(WireError::Refused(error)) => {
                    refusal.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(refusal.map_or(error, WireError::Refused)),
            };
            match (message, parts.peek_mut()) {
                (Message::RowDescription(description), Some(part)) => {
                    part.has_columns(row::columns(&description)?, statements);
                }
                (Message::NoData, Some(part)) => part.has_columns(Arc::new([]), statements),
                (Message::DataRow(body), Some(part)) => heard.hear(part, &body)?,
                (Message::CommandComplete(_) | Message::EmptyQueryResponse, Some(part)) => {
                    if part.purpose == Purpose::Statement {
                        heard.results.push(std::mem::take(&mut heard.running));
                    }
                    parts.next();
                }
                (Message::ReadyForQuery(_), _) => break,
                (
                    Message::ParseComplete
                    | Message::ParameterDescription(_)
                    | Message::BindComplete
                    | Message::CloseComplete,
                    _,
                ) => {}
                _ => return Err(WireError::Protocol("unexpected message in a transaction".to_owned())),
            }
        }
        for parsing in self.parts.drain(..).filter_map(|part| part.parsing) {
            statements.disuse(parsing.name);
        }
        Ok(refusal)
    }

    /// Everything was answered: the connection goes back, or to have its transaction rolled back.
    pub(super) fn finish(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        if lease.connection_mut().wire.is_at_rest() {
            lease.give_back();
        } else {
            lease.reclaim(Remains::Unwanted);
        }
    }

    fn connection(&mut self) -> &mut Connection {
        self.lease.as_mut().expect("it leaves the flight only when the flight ends").connection_mut()
    }

    /// The connection is beyond use.
    fn abandon(&mut self) {
        drop(self.lease.take());
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        for parsing in self.parts.drain(..).filter_map(|part| part.parsing) {
            lease.connection_mut().statements.disuse(parsing.name);
        }
        match self.stage {
            Stage::Grounded => lease.give_back(),
            Stage::Running => lease.reclaim(Remains::Unwanted),
            Stage::Committing => lease.reclaim(Remains::Committing),
        }
    }
}

impl Part {
    /// Takes note of the columns; a statement whose columns are known is prepared.
    fn has_columns(&mut self, columns: Arc<[Column]>, statements: &mut Statements) {
        if let Some(Parsing { role, sql, name }) = self.parsing.take() {
            statements.put(role.as_deref(), &sql, Prepared { name, columns: columns.clone() });
        }
        self.columns = Some(columns);
    }
}

impl Heard {
    fn hear(&mut self, part: &Part, body: &DataRowBody) -> Result<(), WireError> {
        let is_statement = part.purpose == Purpose::Statement;
        self.running.count += usize::from(is_statement);
        if part.purpose == Purpose::Frame || is_statement && self.running.count > self.rows_wanted {
            return Ok(());
        }
        let columns = part.columns.clone();
        let columns =
            columns.ok_or_else(|| WireError::Protocol("a row before its description".to_owned()))?;
        let row = Row::new(columns, body)?;
        let unreadable = |error: row::DecodeError| WireError::Protocol(error.to_string());
        match part.purpose {
            Purpose::Statement => self.running.kept.push(row),
            Purpose::Told => {
                let (headers, status) = (row.get(0).map_err(unreadable)?, row.get(1).map_err(unreadable)?);
                if let Some(rows) = self.results.last_mut() {
                    rows.told = Told { headers, status };
                }
            }
            Purpose::Mark => self.wrote = row.get(0).map_err(unreadable)?,
            Purpose::Frame => {}
        }
        Ok(())
    }
}

fn parse(name: &str, sql: &str, out: &mut BytesMut) -> io::Result<()> {
    frontend::parse(name, sql, std::iter::empty(), out)?;
    frontend::describe(b'S', name, out)
}

/// Binds values, as text, and executes; results come in binary format.
fn bind<'v>(
    name: &str,
    values: impl Iterator<Item = Option<&'v [u8]>>,
    out: &mut BytesMut,
) -> io::Result<()> {
    let text = |value: Option<&[u8]>, out: &mut BytesMut| match value {
        Some(text) => {
            out.put_slice(text);
            Ok(IsNull::No)
        }
        None => Ok(IsNull::Yes),
    };
    frontend::bind("", name, std::iter::empty(), values, text, [BINARY], out).map_err(
        |error| match error {
            BindError::Serialization(error) => error,
            BindError::Conversion(error) => io::Error::other(error),
        },
    )?;
    frontend::execute("", 0, out)
}
