//! Enqueuing inside an app's transaction, beside the same transaction with a bare insert in its place.

use anyhow::Result;

use super::worker::{Entrant, Kind};
use crate::bench::contest::{self, Entrant as Contestant};
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

const CLIENTS: u32 = 4;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let entrant = Entrant::new(stage, Kind::Courant, "Courant", true).await?;
    let database = entrant.database.unwrap_or_default();
    // Makes the tables, and follows the log of both.
    let _turn = entrant.turn(stage).await?;
    stage.connect(database).await?.batch_execute(include_str!("sql/orders.sql")).await?;
    let load = |name: &str, sql: &str| -> Result<Load> {
        let script = stage.directory.join(format!("{name}.sql"));
        std::fs::write(&script, sql)?;
        Ok(Load::Pgbench {
            program: stage.cluster.binaries().program("pgbench"),
            uri: stage.cluster.uri(database),
            script,
            clients: CLIENTS,
            beside_server: false,
            define: Vec::new(),
        })
    };
    let bearers = vec![stage.postmaster()?];
    let contestants = [
        Contestant {
            name: "enqueue",
            load: load("enqueue", include_str!("sql/enqueue.sql"))?,
            bearers: bearers.clone(),
        },
        Contestant { name: "insert", load: load("insert", include_str!("sql/insert.sql"))?, bearers },
    ];
    let achieved = contest::hold(stage, "enqueuing", &contestants).await?;
    let [ours, bare] = achieved[..] else { unreachable!("both took part") };
    Ok(vec![
        Row::beside("enqueue.rate", "tx/s", ours.rate, ("a bare insert", bare.rate), Goal::AtLeastTimes(0.9)),
        Row::beside("enqueue.cpu", "us/tx", ours.cpu_us, ("a bare insert", bare.cpu_us), Goal::Nothing),
    ])
}
