//! What the backend writes: it commits, and then it answers.

use http::{Method, StatusCode};
use hyper::body::Bytes;
use serde_json::Value;
use tokio_postgres::Client;

use super::app::Told;

pub(super) async fn write(client: &Client, method: &Method, segments: &[&str], body: &Bytes) -> Told {
    match (method, segments) {
        (&Method::POST, ["items", id, "bump"]) => bump(client, id.parse()?).await,
        (&Method::POST, ["visits", group]) => {
            let visit = "insert into visits (group_id) values ($1::bigint)";
            client.execute(visit, &[&group.parse::<i64>()?]).await?;
            Ok((StatusCode::CREATED, Value::Null))
        }
        (&Method::PATCH, _) => turn(client, segments, serde_json::from_slice(body)?).await,
        _ => Ok((StatusCode::NOT_FOUND, Value::Null)),
    }
}

/// Raises an item's version; null where there is no such item at the moment.
async fn bump(client: &Client, id: i64) -> Told {
    client.batch_execute("begin").await?;
    let update = "update items set version = version + 1 where id = $1 returning version";
    let row = client.query_opt(update, &[&id]).await?;
    client.batch_execute("commit").await?;
    Ok((StatusCode::OK, Value::from(row.map(|row| row.get::<_, i64>(0)))))
}

/// Makes something so, or not so.
async fn turn(client: &Client, segments: &[&str], holds: bool) -> Told {
    match *segments {
        ["members", person, group] => {
            let group: i64 = group.parse()?;
            let statement = if holds {
                "insert into members values ($1, $2::bigint) on conflict do nothing"
            } else {
                "delete from members where person = $1 and group_id = $2::bigint"
            };
            client.execute(statement, &[&person, &group]).await?;
        }
        ["wears", item, label] => {
            let (item, label): (i64, i64) = (item.parse()?, label.parse()?);
            let statement = if holds {
                "insert into wears values ($1, $2::bigint) on conflict do nothing"
            } else {
                "delete from wears where item_id = $1 and label_id = $2::bigint"
            };
            client.execute(statement, &[&item, &label]).await?;
        }
        ["desks", desk] => {
            let (desk, room): (i64, i64) = (desk.parse()?, i64::from(holds));
            let update = "update desks set room = $1::bigint where id = $2::bigint";
            client.execute(update, &[&room, &desk]).await?;
        }
        _ => return Ok((StatusCode::NOT_FOUND, Value::Null)),
    }
    Ok((StatusCode::OK, Value::Null))
}
