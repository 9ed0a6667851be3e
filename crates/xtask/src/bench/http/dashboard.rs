//! The example's dashboard: a function that reads nine tables once for every figure, as its page asks for it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use field_service::DEMO_USERS;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::bench::contest::{self, Entrant};
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{Node, SECRET};
use crate::bench::stage::{EXAMPLE, Stage};

const DASHBOARD: &str = "/rpc/get_dashboard_metrics?time_period=24h";
const CONNECTIONS: u32 = 8;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let config = stage.directory.join("example.toml");
    std::fs::write(&config, field_service::CONFIGURATION)?;
    let config = [("COURANT_CONFIG", config.to_str().context("target/bench has a strange path")?)];
    let cached = Node::start(stage, EXAMPLE, &config).await?;
    let uncached = Node::start_uncached(stage, EXAMPLE, &config).await?;
    let authorization = format!("Bearer {}", token()?);
    let entrant = |name, node: &Node| -> Result<Entrant> {
        let load = Load::wrk(&stage.directory, node.process.address, DASHBOARD, CONNECTIONS)?;
        let load = load.with_header("authorization", &authorization);
        Ok(Entrant { name, load, bearers: vec![node.process.pid(), stage.postmaster()?] })
    };
    let entrants = [entrant("cached", &cached)?, entrant("uncached", &uncached)?];
    let achieved = contest::hold(stage, "dashboard", &entrants).await?;
    let [cached, uncached] = achieved[..] else { unreachable!("everybody who took part achieved something") };
    Ok(vec![
        Row::beside(
            "dashboard.rate",
            "req/s",
            cached.rate,
            ("uncached", uncached.rate),
            Goal::AtLeastTimes(50.0),
        ),
        Row::beside("dashboard.cpu", "us/req", cached.cpu_us, ("uncached", uncached.cpu_us), Goal::Nothing),
        Row::beside("dashboard.p50", "ms", cached.p50_ms, ("uncached", uncached.p50_ms), Goal::Nothing),
    ])
}

/// A token of the example's first user, good for an hour.
fn token() -> Result<String> {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({ "role": "authenticated", "sub": DEMO_USERS[0].sub, "exp": now_s + 3600 });
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))?)
}
