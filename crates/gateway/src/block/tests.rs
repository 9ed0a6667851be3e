use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn until(until_s: u64) -> Block {
    Block { until_s: Some(until_s), reason: "test".to_owned(), automatic: false }
}

#[test]
fn a_block_keeps_its_network_out_until_its_time_is_over() {
    let blocks = Blocks::new(&[net("203.0.113.7/24"), net("2001:db8::/32")], &[net("203.0.113.9/32")], 10);
    for (address, holds) in [
        ("203.0.113.1", true),
        ("203.0.114.1", false),
        ("203.0.113.9", false),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
    ] {
        assert_eq!(blocks.holds(ip(address), 0), holds, "{address}");
    }
    blocks.block(net("198.51.100.1/32"), until(100), 0).unwrap();
    assert!(blocks.holds(ip("198.51.100.1"), 99) && !blocks.holds(ip("198.51.100.1"), 100));
    assert_eq!((blocks.list(99).len(), blocks.list(100).len()), (3, 2));
    assert_eq!(blocks.unblock(net("198.51.100.1/32")), Ok(true));
    assert_eq!(blocks.unblock(net("198.51.100.1/32")), Ok(false));
    assert!(!blocks.holds(ip("198.51.100.1"), 1));
}

#[test]
fn the_configuration_is_not_overruled() {
    let blocks = Blocks::new(&[net("10.0.0.0/8")], &[net("192.0.2.0/24")], 10);
    let refused = blocks.block(net("192.0.2.1/32"), until(9), 0).unwrap_err();
    assert!(refused.to_string().contains("block.allow"), "{refused}");
    assert_eq!(blocks.unblock(net("10.0.0.0/8")), Err(BlockError::Configured(net("10.0.0.0/8"))));
    blocks.block(net("192.0.0.0/16"), until(9), 0).unwrap();
    assert!(blocks.holds(ip("192.0.3.1"), 0) && !blocks.holds(ip("192.0.2.1"), 0));
}

#[test]
fn those_whose_time_is_over_make_room() {
    let blocks = Blocks::new(&[], &[], 2);
    blocks.block(net("10.0.0.1/32"), until(10), 0).unwrap();
    blocks.block(net("10.0.0.2/32"), until(20), 0).unwrap();
    assert_eq!(blocks.block(net("10.0.0.3/32"), until(30), 5), Err(BlockError::Full(2)));
    blocks.block(net("10.0.0.2/32"), until(25), 5).unwrap();
    blocks.block(net("10.0.0.3/32"), until(30), 10).unwrap();
    assert!(!blocks.holds(ip("10.0.0.1"), 10) && blocks.holds(ip("10.0.0.3"), 10));
}
