//! What the backend reads: one statement after another, each by itself, as such apps do.

use http::StatusCode;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error};

use super::app::Told;
use super::pace::Pace;

pub(super) async fn item(client: &Client, id: i64) -> Told {
    let rows = versions(client, "select id, version from items where id = $1", &[&id]).await?;
    Ok(found(rows.into_iter().next()))
}

pub(super) async fn group(client: &Client, id: i64, pace: &Pace) -> Told {
    let sql = "select id::bigint, version from groups where id = $1::bigint";
    let group = versions(client, sql, &[&id]).await?.into_iter().next();
    pace.pause().await;
    let items = items_of(client, id).await?;
    Ok(found(group.map(|group| json!({"id": id, "version": group["version"], "items": items}))))
}

pub(super) async fn top(client: &Client) -> Told {
    let sql = "select id, version from items order by rank desc, id limit 5";
    Ok((StatusCode::OK, Value::from(versions(client, sql, &[]).await?)))
}

pub(super) async fn label(client: &Client, id: i64, pace: &Pace) -> Told {
    let sql = "select id::bigint, version from labels where id = $1::bigint";
    let label = versions(client, sql, &[&id]).await?.into_iter().next();
    pace.pause().await;
    let sql = "select item_id from wears where label_id = $1::bigint order by item_id";
    let items = ids(client, sql, &[&id]).await?;
    Ok(found(label.map(|label| json!({"id": id, "version": label["version"], "items": items}))))
}

pub(super) async fn room(client: &Client, room: i64) -> Told {
    let sql = "select id::bigint from desks where room = $1::bigint order by id";
    Ok((StatusCode::OK, Value::from(ids(client, sql, &[&room]).await?)))
}

pub(super) async fn visits(client: &Client, group: i64) -> Told {
    let sql = "select count(*) from visits where group_id = $1::bigint";
    let count: i64 = client.query_one(sql, &[&group]).await?.get(0);
    Ok((StatusCode::OK, json!({"count": count})))
}

/// The items whose ids the body lists.
pub(super) async fn search(client: &Client, body: &Bytes) -> Told {
    let wanted: Vec<i64> = serde_json::from_slice(body)?;
    let sql = "select id, version from items where id = any($1) order by id";
    Ok((StatusCode::OK, Value::from(versions(client, sql, &[&wanted]).await?)))
}

/// A group's items, if the person is a member.
pub(super) async fn mine(client: &Client, person: &str, group: i64, pace: &Pace) -> Told {
    let sql = "select 1 from members where person = $1 and group_id = $2::bigint";
    if client.query_opt(sql, &[&person, &group]).await?.is_none() {
        return Ok((StatusCode::NOT_FOUND, json!({"person": person})));
    }
    pace.pause().await;
    let items = items_of(client, group).await?;
    Ok((StatusCode::OK, json!({"person": person, "items": items})))
}

pub(super) async fn memberships(client: &Client, person: &str) -> Told {
    let sql = "select group_id::bigint from members where person = $1 order by group_id";
    let groups = ids(client, sql, &[&person]).await?;
    Ok((StatusCode::OK, json!({"person": person, "groups": groups})))
}

async fn items_of(client: &Client, group: i64) -> Result<Vec<Value>, Error> {
    let sql = "select id, version from items where group_id = $1::bigint order by id";
    versions(client, sql, &[&group]).await
}

async fn versions(
    client: &Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Value>, Error> {
    let rows = client.query(sql, parameters).await?;
    Ok(rows.iter().map(|row| json!({"id": row.get::<_, i64>(0), "version": row.get::<_, i64>(1)})).collect())
}

async fn ids(client: &Client, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Value>, Error> {
    let rows = client.query(sql, parameters).await?;
    Ok(rows.iter().map(|row| json!({"id": row.get::<_, i64>(0)})).collect())
}

fn found(row: Option<Value>) -> (StatusCode, Value) {
    row.map_or((StatusCode::NOT_FOUND, Value::Null), |row| (StatusCode::OK, row))
}
