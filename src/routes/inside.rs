// SPDX-License-Identifier: MPL-2.0
//! Who is inside the cluster: whoever comes through no proxy and from no public address.

use poem::{Addr, Request};
use std::net::IpAddr;

/// Headers that proxies add.
const PROXIES: [&str; 3] = ["x-forwarded-for", "x-real-ip", "forwarded"];

/// Whether a proxy has passed a request on.
pub(super) fn through_a_proxy(request: &Request) -> bool {
    PROXIES
        .iter()
        .any(|name| request.headers().contains_key(*name))
}

/// Whether a request comes from inside.
pub(super) fn is_inside(request: &Request) -> bool {
    let public = match request.remote_addr().0 {
        Addr::SocketAddr(peer) => is_public(peer.ip()),
        _ => false,
    };
    !public && !through_a_proxy(request)
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            // 100.64/10 is shared by the machines of one provider; some clusters number pods from it.
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("127.0.0.1", false)]
    #[case("10.42.0.7", false)]
    #[case("100.101.0.7", false)]
    #[case("::ffff:192.168.1.4", false)]
    #[case("fd00::7", false)]
    #[case("::1", false)]
    #[case("100.128.0.1", true)]
    #[case("196.46.10.1", true)]
    #[case("::ffff:8.8.8.8", true)]
    #[case("2c0f:fe38::1", true)]
    fn public_addresses_are_outside(#[case] address: &str, #[case] public: bool) {
        assert_eq!(is_public(address.parse().unwrap()), public);
    }
}
