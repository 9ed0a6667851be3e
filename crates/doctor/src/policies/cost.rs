//! What a policy costs, measured: a count of the table as its role, and the same condition with its calls made once.
//!
//! Only where running statements was allowed. Read-only, under a time limit, and taking turns.

use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Case, begin};
use crate::explain::explain;

/// Rounds that count; one before them fills the buffers.
const ROUNDS: usize = 3;
/// What takes longer is not waited for.
const TIMEOUT_MS: u32 = 10_000;

/// Milliseconds, or why there are none.
enum Took {
    Ms(f64),
    TooLong,
    Refused,
}

/// Times of a count of all rows: as the role, by its policies; and by this condition alone as it is and rewritten, as far as
/// the login itself is held by no policy there.
pub(super) async fn measured(
    client: &Client,
    case: &Case,
    rewritten: Option<&str>,
) -> Result<Option<Value>, tokio_postgres::Error> {
    let all = format!("select count(*) from only {}", case.table);
    let free = is_free(client, case).await?;
    let by = |condition: Option<&str>| condition.filter(|_| free).map(|text| format!("{all} where {text}"));
    let asked = [
        Some((true, all.clone())),
        by(case.using.as_deref()).map(|sql| (false, sql)),
        by(rewritten).map(|sql| (false, sql)),
    ];
    let mut best: [Option<f64>; 3] = [None; 3];
    for round in 0..=ROUNDS {
        for (slot, asked) in best.iter_mut().zip(&asked) {
            let Some((as_role, sql)) = asked else { continue };
            match run(client, case, *as_role, sql).await? {
                Took::Ms(_) if round == 0 => {}
                // The fastest run is the one that was disturbed least.
                Took::Ms(took) => *slot = Some(slot.map_or(took, |best: f64| best.min(took))),
                Took::TooLong => return Ok(Some(json!({ "gave_up_after_ms": TIMEOUT_MS }))),
                Took::Refused => {}
            }
        }
    }
    let [as_role, as_it_is, once] = best;
    Ok(as_role
        .map(|ms| json!({ "as_role_ms": ms, "condition_ms": as_it_is, "once_ms": once, "runs": ROUNDS })))
}

/// Whether no policy holds this login on the table, so that a condition can be run by itself.
async fn is_free(client: &Client, case: &Case) -> Result<bool, tokio_postgres::Error> {
    let row = client
        .query_typed_one(include_str!("free.sql"), &[(&case.table, tokio_postgres::types::Type::TEXT)])
        .await?;
    row.try_get(0)
}

async fn run(client: &Client, case: &Case, as_role: bool, sql: &str) -> Result<Took, tokio_postgres::Error> {
    let begin = format!("{} set local statement_timeout = {TIMEOUT_MS};", begin(case, as_role));
    let ran = async {
        client.batch_execute(&begin).await?;
        explain(client, "analyze, timing off", sql).await
    };
    let ran = ran.await;
    match ran {
        Err(error) if error.as_db_error().is_none() => Err(error),
        ran => {
            client.batch_execute("rollback").await?;
            Ok(match ran {
                Ok(plan) => plan["Execution Time"].as_f64().map_or(Took::Refused, Took::Ms),
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => Took::TooLong,
                Err(_) => Took::Refused,
            })
        }
    }
}
