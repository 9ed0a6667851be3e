//! Whether bytes name a host, as `Host`, `:authority` and targets in absolute form do.
//!
//! Narrower than RFC 3986: no percent signs, commas or brackets in names, and no user. Nothing that is in use
//! has them, and whoever reads them differently sends a request to another site.

use std::net::Ipv6Addr;

/// RFC 1035's bound on names, and a port.
const BYTES_MAX: usize = 255 + 6;

/// Whether it is `host` or `host:port`.
pub(super) fn is_authority(bytes: &[u8]) -> bool {
    if bytes.len() > BYTES_MAX {
        return false;
    }
    let (host, port) = match bytes {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let address = std::str::from_utf8(&rest[..end]).ok();
            if address.and_then(|address| address.parse::<Ipv6Addr>().ok()).is_none() {
                return false;
            }
            return matches!(&rest[end + 1..], [] | [b':', ..]) && is_port(rest[end + 1..].get(1..));
        }
        name => match name.iter().position(|byte| *byte == b':') {
            Some(colon) => (&name[..colon], Some(&name[colon + 1..])),
            None => (name, None),
        },
    };
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    !host.is_empty() && host.iter().all(is_of_name) && is_port(port)
}

fn is_port(port: Option<&[u8]>) -> bool {
    let Some(port) = port else { return true };
    let text = std::str::from_utf8(port).unwrap_or_default();
    port.iter().all(u8::is_ascii_digit) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_authority;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["a", "A.example", "a_b-c.d:80", "127.0.0.1:3000", "[::1]", "[fe80::1]:65535", "a."] {
            assert!(is_authority(host.as_bytes()), "{host}");
        }
        for host in [
            "", ":", ":80", "a:", "a:b", "a:65536", "a:+1", "a b", "a,b", "a@b", "a/b", "a\\b", "a?b", "a#b",
            "a%00", "[", "[]", "[::1", "::1", "[::1]a", "[::1]:", "[a]", "a:80:80", "\u{e4}", "a\t",
            "http://a",
        ] {
            assert!(!is_authority(host.as_bytes()), "{host}");
        }
        assert!(!is_authority("a".repeat(262).as_bytes()));
    }
}
