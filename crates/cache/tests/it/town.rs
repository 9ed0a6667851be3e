//! A small database to tell of: one relation, `calls`, with `id` and `state`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::{Answer, Cache, Doubt, Key, KeySecret, Limits, Moment, StoreId};
use pg::{
    Change, Datum, Lsn, Read, RelationId, Rows, Snapshot, StreamColumn, StreamRelation, Transaction, Tuple,
    Xid,
};

pub(crate) const CALLS: RelationId = RelationId(7);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// An open cache, fresh at moment 1000, at position 100, with the barrier at 50.
pub(crate) fn open(limits: Limits) -> Arc<Cache<Arc<str>>> {
    let cache = Arc::new(Cache::new(limits));
    let closing = cache.close(Doubt::Stream);
    assert!(cache.open(closing, Xid(50), Lsn(100)));
    let poll = cache.poll(Moment(1000));
    cache.polled(poll, Lsn(100), &snapshot(60));
    cache
}

pub(crate) fn snapshot(xmax: u64) -> Snapshot {
    Snapshot { xmin: Xid(xmax), xmax: Xid(xmax), in_progress: Box::default() }
}

pub(crate) fn key(name: &str) -> Key {
    key_in(StoreId::default(), name)
}

pub(crate) fn key_in(store: StoreId, name: &str) -> Key {
    KeySecret::new(&[1; 16]).key().part("anon").part(name).build_in(store)
}

pub(crate) fn by(column: &str, value: &str, old_matters: bool) -> Read {
    let rows = Rows::with(CALLS, Arc::new([column.into()]), vec![[Box::from(value)].into()]);
    Read::Rows(Rows { old_matters, ..rows })
}

pub(crate) fn answer(name: &str, xmax: u64, reads: Vec<Read>) -> Answer<Arc<str>> {
    let (key, value) = (key(name), Arc::from(name));
    Answer { key, value, bytes: 100, snapshot: snapshot(xmax), reads, at: Moment(1000), ttl: None }
}

fn calls() -> Arc<StreamRelation> {
    let column = |name: &str| StreamColumn { name: name.to_owned(), type_id: 25, key: name == "id" };
    Arc::new(StreamRelation {
        id: CALLS,
        schema: "public".to_owned(),
        name: "calls".to_owned(),
        identity: b'd',
        columns: ["id", "state"].into_iter().map(column).collect(),
    })
}

/// A transaction that sets the state of a call.
pub(crate) fn update(xid: u32, end: u64, id: &str, state: &str) -> Transaction {
    let text = |value: &str| Datum::Text(Bytes::copy_from_slice(value.as_bytes()));
    let new = Some(Tuple(Box::new([text(id), text(state)])));
    let changes = vec![Change::Row { relation: calls(), old: None, new }];
    Transaction { xid, end: Lsn(end), changes, messages: Vec::new() }
}
