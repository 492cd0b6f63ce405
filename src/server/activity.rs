// SPDX-License-Identifier: MPL-2.0
//! Timeouts of connections: the client takes too long for the head of a request, or sends nothing at all.
//! Neither timeout counts while a request is answered; each route limits that time itself.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// The longest time from the first byte of a request to the end of its head.
const HEAD: Duration = Duration::from_secs(20);
/// The longest time without a byte in either direction. Proxies in front give up an idle connection
/// sooner, so that none of them sends a request into one that is just being closed.
const IDLE: Duration = Duration::from_secs(75);

/// The activity on a connection.
pub(super) struct Activity(Mutex<State>);

struct State {
    /// The last byte that was read or written, or the end of the last answer.
    last: Instant,
    /// The first byte of a request whose head is not complete yet.
    head_since: Option<Instant>,
    /// Requests that are being answered.
    working: usize,
}

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State {
            last: Instant::now(),
            head_since: None,
            working: 0,
        }))
    }
}

/// A request that is being answered, until this is dropped.
pub(super) struct Working(Arc<Activity>);

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.working -= 1;
        state.last = Instant::now();
    }
}

impl Activity {
    /// Records that the head of a request has arrived.
    pub(super) fn working(self: &Arc<Self>) -> Working {
        let mut state = self.state();
        state.working += 1;
        state.head_since = None;
        Working(self.clone())
    }

    /// Waits until the connection has timed out, and returns the reason.
    pub(super) async fn over(&self) -> &'static str {
        loop {
            let (head, idle) = {
                let state = self.state();
                let busy = state.working > 0;
                let since = if busy { Instant::now() } else { state.last };
                let head = state.head_since.filter(|_| !busy);
                (head.map(|since| since + HEAD), since + IDLE)
            };
            let now = Instant::now();
            if head.is_some_and(|head| head <= now) {
                return "the head of a request takes too long";
            }
            if idle <= now {
                return "nothing happens on it";
            }
            // What happens meanwhile only moves these times further away, but for a head that begins.
            let next = head.unwrap_or(now + HEAD / 4).min(idle);
            sleep_until(next).await;
        }
    }

    fn was_read(&self) {
        let mut state = self.state();
        state.last = Instant::now();
        if state.working == 0 {
            let now = state.last;
            state.head_since.get_or_insert(now);
        }
    }

    fn was_written(&self) {
        let mut state = self.state();
        state.last = Instant::now();
        state.head_since = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that records its activity.
pub(super) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn wrote(&self, result: io::Result<usize>) -> Poll<io::Result<usize>> {
        if result.as_ref().is_ok_and(|bytes| *bytes > 0) {
            self.activity.was_written();
        }
        Poll::Ready(result)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.activity.was_read();
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces));
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds until a connection is closed, given these acts.
    async fn lasts(acts: impl AsyncFnOnce(&Arc<Activity>)) -> u64 {
        let activity = Arc::new(Activity::default());
        let started = Instant::now();
        let watching = activity.clone();
        let over = tokio::spawn(async move { watching.over().await });
        acts(&activity).await;
        over.await.unwrap();
        started.elapsed().as_secs()
    }

    async fn seconds(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_when_its_client_does_nothing_useful() {
        assert_eq!(lasts(async |_| ()).await, 75, "nothing at all");
        let drips = lasts(async |activity| {
            let activity = activity.clone();
            tokio::spawn(async move {
                loop {
                    activity.was_read();
                    seconds(1).await;
                }
            });
        });
        assert!((20..=25).contains(&drips.await), "the head drips");
        let answered = lasts(async |activity| {
            activity.was_read();
            seconds(3).await;
            let working = activity.working();
            seconds(600).await;
            drop(working);
            activity.was_written();
        });
        assert_eq!(answered.await, 603 + 75, "an answer may take long");
        let second = lasts(async |activity| {
            activity.was_read();
            drop(activity.working());
            activity.was_written();
            seconds(30).await;
            activity.was_read();
        });
        assert!((50..=55).contains(&second.await), "the next head drips");
    }
}
