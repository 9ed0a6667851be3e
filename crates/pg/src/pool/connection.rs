//! One connection: its session on the wire, and the statements it has prepared.

use crate::Error;
use crate::connect::{ConnectOptions, Route};
use crate::wire::Wire;

use super::statements::Statements;

pub(crate) struct Connection {
    pub(crate) wire: Wire,
    pub(crate) route: Route,
    pub(crate) statements: Statements,
}

impl Connection {
    /// Logs in.
    pub(crate) async fn make(options: &ConnectOptions) -> Result<Connection, Error> {
        let (wire, route) = options.establish::<Wire>().await?;
        Ok(Connection { wire, route, statements: Statements::default() })
    }
}
