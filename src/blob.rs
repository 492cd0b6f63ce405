// SPDX-License-Identifier: MPL-2.0
//! Bytes that are prepared once and served many times: compressed, with a strong ETag per encoding.

use arc_swap::ArcSwap;
use bytes::Bytes;
use country::analytics_config::AnalyticsConfig;
use country::{Caching, Content, Snapshot};
use handlers::notification::NotificationConfig;
use handlers::notification::sms::SmsSettings;
use poem::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Body, Response};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::ops::Deref;
use std::sync::Arc;

/// Smaller content is not worth compressing.
const COMPRESS_FROM: usize = 1024;

fn cache_control(caching: Caching) -> &'static str {
    match caching {
        Caching::Revalidate => "no-cache",
        Caching::Forever => "public, max-age=31536000, immutable",
    }
}

/// The country as it is served: replaced as a whole when its files change.
pub struct ServedCountry {
    country: Snapshot,
    /// The messages, with the ways they go.
    pub messages: Arc<NotificationConfig>,
    /// What statistics need of the country.
    pub statistics: Arc<AnalyticsConfig>,
    /// What is served, by path. **Invariant:** no path of a request reaches the file system; what is not
    /// in this map is not there.
    blobs: HashMap<String, Arc<Blob>>,
}

impl Deref for ServedCountry {
    type Target = Snapshot;
    fn deref(&self) -> &Snapshot {
        &self.country
    }
}

impl ServedCountry {
    /// Prepares what a country serves, not compressed yet.
    pub fn new(country: Snapshot, sms: &SmsSettings) -> Self {
        let blob = |content: &Content| {
            let (content_type, bytes) = (content.content_type, content.bytes.clone());
            Arc::new(Blob::new(content_type, bytes, content.caching))
        };
        let blobs = country.served.iter();
        let blobs = blobs.map(|(path, content)| (path.to_owned(), blob(content)));
        Self {
            blobs: blobs.collect(),
            messages: Arc::new(NotificationConfig::new(country.notification.clone(), sms)),
            statistics: Arc::new(country.analytics_config()),
            country,
        }
    }

    /// What is at a path.
    pub fn at(&self, path: &str) -> Option<&Arc<Blob>> {
        self.blobs.get(path)
    }

    /// Takes over what has not changed: it is compressed already.
    pub fn keep(&mut self, before: &Self) {
        for (path, blob) in &mut self.blobs {
            if let Some(known) = before.at(path).filter(|known| known.is_same(blob)) {
                *blob = known.clone();
            }
        }
    }

    /// Compresses everything fast, so that callers have something soon, and then well: for a thread of
    /// its own. The documents that everybody waits for come first.
    pub fn compress(&self) {
        let mut blobs: Vec<_> = self.blobs.iter().collect();
        blobs.sort_unstable_by_key(|(path, _)| (!path.starts_with("/co"), *path));
        for effort in [Effort::Fast, Effort::Best] {
            for (_, blob) in &blobs {
                blob.compress(effort);
            }
        }
    }
}

/// Content with its encodings.
pub struct Blob {
    content_type: HeaderValue,
    caching: Caching,
    variants: ArcSwap<Variants>,
}

struct Variants {
    effort: Option<Effort>,
    identity: Variant,
    gzip: Option<Variant>,
    br: Option<Variant>,
}

struct Variant {
    bytes: Bytes,
    etag: HeaderValue,
}

/// How much time compression may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Some ten milliseconds for a megabyte.
    Fast,
    /// Some hundred milliseconds. The last few per cent would cost seconds and fifty megabytes.
    Best,
}

impl Variant {
    fn new(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes);
        let mut hex = String::new();
        for byte in hash.iter().take(16) {
            hex += &format!("{byte:02x}");
        }
        #[expect(
            clippy::expect_used,
            reason = "hexadecimal digits in quotes are a header value"
        )]
        let etag = HeaderValue::from_str(&format!("\"{hex}\"")).expect("hexadecimal digits");
        Self { bytes, etag }
    }

    /// The encoded bytes, unless encoding does not pay.
    fn encoded(
        identity: &[u8],
        encode: impl Fn(&[u8]) -> std::io::Result<Vec<u8>>,
    ) -> Option<Self> {
        if identity.len() < COMPRESS_FROM {
            return None;
        }
        encode(identity)
            .ok()
            .filter(|bytes| bytes.len() < identity.len())
            .map(|bytes| Self::new(bytes.into()))
    }
}

impl Variants {
    fn plain(identity: Bytes) -> Self {
        Self {
            effort: None,
            identity: Variant::new(identity),
            gzip: None,
            br: None,
        }
    }

    fn compressed(identity: Bytes, effort: Effort) -> Self {
        let gzip = Variant::encoded(&identity, |bytes| gzip(bytes, effort));
        let br = Variant::encoded(&identity, |bytes| br(bytes, effort));
        Self {
            effort: Some(effort),
            gzip,
            br,
            ..Self::plain(identity)
        }
    }
}

fn gzip(bytes: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let level = match effort {
        Effort::Fast => flate2::Compression::fast(),
        Effort::Best => flate2::Compression::best(),
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn br(bytes: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let (quality, window) = match effort {
        Effort::Fast => (2, 20),
        Effort::Best => (9, 20),
    };
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, quality, window);
    encoder.write_all(bytes)?;
    encoder.flush()?;
    Ok(encoder.into_inner())
}

impl Blob {
    /// Prepares content, not compressed yet: [`Blob::compress`] takes its time.
    pub fn new(content_type: &'static str, content: Bytes, caching: Caching) -> Self {
        Self {
            content_type: HeaderValue::from_static(content_type),
            caching,
            variants: ArcSwap::from_pointee(Variants::plain(content)),
        }
    }

    /// Whether two have the same content and are served alike.
    pub fn is_same(&self, other: &Self) -> bool {
        self.content_type == other.content_type
            && self.caching == other.caching
            && self.identity() == other.identity()
    }

    /// Compresses, unless that does not pay or was done as well before.
    pub fn compress(&self, effort: Effort) {
        let packed = |known: &str| self.content_type.as_bytes().starts_with(known.as_bytes());
        let is_compressed = self.variants.load().effort >= Some(effort);
        // Compressed pictures do not become smaller.
        if is_compressed
            || ["image/png", "image/jpeg", "image/webp", "font/woff2"]
                .into_iter()
                .any(packed)
        {
            return;
        }
        let variants = Variants::compressed(self.identity(), effort);
        self.variants.store(Arc::new(variants));
    }

    /// The content without encoding.
    pub fn identity(&self) -> Bytes {
        self.variants.load().identity.bytes.clone()
    }

    /// The answer to a request with these headers: the smallest encoding that it accepts, or 304.
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let accepts = |coding| accepts(request.get(ACCEPT_ENCODING), coding);
        if accepts("br") || accepts("gzip") {
            // Whoever asks in the first moments of the server does not get a megabyte as it is.
            self.compress(Effort::Fast);
        }
        let variants = self.variants.load();
        let (variant, encoding) = match (&variants.br, &variants.gzip) {
            (Some(br), _) if accepts("br") => (br, Some("br")),
            (_, Some(gzip)) if accepts("gzip") => (gzip, Some("gzip")),
            _ => (&variants.identity, None),
        };
        let unchanged = request
            .get(IF_NONE_MATCH)
            .is_some_and(|given| matches(given, &variant.etag));
        let mut response = Response::builder()
            .status(if unchanged {
                StatusCode::NOT_MODIFIED
            } else {
                StatusCode::OK
            })
            .header(ETAG, &variant.etag)
            .header(VARY, "accept-encoding")
            .header(CACHE_CONTROL, cache_control(self.caching));
        if unchanged {
            return response.finish();
        }
        if let Some(encoding) = encoding {
            response = response.header(CONTENT_ENCODING, encoding);
        }
        response
            .header(CONTENT_TYPE, &self.content_type)
            .body(Body::from_bytes(variant.bytes.clone()))
    }
}

/// Whether an Accept-Encoding header lets a coding through (RFC 9110 §12.5.3).
fn accepts(header: Option<&HeaderValue>, coding: &str) -> bool {
    let header = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let quality = |wanted: &str| {
        header.split(',').find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts
                .next()
                .filter(|name| name.eq_ignore_ascii_case(wanted))?;
            let q = parts
                .find_map(|p| p.strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse().ok())
                .unwrap_or(0.0);
            (!name.is_empty()).then_some(q > 0.0)
        })
    };
    quality(coding).or_else(|| quality("*")).unwrap_or(false)
}

/// Whether an If-None-Match header names the ETag. Core sends an empty one at first.
fn matches(header: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(header), Ok(etag)) = (header.to_str(), etag.to_str()) else {
        return false;
    };
    header
        .split(',')
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn blob(content: Vec<u8>) -> Blob {
        Blob::new("application/json", content.into(), Caching::Revalidate)
    }

    fn compressed() -> Blob {
        let blob = blob(b"[\"abcdefgh\"]".repeat(1000));
        blob.compress(Effort::Best);
        blob
    }

    fn ask(blob: &Blob, headers: &[(&'static str, &str)]) -> Response {
        let headers = headers
            .iter()
            .map(|(n, v)| (poem::http::HeaderName::from_static(n), v.parse().unwrap()))
            .collect();
        blob.respond(&headers)
    }

    #[rstest]
    #[case::none("", None)]
    #[case::node_fetch("gzip,deflate", Some("gzip"))]
    #[case::browser("gzip, deflate, br, zstd", Some("br"))]
    #[case::refused("br;q=0, gzip;q=0.5", Some("gzip"))]
    #[case::any("*", Some("br"))]
    #[case::nothing_but("identity, *;q=0", None)]
    fn the_smallest_accepted_encoding_is_chosen(
        #[case] accept: &str,
        #[case] expected: Option<&str>,
    ) {
        let blob = compressed();
        let response = ask(&blob, &[("accept-encoding", accept)]);
        assert_eq!(response.header("content-encoding"), expected);
    }

    #[test]
    fn each_encoding_has_its_own_etag_and_answers_304() {
        let blob = compressed();
        let mut seen = Vec::new();
        for accept in ["", "gzip", "br"] {
            let etag = ask(&blob, &[("accept-encoding", accept)])
                .header("etag")
                .unwrap()
                .to_owned();
            for given in [
                etag.clone(),
                format!("W/{etag}"),
                format!("\"other\", {etag}"),
                "*".into(),
            ] {
                let response = ask(
                    &blob,
                    &[("accept-encoding", accept), ("if-none-match", &given)],
                );
                assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
                assert_eq!(response.header("etag"), Some(etag.as_str()));
            }
            assert_eq!(
                ask(&blob, &[("accept-encoding", accept), ("if-none-match", "")]).status(),
                StatusCode::OK
            );
            assert!(!seen.contains(&etag));
            seen.push(etag);
        }
    }

    #[test]
    fn every_encoding_decodes_to_the_content_at_every_effort() {
        use std::io::Read;
        let content = br#"{"id":"birth"}"#.repeat(500);
        for effort in [Effort::Fast, Effort::Best] {
            let variants = Variants::compressed(content.clone().into(), effort);
            let (mut gzip, mut br) = (Vec::new(), Vec::new());
            let (gzipped, brotlied) = (variants.gzip.unwrap().bytes, variants.br.unwrap().bytes);
            flate2::read::GzDecoder::new(&gzipped[..])
                .read_to_end(&mut gzip)
                .unwrap();
            brotli::Decompressor::new(&brotlied[..], 4096)
                .read_to_end(&mut br)
                .unwrap();
            assert!(gzip == content && br == content);
        }
    }

    #[test]
    fn what_is_not_compressed_yet_is_compressed_for_who_asks_for_it() {
        let blob = blob(b"[]".repeat(1000));
        let encoding = |accept: &str| {
            let response = ask(&blob, &[("accept-encoding", accept)]);
            response.header("content-encoding").map(str::to_owned)
        };
        assert_eq!(encoding("identity"), None);
        assert_eq!(encoding("gzip"), Some("gzip".into()));
        assert_eq!(encoding("br"), Some("br".into()));
    }
}
