//! A session with a server, spoken to in plain text.
//!
//! Everything that the advisor asks is short and is asked once, or is a plan: neither gains from being prepared.

use std::str::FromStr;

use pg::connect::ConnectOptions;
use pg::wire::{Wire, WireError};

use crate::AdviceError;

/// Bytes read at once: a plan in JSON is larger than a row.
const READ_BYTES: usize = 64 * 1024;

/// A session.
pub(crate) struct Session {
    wire: Wire,
}

impl Session {
    /// Logs in, with these settings.
    pub(crate) async fn open(
        options: &ConnectOptions,
        settings: &[(&str, &str)],
    ) -> Result<Session, AdviceError> {
        let opened = options.open().await?;
        let wire = Wire::start(opened, settings, READ_BYTES).await;
        Ok(Session { wire: wire.map_err(|source| AdviceError::Session { doing: "log in", source })? })
    }

    /// Runs one or more statements; the rows of all of them.
    pub(crate) async fn rows(
        &mut self,
        doing: &'static str,
        statements: &str,
    ) -> Result<Vec<Fields>, AdviceError> {
        let rows = self.wire.command(statements).await;
        let rows = rows.map_err(|source| AdviceError::Session { doing, source })?;
        Ok(rows.into_iter().map(Fields).collect())
    }

    /// The same, where a refusal is an answer: what the server said.
    pub(crate) async fn attempt(
        &mut self,
        doing: &'static str,
        statements: &str,
    ) -> Result<Result<Vec<Fields>, String>, AdviceError> {
        match self.wire.command(statements).await {
            Ok(rows) => Ok(Ok(rows.into_iter().map(Fields).collect())),
            Err(WireError::Refused(refusal)) => Ok(Err(refusal.message)),
            Err(source) => Err(AdviceError::Session { doing, source }),
        }
    }
}

/// A row's fields, as text.
#[derive(Debug)]
pub(crate) struct Fields(Vec<Option<String>>);

impl Fields {
    /// The text of a field; empty where it is null.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.optional(at).unwrap_or_default()
    }

    /// The text of a field, unless it is null.
    pub(crate) fn optional(&self, at: usize) -> Option<&str> {
        self.0.get(at)?.as_deref()
    }

    /// Whether it is true.
    pub(crate) fn truth(&self, at: usize) -> bool {
        self.text(at) == "t"
    }

    /// A field that is a number.
    pub(crate) fn number<N: FromStr>(&self, at: usize) -> Result<N, AdviceError> {
        let text = self.text(at);
        text.parse().map_err(|_| AdviceError::Answer(format!("{text:?} is no number")))
    }
}

/// A text, quoted for SQL.
pub(crate) fn literal(text: &str) -> String {
    // With E, what it means does not depend on standard_conforming_strings.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
