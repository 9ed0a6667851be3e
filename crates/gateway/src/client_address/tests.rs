use proptest::prelude::*;

use super::*;

fn trust(networks: &[&str], hops: usize, header: AddressHeader) -> Trust {
    Trust { networks: networks.iter().map(|network| network.parse().unwrap()).collect(), hops, header }
}

fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

#[test]
fn the_client_is_the_first_stranger_from_the_right() {
    let proxies = trust(&["10.0.0.0/8", "fd00::/8"], 0, AddressHeader::XForwardedFor);
    for (peer, values, client) in [
        ("203.0.113.9", &["1.1.1.1"][..], "203.0.113.9"),
        ("10.0.0.1", &[][..], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["1.1.1.1,203.0.113.9 , 10.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", &["1.1.1.1", "203.0.113.9", "10.9.9.9"], "203.0.113.9"),
        ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", &["[2001:db8::1]:4711, fd00::1"], "2001:db8::1"),
        ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", &["1.1.1.1, unknown, 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", &["1.1.1.1, "], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.9 evil"], "10.0.0.1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
        ("10.0.0.1", &["\u{e4}"], "10.0.0.1"),
    ] {
        let found = proxies.client(peer.parse().unwrap(), &headers("x-forwarded-for", values));
        assert_eq!(found.to_string(), client, "{peer} {values:?}");
    }
}

#[test]
fn hops_are_counted_from_the_right_and_a_list_that_is_too_short_is_not_believed() {
    let peer = "203.0.113.1".parse().unwrap();
    for (hops, value, client) in [
        (0, "1.1.1.1", "203.0.113.1"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (3, "1.1.1.1, 2.2.2.2", "203.0.113.1"),
        (1, "1.1.1.1, x", "203.0.113.1"),
    ] {
        let trust = trust(&[], hops, AddressHeader::XForwardedFor);
        let found = trust.client(peer, &headers("x-forwarded-for", &[value]));
        assert_eq!(found.to_string(), client, "{hops} {value}");
    }
}

#[test]
fn only_the_named_header_counts() {
    let proxies = trust(&["10.0.0.0/8"], 0, AddressHeader::Forwarded);
    let peer = "10.0.0.1".parse().unwrap();
    for (value, client) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.1", "2001:db8::1"),
        ("for=1.1.1.1, for=203.0.113.9;host=x", "203.0.113.9"),
        ("for=_hidden", "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=1.1.1.1;for=2.2.2.2", "10.0.0.1"),
        ("for=\"1.1.1.1", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("", "10.0.0.1"),
    ] {
        assert_eq!(proxies.client(peer, &headers("forwarded", &[value])).to_string(), client, "{value}");
    }
    assert_eq!(proxies.client(peer, &headers("x-forwarded-for", &["1.1.1.1"])), peer);
}

proptest! {
    #[test]
    fn whatever_a_client_writes_its_proxy_is_believed(
        invented in "[ -~]{0,60}",
        client in any::<[u8; 4]>(),
    ) {
        let client = IpAddr::from(client);
        let proxies = trust(&["192.0.2.0/24"], 0, AddressHeader::XForwardedFor);
        prop_assume!(!proxies.is_proxy(client));
        let value = format!("{invented}, {client}");
        let found = proxies.client("192.0.2.1".parse().unwrap(), &headers("x-forwarded-for", &[&value]));
        prop_assert_eq!(found, client);
    }
}
