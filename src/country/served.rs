// SPDX-License-Identifier: MPL-2.0
//! What is served of the country: bytes by path, prepared once. **Invariant:** no path of a request
//! reaches the file system; what is not in this map is not there.

use crate::blob::{Blob, Caching, Effort};
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Documents, pictures and fonts by the path that they are asked for.
#[derive(Default)]
pub struct Served(HashMap<String, Arc<Blob>>);

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

    /// Adds a file by the type that its name tells. What can change no more stays with who has it.
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
        let content = match content {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes.into_boxed_slice()),
        };
        let blob = Blob::new(content_type, content, caching);
        self.0.insert(path.to_owned(), Arc::new(blob));
    }

    /// What is at a path.
    pub fn at(&self, path: &str) -> Option<&Arc<Blob>> {
        self.0.get(path)
    }

    /// Takes over what has not changed: it is compressed already.
    pub fn keep(&mut self, before: &Self) {
        for (path, blob) in &mut self.0 {
            if let Some(known) = before.at(path).filter(|known| known.is_same(blob)) {
                *blob = known.clone();
            }
        }
    }

    /// Compresses everything fast, so that callers have something soon, and then well: for a thread of
    /// its own. The documents that everybody waits for come first.
    pub fn compress(&self) {
        let mut blobs: Vec<_> = self.0.iter().collect();
        blobs.sort_unstable_by_key(|(path, _)| (!path.starts_with("/co"), *path));
        for effort in [Effort::Fast, Effort::Best] {
            for (_, blob) in &blobs {
                blob.compress(effort);
            }
        }
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
