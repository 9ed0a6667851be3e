//! Stores with budgets of their own, and what is charged to an entry after it was stored.

use std::sync::Arc;

use cache::{Answer, Cache, Doubt, Key, Limits, Lookup, Moment, Need, StoreId};
use pg::{Lsn, Xid};

use crate::town::*;

const CHAT: StoreId = StoreId(1);

fn two_stores(limits: Limits, chat_bytes: u64) -> Arc<Cache<Arc<str>>> {
    let cache = Arc::new(Cache::with_stores(limits, &[chat_bytes]));
    let closing = cache.close(Doubt::Stream);
    assert!(cache.open(closing, Xid(50), Lsn(100)));
    let poll = cache.poll(Moment(1000));
    cache.polled(poll, Lsn(100), &snapshot(60));
    cache
}

fn chat_key(name: &str) -> Key {
    key_in(CHAT, name)
}

fn chat(name: &str) -> Answer<Arc<str>> {
    Answer { key: chat_key(name), ..answer(name, 60, vec![by("id", name, true)]) }
}

fn is_hit(cache: &Cache<Arc<str>>, key: &Key) -> bool {
    matches!(cache.lookup(key, Need::within(Moment(1000), SECOND), Moment(1000)), Lookup::Hit { .. })
}

#[test]
fn a_flood_of_one_store_evicts_nothing_of_another() {
    let limits = Limits { entry_bytes_max: 10_000, ..Limits::default() };
    let cache = two_stores(limits, 50_000);
    for number in 0..100 {
        let name = number.to_string();
        assert_eq!(cache.store(cache.begin(), answer(&name, 60, vec![by("id", &name, true)])), Ok(()));
    }
    for number in 0..1_000 {
        let _ = cache.store(cache.begin(), chat(&number.to_string()));
    }
    let [general, chat] = cache.stores()[..] else { unreachable!("there are two stores") };
    assert_eq!((general.entries, general.evictions), (100, 0));
    assert!(chat.evictions > 500 && chat.bytes <= 50_000 && chat.bytes_max == 50_000, "{chat:?}");
    assert!((0..100).all(|number| is_hit(&cache, &key(&number.to_string()))));
    let all = cache.statistics();
    assert_eq!((all.entries, all.tags), (100 + chat.entries, 100 + chat.entries));
    assert_eq!((all.evictions, all.hits), (chat.evictions, 100));
}

#[test]
fn a_change_drops_what_it_touches_from_every_store() {
    let cache = two_stores(Limits::default(), 1 << 20);
    assert_eq!(cache.store(cache.begin(), answer("1", 60, vec![by("id", "1", true)])), Ok(()));
    assert_eq!(cache.store(cache.begin(), chat("1")), Ok(()));
    assert_eq!(cache.store(cache.begin(), chat("2")), Ok(()));
    assert!(is_hit(&cache, &key("1")) && is_hit(&cache, &chat_key("1")));
    cache.apply(&update(60, 110, "1", "done"));
    assert!(!is_hit(&cache, &key("1")) && !is_hit(&cache, &chat_key("1")) && is_hit(&cache, &chat_key("2")));
    let [general, chat] = cache.stores()[..] else { unreachable!("there are two stores") };
    assert_eq!((general.invalidations, chat.invalidations, chat.entries), (1, 1, 1));
    assert_eq!(cache.clear(|key, _| key.store() == CHAT), 1);
    assert_eq!((cache.statistics().bytes, cache.statistics().tags), (0, 0));
}

#[test]
fn what_is_charged_weighs_until_its_entry_goes() {
    let cache = two_stores(Limits::default(), 1 << 20);
    let stored = answer("1", 60, vec![by("id", "1", true)]);
    let value = Arc::clone(&stored.value);
    assert_eq!(cache.store(cache.begin(), stored), Ok(()));
    let before = cache.statistics().bytes;
    assert!(cache.charge(&key("1"), |known| Arc::ptr_eq(known, &value), 500));
    assert_eq!(cache.statistics().bytes, before + 500);
    assert!(is_hit(&cache, &key("1")));
    assert!(!cache.charge(&key("1"), |_| false, 500), "another answer has taken its place");
    assert!(!cache.charge(&key("2"), |_| true, 500), "there is none");
    assert!(!cache.charge(&key("1"), |_| true, 4 << 20), "larger than an entry may be");
    assert_eq!(cache.statistics().bytes, before + 500);
    cache.apply(&update(60, 110, "1", "done"));
    let left = cache.statistics();
    assert_eq!((left.bytes, left.entries, left.tags, left.evictions), (0, 0, 0, 0));
}

#[test]
fn a_charge_makes_room_as_an_answer_does() {
    let limits = Limits { bytes_max: 20_000, entry_bytes_max: 9_000, ..Limits::default() };
    let cache = open(limits);
    let names: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    for name in &names {
        assert_eq!(cache.store(cache.begin(), answer(name, 60, vec![by("id", name, true)])), Ok(()));
    }
    for name in &names {
        let before = is_hit(&cache, &key(name));
        let charged = cache.charge(&key(name), |_| true, 4_000);
        assert_eq!(charged, before && is_hit(&cache, &key(name)), "{name}");
    }
    let full = cache.statistics();
    assert!(full.bytes <= 20_000 && full.evictions > 10 && full.entries > 0, "{full:?}");
    assert_eq!(full.tags, full.entries);
    assert_eq!(cache.clear(|_, _| true) as u64, full.entries);
    assert_eq!((cache.statistics().bytes, cache.statistics().tags), (0, 0));
}
