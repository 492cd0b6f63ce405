// SPDX-License-Identifier: MPL-2.0
//! The event documents in progress, in bounded memory. Core asks once, so a document waits for its turn
//! rather than being refused. Small documents have a queue of their own, so that large ones do not delay
//! them.

use super::body::{Fault, Unread};
use crate::problem::Problem;
use opencrvs_toolkit::event_document::{EventDocument, EventDocumentError};
use poem::http::StatusCode;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tracing::Span;

/// Size limit of an event document, which holds the whole history of a record; core sends no more.
pub(super) const BODY_LIMIT: usize = 50 * 1024 * 1024;
/// Size limit of a small document. Nearly all are smaller: a record with a hundred actions has some 200 KiB.
const SMALL: usize = 1024 * 1024;
/// Size limit of a document that is parsed at once: that takes as long as the way to another thread and
/// back. Most records that are registered are smaller.
const TINY: usize = 32 * 1024;
/// Limit of the bytes of all small documents in progress. As values they take up to 18 times as much
/// memory, those of core 8 times.
const ALL_SMALL: usize = 32 * 1024 * 1024;
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// The memory for documents, by their bytes.
pub(super) struct Bodies {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// One permit for each document that is being parsed: parsing is work for the processor.
    readers: Arc<Semaphore>,
}

/// A document that has arrived. It occupies its share of memory until this is dropped.
pub(super) struct Received {
    json: Vec<u8>,
    place: OwnedSemaphorePermit,
    readers: Arc<Semaphore>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            small: Arc::new(Semaphore::new(ALL_SMALL)),
            large: Arc::new(Semaphore::new(BODY_LIMIT)),
            readers: Arc::new(Semaphore::new(processors)),
        }
    }

    /// Receives the body of a request, once there is room for it.
    pub(super) async fn receive<T>(&self, body: Unread<T>) -> Result<Received, Problem> {
        let length = body.length();
        // What does not say its length may have any.
        let place = self.place(length.unwrap_or(BODY_LIMIT)).await?;
        let json = body.receive(BODY_LIMIT, length.unwrap_or_default()).await?;
        Ok(Received {
            json,
            place,
            readers: self.readers.clone(),
        })
    }

    async fn place(&self, length: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let lane = if length <= SMALL {
            &self.small
        } else {
            &self.large
        };
        let permits = u32::try_from(length.max(1)).unwrap_or(u32::MAX);
        if length > BODY_LIMIT {
            return Err(Fault::TooLarge(BODY_LIMIT).into());
        }
        let place = tokio::time::timeout(PATIENCE, lane.clone().acquire_many_owned(permits));
        place.await.ok().and_then(Result::ok).ok_or_else(|| {
            let why = "too many event documents at the same time";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

impl Received {
    /// Answers about the document. Parsing one that is not tiny, and deciding about a large one, is done
    /// on threads for blocking work.
    pub(super) async fn answered<T, F>(
        self,
        answer: impl FnOnce(Arc<EventDocument>) -> F + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let (tiny, large) = (self.json.len() <= TINY, self.json.len() > SMALL);
        let Self {
            json,
            place,
            readers,
        } = self;
        let reader = readers.acquire_owned().await.ok();
        let read = move || {
            let document = EventDocument::parse(&json);
            drop((json, reader));
            document
        };
        let refused = |error: EventDocumentError| Problem::unprocessable(error.to_string());
        if !large {
            let document = if tiny {
                read()
            } else {
                spawn_blocking(read).await.map_err(broken)?
            };
            let document = document.map_err(refused)?;
            let answer = answer(Arc::new(document)).await;
            drop(place);
            return answer;
        }
        // The document has a thread of its own, on which nothing else is allocated: so the C library
        // can give all of its memory back to the system.
        let (give, given) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let hold = move || {
            match read().map(Arc::new) {
                Ok(document) => {
                    drop(give.send(Ok(document.clone())));
                    // Fails when the other end is dropped, which is the signal.
                    drop(ended.blocking_recv());
                }
                Err(error) => drop(give.send(Err(error))),
            }
            give_memory_back();
            drop(place);
        };
        let name = "large document".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(hold);
        thread.map_err(broken)?;
        let document = given.await.map_err(broken)?.map_err(refused)?;
        let (handle, span) = (Handle::current(), Span::current());
        let decide = move || span.in_scope(|| handle.block_on(answer(document)));
        let answer = spawn_blocking(decide).await.map_err(broken)?;
        drop(end);
        answer
    }
}

/// Makes the GNU C library join the small pieces of memory that this thread has freed, which it does for
/// a large allocation. At the end of the thread they go back to the system.
fn give_memory_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(96 * 1024)));
}

/// The error for a fault of this server on another thread.
pub(super) fn broken(error: impl Error + Send + Sync + 'static) -> Problem {
    let what = "An internal server error occurred";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, what).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::error::ResponseError;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_document_waits_for_its_turn_and_small_ones_pass_large_ones() {
        let bodies = Arc::new(Bodies::new());
        let large = bodies.place(BODY_LIMIT).await.unwrap();
        let small = bodies.place(10_000).await.unwrap();
        let next = tokio::spawn({
            let bodies = bodies.clone();
            async move { bodies.place(SMALL + 1).await }
        });
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(!next.is_finished());
        drop(large);
        let next = next.await.unwrap().unwrap();

        let started = Instant::now();
        let refused = bodies.place(BODY_LIMIT).await.err().unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(started.elapsed(), PATIENCE);
        drop((next, small));
        for lane in [&bodies.small, &bodies.large] {
            assert!([ALL_SMALL, BODY_LIMIT].contains(&lane.available_permits()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_that_is_too_large_waits_for_nothing() {
        let bodies = Bodies::new();
        for length in [BODY_LIMIT + 1, usize::MAX] {
            let refused = bodies.place(length).await.err().unwrap();
            assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
}
