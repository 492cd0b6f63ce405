// SPDX-License-Identifier: MPL-2.0
//! The content that is served for the country: bytes by path, prepared once. **Invariant:** no path of a
//! request reaches the file system; a path that is not in this map is not served.

use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashMap;

/// The time for which callers may use a copy without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// No time: the ETag tells them that it is still the same.
    Revalidate,
    /// A year: other content would have another name.
    Forever,
}

/// A document, picture or font.
pub struct Content {
    /// Its media type, as sent in `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
    /// The time for which it may be cached.
    pub caching: Caching,
}

/// Documents, pictures and fonts by the path that they are asked for.
#[derive(Default)]
pub struct Served(HashMap<String, Content>);

impl Served {
    /// Adds a document in JSON.
    pub(super) fn json(&mut self, path: &str, document: Vec<u8>) {
        self.add(
            path,
            "application/json; charset=utf-8",
            document.into(),
            Caching::Revalidate,
        );
    }

    /// Adds a file, with the type that its name tells. Callers may keep content that cannot change.
    pub(super) fn file(&mut self, path: &str, content: Cow<'static, [u8]>, caching: Caching) {
        let content_type = content_type(path).unwrap_or("application/octet-stream");
        self.add(path, content_type, content, caching);
    }

    pub(super) fn add(
        &mut self,
        path: &str,
        content_type: &'static str,
        content: Cow<'static, [u8]>,
        caching: Caching,
    ) {
        let bytes = match content {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes.into_boxed_slice()),
        };
        let content = Content {
            content_type,
            bytes,
            caching,
        };
        self.0.insert(path.to_owned(), content);
    }

    /// All content, by path, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Content)> {
        let all = self.0.iter();
        all.map(|(path, content)| (path.as_str(), content))
    }
}

/// The type of a file by the end of its name.
pub(super) fn content_type(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    Some(match end {
        "json" if name.ends_with("/manifest.json") => "application/manifest+json",
        "json" => "application/json; charset=utf-8",
        "geojson" => "application/geo+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "woff2" => "font/woff2",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}
