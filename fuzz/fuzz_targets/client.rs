//! Any bytes as what proxies say of their clients: an address comes out, and nobody but the nearest proxy decides it.
#![no_main]

use gateway::{AddressHeader, Trust};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, u8, Vec<Vec<u8>>)| {
    let (forwarded, hops, values) = input;
    let (name, header) = match forwarded {
        true => ("forwarded", AddressHeader::Forwarded),
        false => ("x-forwarded-for", AddressHeader::XForwardedFor),
    };
    let mut headers = HeaderMap::new();
    for value in values.iter().take(20) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let (proxy, stranger) = ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let by_network = Trust { networks, hops: 0, header };
    assert_eq!(by_network.client(stranger, &headers), stranger);
    by_network.client(proxy, &headers);
    Trust { networks: Vec::new(), hops: hops.into(), header }.client(proxy, &headers);

    let said = if forwarded { "for=203.0.113.9" } else { "203.0.113.9" };
    headers.append(name, HeaderValue::from_static(said));
    assert_eq!(by_network.client(proxy, &headers).to_string(), "203.0.113.9");
});
