use std::time::Duration;

use super::*;
use crate::config::{Config, Sources};

fn read(text: &str) -> Result<Config, String> {
    let file = Some(("courant.toml".to_owned(), text.to_owned()));
    Config::read(&Sources { file, ..Sources::default() }).map_err(|error| error.to_string())
}

fn seconds(min: u64, max: u64) -> Option<Lifetime> {
    Some(Lifetime { min: Duration::from_secs(min), max: Duration::from_secs(max) })
}

#[test]
fn named_caches_are_read() {
    let config = read(
        "[[cache.named]]\nname = 'chat'\nrelations = ['messages', 'api.threads']\nfunctions = ['unread']\n\
         memory_bytes_max = 33_554_432\nttl_ms = 60_000\n\
         [[cache.named]]\nname = 'reports'\nfunctions = ['messages']\nmemory_bytes_max = 1_048_576\n",
    )
    .unwrap();
    let [chat, reports] = &config.cache.named[..] else { panic!("two caches: {:?}", config.cache.named) };
    assert_eq!((chat.name.as_str(), chat.memory_bytes_max, chat.ttl), ("chat", 32 << 20, seconds(60, 60)));
    assert_eq!(chat.relations, ["messages", "api.threads"]);
    assert_eq!(chat.functions, ["unread"]);
    // A function is no relation, even where their names are one.
    assert_eq!((reports.functions.as_slice(), reports.ttl), (&["messages".to_owned()][..], None));
}

#[test]
fn what_is_wrong_with_a_named_cache_is_one_line() {
    let sound = "relations = ['messages']\nmemory_bytes_max = 1048576";
    let cases = [
        (sound.to_owned(), "each named cache has a name"),
        (format!("name = 'Chat'\n{sound}"), "name: expected at most 63 of a-z, 0-9, _ and -, found \"Chat\""),
        (format!("name = 'general'\n{sound}"), "name: general is the cache of everything else"),
        ("name = 'chat'\nrelations = ['a']".to_owned(), "chat: each named cache has memory_bytes_max"),
        (
            "name = 'chat'\nrelations = ['a']\nmemory_bytes_max = 0".to_owned(),
            "memory_bytes_max: expected a whole number from 1048576 to 1099511627776, found 0",
        ),
        (format!("name = 'chat'\nmemory = 1\n{sound}"), "unknown key memory; a named cache has name, "),
        (format!("name = 'chat'\nttl_ms = 0\n{sound}"), "ttl_ms: expected a whole number from 1"),
        (
            format!(
                "name = 'chat'\n{sound}\n[[cache.named]]\nname = 'chat'\n{}",
                sound.replace("messages", "b")
            ),
            "expected names that differ, found chat twice",
        ),
        (
            format!(
                "name = 'chat'\n{sound}\n[[cache.named]]\nname = 'mail'\n{}",
                sound.replace("mess", "public.mess")
            ),
            "expected one cache for each, found the relation public.messages in chat and in mail",
        ),
    ];
    for (text, expected) in cases {
        let said = read(&format!("[[cache.named]]\n{text}")).unwrap_err();
        assert!(said.starts_with("cache.named (courant.toml, line 1): "), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_time_to_live_is_fixed_or_adapts_between_two_bounds() {
    let ttl = |text: &str| {
        read(&format!("[[cache.declare]]\nfunction = 'f'\n{text}")).map(|config| config.cache.declare[0].ttl)
    };
    assert_eq!(ttl("ttl_ms = 5000"), Ok(seconds(5, 5)));
    assert_eq!(ttl("ttl_ms = 'adaptive'\nttl_min_ms = 2000\nttl_max_ms = 60000"), Ok(seconds(2, 60)));
    assert_eq!(ttl("ttl_ms = 'adaptive'\nttl_max_ms = 60000"), Ok(seconds(1, 60)));
    let half = Some(Lifetime::fixed(Duration::from_millis(500)));
    assert_eq!(ttl("ttl_ms = 'adaptive'\nttl_max_ms = 500"), Ok(half));
    for (text, expected) in [
        ("ttl_ms = 'adaptive'", "ttl_max_ms: expected with ttl_ms = \"adaptive\""),
        (
            "ttl_ms = 'adaptive'\nttl_min_ms = 3\nttl_max_ms = 2",
            "ttl_min_ms: expected at most ttl_max_ms, which is 2",
        ),
        ("ttl_ms = 5000\nttl_max_ms = 6000", "ttl_max_ms: means something only with ttl_ms = \"adaptive\""),
        ("ttl_ms = 'adaptiv'", "ttl_ms: expected a whole number from 1"),
    ] {
        let said = ttl(text).unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}
