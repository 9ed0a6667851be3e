//! The source's schema, made anew in the shadow.

use pg::identifier;

use crate::AdviceError;
use crate::session::{Session, literal};
use crate::source::Server;

/// Makes the database: as the source's sorts, where this machine can.
pub(super) async fn database(
    session: &mut Session,
    server: &Server,
    name: &str,
) -> Result<Vec<String>, AdviceError> {
    let rows = session.rows("ask for the block size", "show block_size").await?;
    let here = rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
    if here != server.block_bytes.to_string() {
        let why = format!("its pages have {} bytes, those of the programs here {here}", server.block_bytes);
        return Err(AdviceError::Unlike(why));
    }
    let make = format!("create database {} template template0", identifier(name));
    let collation = format!(
        "{make} encoding {} lc_collate {} lc_ctype {}",
        literal(&server.encoding),
        literal(&server.collate),
        literal(&server.ctype)
    );
    if server.provider == "c" && session.attempt("make the database", &collation).await?.is_ok() {
        return Ok(Vec::new());
    }
    session.rows("make the database", &make).await?;
    Ok(vec![format!(
        "collation {}: it is C here, so that LIKE may use indexes it could not use",
        server.collate
    )])
}

/// Runs the statements until no more of them succeed; what is left, and why.
///
/// Their order is nearly right. What depends on something later (a function on a view, a view on a function)
/// succeeds in a later round.
pub(super) async fn make(session: &mut Session, statements: &[String]) -> Result<Vec<String>, AdviceError> {
    let mut left: Vec<&String> = statements.iter().collect();
    loop {
        let before = left.len();
        let mut refused = Vec::new();
        let mut why = Vec::new();
        for statement in left {
            if let Err(said) = session.attempt("make the schema", statement).await? {
                let head: String = statement.chars().take(60).collect();
                why.push(format!("{}…: {said}", head.replace('\n', " ")));
                refused.push(statement);
            }
        }
        if refused.is_empty() || refused.len() == before {
            return Ok(why);
        }
        left = refused;
    }
}
