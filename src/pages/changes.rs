// SPDX-License-Identifier: MPL-2.0
//! Server-sent events that tell open pages that something has changed.

use bytes::Bytes;
use futures_util::stream;
use poem::{Body, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A comment is sent so often: it shows the listener that the connection is in use.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The version of what pages show. A page carries the version that it was rendered from and is loaded
/// again when it learns of another one, also of another process on the same port.
#[derive(Clone)]
pub struct Changes(Arc<watch::Sender<String>>);

impl Default for Changes {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(fresh())))
    }
}

impl Changes {
    /// Tells all open pages that something has changed.
    pub fn tell(&self) {
        self.0.send_replace(fresh());
    }

    /// The version of now.
    pub fn version(&self) -> String {
        self.0.borrow().clone()
    }

    /// The stream for one page: the version at first, and each later one.
    pub fn stream(&self) -> Response {
        let mut versions = self.0.subscribe();
        versions.mark_changed();
        let events = stream::unfold(versions, |mut versions| async {
            let event = match tokio::time::timeout(KEEP_ALIVE, versions.changed()).await {
                Ok(Ok(())) => format!("data: {}\n\n", *versions.borrow_and_update()),
                Ok(Err(_)) => return None,
                Err(_) => ":\n\n".to_owned(),
            };
            Some((Ok::<_, std::io::Error>(Bytes::from(event)), versions))
        });
        Response::builder()
            .content_type("text/event-stream")
            .body(Body::from_bytes_stream(events))
    }
}

/// A version that no process has used before.
fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}
