// SPDX-License-Identifier: MPL-2.0
//! Requests from inside the cluster: those through no proxy and from no public address.

use poem::http::Version;
use poem::http::header::HOST;
use poem::http::uri::Authority;
use poem::{Addr, Request};
use std::net::IpAddr;

/// Headers that proxies add. Not `X-Forwarded-Proto`: service meshes add it inside the cluster.
const PROXIES: [&str; 10] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-real-ip",
    "forwarded",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Checks whether a proxy has passed a request on. A proxy that adds no header is recognised by HTTP/1.0,
/// the default of nginx.
pub(super) fn through_a_proxy(request: &Request) -> bool {
    let headers = request.headers();
    request.version() < Version::HTTP_11 || PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Checks whether a request comes from inside the cluster. The installation's domain is a name for
/// callers outside: a proxy that adds no header still passes it on.
pub(super) fn is_inside(request: &Request, domain: &str) -> bool {
    let public = match request.remote_addr().0 {
        Addr::SocketAddr(peer) => is_public(peer.ip()),
        _ => true,
    };
    let host = request.header(HOST).or(request.uri().host());
    let public_host = host.is_none_or(|host| is_public_host(host, domain));
    !public && !public_host && !through_a_proxy(request)
}

fn is_public_host(host: &str, domain: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return true;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = address.parse() {
        return is_public(address);
    }
    let domain = domain.trim_start_matches(['*', '.']).to_ascii_lowercase();
    let below = name.strip_suffix(&domain);
    let is_in_it = below.is_some_and(|below| below.is_empty() || below.ends_with('.'));
    is_in_it && !domain.is_empty() && domain != "localhost"
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
    #[case::service("countryconfig:3040", false)]
    #[case::namespace("countryconfig.crvs.svc.cluster.local", false)]
    #[case::address("10.42.0.7:3040", false)]
    #[case::address_v6("[fd00::7]:3040", false)]
    #[case::other_domain("notcrvs.example", false)]
    #[case::domain("CRVS.example", true)]
    #[case::below("countryconfig.crvs.example:443", true)]
    #[case::public_address("203.0.113.9", true)]
    #[case::nonsense("a b", true)]
    fn a_public_host_is_outside(#[case] host: &str, #[case] public: bool) {
        assert_eq!(is_public_host(host, "crvs.example"), public);
        assert_eq!(is_public_host(host, "*.crvs.example"), public);
    }

    #[test]
    fn where_the_domain_is_localhost_it_is_inside() {
        assert!(!is_public_host("localhost:3040", "localhost"));
        assert!(!is_public_host("countryconfig", "*"));
    }

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
