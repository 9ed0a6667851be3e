//! What a backend has written is seen by every later read through the node, those of Courant's own API too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::Method;
use tokio_postgres::Client;

use super::backend::{Backend, whole};
use crate::node::{self, Node};

const SCHEMA: &str = "
    create table things (id int primary key);
    grant select on things to anon;
    create function counted() returns setof bigint language plpgsql stable as $$ begin
        return query select count(*) from public.things;
        perform pg_advisory_xact_lock_shared(1);
    end $$;
";

const CONFIGURATION: &str = "
    [[cache.declare]]
    function = \"counted\"
    depends_on = [\"things\"]
    [[route]]
    path = \"/things/{id}\"
    methods = [\"GET\"]
    depends_on = [\"things.id = {path.id}\"]
    [proxy]
";

/// Waits until so many wait for the advisory lock.
async fn until_waiting(client: &Client, count: usize) {
    let waiting = "select from pg_locks where locktype = 'advisory' and not granted";
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.query(waiting, &[]).await.unwrap().len() < count {
        assert!(Instant::now() < deadline, "fewer than {count} queries are under way");
    }
}

#[tokio::test]
async fn a_read_joins_no_query_from_before_a_write_even_while_the_cache_is_closed() {
    let cluster = node::cluster("proxy_written", SCHEMA).await;
    let writer = Arc::new(node::connect(&cluster).await);
    let backend = Backend::start(move |_| {
        let writer = Arc::clone(&writer);
        async move {
            writer.execute("insert into things values (1)", &[]).await.unwrap();
            whole(201, &[], "")
        }
    })
    .await;
    // The slot waits for it, and the cache for the slot.
    let open = node::connect(&cluster).await;
    open.batch_execute("begin; create table other ()").await.unwrap();
    let holder = node::connect(&cluster).await;
    holder.batch_execute("begin; select pg_advisory_xact_lock(1)").await.unwrap();
    let file = cluster.directory().join("courant.toml");
    std::fs::write(&file, format!("{CONFIGURATION}upstream = \"{}\"\n", backend.url())).unwrap();
    let node = Node::start_uncached(&cluster, &[("COURANT_CONFIG", file.to_str().unwrap())]);
    let count = || node.get("/rest/v1/rpc/counted");
    let later = async {
        until_waiting(&open, 1).await;
        assert_eq!(node.send(Method::POST, "/things", &[], "").await.status, 201);
        let released = async {
            until_waiting(&open, 2).await;
            holder.batch_execute("rollback").await.unwrap();
        };
        tokio::join!(count(), released).0
    };
    let (before, after) = tokio::join!(count(), later);
    assert_eq!((before.body, after.body), ("[0]".into(), "[1]".into()));
}
