//! What the reports claim of the database and of everything together: counters before and after, and goals.

use anyhow::Result;
use tokio_postgres::Client;

use super::outcome::{Claim, Mixed};
use super::timing::Oracle;

/// PostgreSQL's own counters of the example's tables.
pub(super) struct Counters {
    heap_hits: i64,
    heap_reads: i64,
    index_rows: i64,
    scanned_rows: i64,
}

impl Counters {
    /// As they stand.
    pub(super) async fn read(client: &Client) -> Result<Counters> {
        let row = client.query_one(include_str!("sql/counters.sql"), &[]).await?;
        Ok(Counters {
            heap_hits: row.get(0),
            heap_reads: row.get(1),
            index_rows: row.get(2),
            scanned_rows: row.get(3),
        })
    }

    /// What has been counted since, beside the reports' goals.
    pub(super) async fn until_now(&self, client: &Client) -> Result<Vec<Claim>> {
        let now = Counters::read(client).await?;
        let share = |part: i64, rest: i64| 100.0 * part as f64 / ((part + rest) as f64).max(1.0);
        let hits = share(now.heap_hits - self.heap_hits, now.heap_reads - self.heap_reads);
        let by_index = share(now.index_rows - self.index_rows, now.scanned_rows - self.scanned_rows);
        let dead: f64 = client.query_one(include_str!("sql/dead.sql"), &[]).await?.get(0);
        Ok(vec![
            claim("PostgreSQL's buffers hit", "%", None, hits, "> 95", hits > 95.0),
            claim("rows read through an index", "%", None, by_index, "> 90", by_index > 90.0),
            claim("dead rows", "%", None, dead, "< 5", dead < 5.0),
        ])
    }
}

/// What the requests come to.
pub(super) fn of_requests(
    oracle: &Oracle,
    (before, after): (&Mixed, &Mixed),
    grades: &(String, String),
) -> Vec<Claim> {
    let percentiles = [
        ("p50 of all requests", before.p50_ms, after.p50_ms, "< 20", 20.0),
        ("p95 of all requests", before.p95_ms, after.p95_ms, "< 50", 50.0),
        ("p99 of all requests", before.p99_ms, after.p99_ms, "< 100", 100.0),
    ];
    let mut claims: Vec<Claim> = percentiles
        .into_iter()
        .map(|(name, before, after, goal, bound)| claim(name, "ms", Some(before), after, goal, after < bound))
        .collect();
    let of_oracle = 100.0 * oracle.hits as f64 / oracle.knew.max(1) as f64;
    let hits = 100.0 * oracle.hits as f64 / oracle.reads.max(1) as f64;
    claims.push(claim("cache hits", "%", None, hits, "-", true));
    claims.push(claim("cache hits, of an oracle's", "%", None, of_oracle, ">= 90", of_oracle >= 90.0));
    let (users_before, users_after) = (before.users as f64, after.users as f64);
    claims.push(claim(
        "people at once, p95 < 200 ms",
        "",
        Some(users_before),
        users_after,
        ">= 4 x",
        users_after >= 4.0 * users_before.max(1.0),
    ));
    let is_well = grades.1.starts_with('A') && !grades.0.starts_with(['A', 'B', 'C']);
    claims.push(claim("doctor: D or worse to A", "", None, f64::from(u8::from(is_well)), "1", is_well));
    claims
}

fn claim(name: &str, unit: &str, before: Option<f64>, after: f64, goal: &str, met: bool) -> Claim {
    Claim { name: name.to_owned(), unit: unit.to_owned(), before, after, goal: goal.to_owned(), met }
}
