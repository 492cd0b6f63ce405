// SPDX-License-Identifier: MPL-2.0
//! The checks of each request: a page elsewhere in the browser must neither read these pages nor send
//! their forms.

use poem::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;

const HEADERS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'self'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "SAMEORIGIN"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The values of the Host header that are answered.
#[derive(Debug, Clone)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// This machine's own names with the port of a listener.
    pub fn loopback(listener: SocketAddr) -> Self {
        let port = listener.port();
        let names = ["127.0.0.1", "localhost", "[::1]"];
        Self(names.map(|name| format!("{name}:{port}")).into())
    }
}

/// Answers a request of this listener's own pages; refuses others, and adds the headers that tell
/// browsers how little a page may do.
pub(super) async fn guarded<E: Endpoint>(
    next: Arc<E>,
    request: Request,
    hosts: Hosts,
) -> poem::Result<Response> {
    let mut response = match refusal(&request, &hosts) {
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
        None => next.get_response(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // An answer may be stricter than the rest.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Why a request is refused.
fn refusal(request: &Request, hosts: &Hosts) -> Option<&'static str> {
    // A domain of somebody else can be made to point at this machine; its name is in the header then.
    let host = request.header(HOST).unwrap_or_default();
    if !hosts.0.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        return Some("this Host header is not answered; open the address that the program printed");
    }
    let site = request.header("sec-fetch-site");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads {
        let linked = request.header("sec-fetch-mode") == Some("navigate")
            && request.header("sec-fetch-dest") == Some("document");
        let foreign = matches!(site, Some("cross-site" | "same-site"));
        return (foreign && !linked).then_some("a page of another origin may not read this");
    }
    let origin = request.header(ORIGIN);
    let own = origin.is_some_and(|origin| {
        origin
            .strip_prefix("http://")
            .is_some_and(|of| of.eq_ignore_ascii_case(host))
    });
    let foreign_site = site.is_some_and(|site| site != "same-origin");
    (!own || foreign_site).then_some(
        "a page of another origin may not send this; the Origin header is not this server's",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::typed_in("GET", "localhost:7070", &[], true)]
    #[case::own_page("POST", "127.0.0.1:7070", &[("origin", "http://127.0.0.1:7070"), ("sec-fetch-site", "same-origin")], true)]
    #[case::own_page_of_an_old_browser("POST", "[::1]:7070", &[("origin", "http://[::1]:7070")], true)]
    #[case::link("GET", "localhost:7070", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], true)]
    #[case::rebound_domain("GET", "evil.example:7070", &[], false)]
    #[case::other_port("GET", "localhost:80", &[], false)]
    #[case::no_host("GET", "", &[], false)]
    #[case::script_elsewhere("GET", "localhost:7070", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")], false)]
    #[case::frame_elsewhere("GET", "localhost:7070", &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], false)]
    #[case::form_elsewhere("POST", "localhost:7070", &[("origin", "http://evil.example")], false)]
    #[case::form_of_another_port("POST", "localhost:7070", &[("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")], false)]
    #[case::form_of_a_file("POST", "localhost:7070", &[("origin", "null")], false)]
    #[case::no_origin("POST", "localhost:7070", &[], false)]
    fn only_own_pages_get_in(
        #[case] method: Method,
        #[case] host: &str,
        #[case] headers: &[(&str, &str)],
        #[case] answered: bool,
    ) {
        let hosts = Hosts::loopback(SocketAddr::from(([127, 0, 0, 1], 7070)));
        let mut request = Request::builder().method(method).header(HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(refusal(&request.finish(), &hosts).is_none(), answered);
    }
}
