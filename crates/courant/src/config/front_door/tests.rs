use std::collections::BTreeMap;

use super::super::limits::{By, Counts};
use super::super::{Config, ConfigError, Sources};
use super::*;

fn read(text: &str) -> Result<FrontDoor, ConfigError> {
    let file = Some(("courant.toml".to_owned(), text.to_owned()));
    let sources = Sources { file, environment: BTreeMap::new(), ..Sources::default() };
    Config::read(&sources).map(|config| config.door)
}

#[test]
fn a_limit_says_whose_requests_it_counts_and_how_many_may_come() {
    let door = read(
        "[[limit]]\nname = 'search'\nrate = 30\nby = 'user'\nmethods = ['GET', 'POST']\npath = '/rpc/*'\n\
         [[limit]]\nname = 'login'\nrate = 5\nburst = 10\nwindow_ms = 1000\ncount = 'failures'\n",
    )
    .unwrap();
    let [search, login] = &door.limits[..] else { panic!("{door:?}") };
    assert_eq!((search.by, search.counts, search.quota.burst), (By::User, Counts::Requests, 30));
    assert_eq!(search.quota.interval, Duration::from_secs(2));
    assert_eq!((login.by, login.counts, login.quota.burst), (By::Address, Counts::Failures, 10));
    assert_eq!(login.quota.interval, Duration::from_millis(200));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, why) in [
        ("[[limit]]\nrate = 1", "has a name"),
        ("[[limit]]\nname = 'a'", "has a rate"),
        ("[[limit]]\nname = 'a b'\nrate = 1", "a-z"),
        ("[[limit]]\nname = 'a'\nrate = 1\nby = 'wrong'", "expected one of address, user"),
        ("[[limit]]\nname = 'a'\nrate = 1\npath = 'calls'", "expected a path"),
        ("[[limit]]\nname = 'a'\nrate = 1\nmethods = ['get']", "names like GET"),
        ("[[limit]]\nname = 'a'\nrate = 1\nlimit = 1", "unknown key limit"),
        ("[[limit]]\nname = 'a'\nrate = 1\n[[limit]]\nname = 'a'\nrate = 2", "found a twice"),
        ("[client]\ntrusted_proxies = ['10.0.0.0/8']\ntrusted_hops = 1", "expected 0"),
        ("[client]\ntrusted_proxies = ['10.0.0.0/40']", "found 10.0.0.0/40"),
        ("[tls]\ncertificate = 'a.pem'", "because tls.certificate names one"),
        ("[cors]\norigins = ['https://*.example']", "exact origins"),
        ("[cors]\norigins = ['https://a.example/']", "exact origins"),
        ("[cors]\norigins = ['*', 'https://a.example']", "exact origins"),
        ("[csrf]\nheader = 'a b'", "a header's name"),
    ] {
        let refused = read(text).expect_err(text).to_string();
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn an_address_is_a_network_of_one() {
    for (text, network) in [
        ("10.0.0.1", "10.0.0.1/32"),
        ("::1", "::1/128"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ] {
        assert_eq!(super::network(text).unwrap().to_string(), network);
    }
    assert_eq!(read("[client]\ntrusted_proxies = ['10.0.0.1']").unwrap().trust.networks.len(), 1);
}
