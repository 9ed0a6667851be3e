//! One number for everything that plans, read sets and authorization rest on.
//!
//! Cheap enough for once a second. A change that is missed would be served wrongly, one that is seen in vain
//! costs a reload. Most catalogs are told by their rows' `xmin`, which every update changes and vacuuming
//! keeps (freezing sets a flag beside it); `pg_class` and `pg_index` by the columns that matter, because
//! `truncate`, `refresh materialized view` and statistics write there too. Temporary objects are left out.

use tokio_postgres::Client;

use super::LoadError;

const FINGERPRINT: &str = include_str!("fingerprint.sql");

/// The fingerprint of the schema as it is now, equal to [`super::Catalog::fingerprint`] while nothing changed.
///
/// Comparable between sessions of one role with the same settings.
pub async fn fingerprint(client: &Client) -> Result<u64, LoadError> {
    Ok(of_snapshot(client).await?)
}

/// The same under the snapshot of the transaction in which it runs.
pub(super) async fn of_snapshot(client: &Client) -> Result<u64, tokio_postgres::Error> {
    let row = client.query_typed_one(FINGERPRINT, &[]).await?;
    Ok(row.try_get::<_, i64>(0)? as u64)
}
