// SPDX-License-Identifier: MPL-2.0
//! Bodies that no handler has read to the end. The rest would be taken for the next request (request
//! smuggling), so the connection closes after the answer, and the answer says so. Closing at once would
//! break the connection of a client that is still sending, before it has seen the answer: the rest is
//! discarded as it arrives, for a limited time.

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, poll_fn};
use poem::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use poem::http::{HeaderValue, Version};
use poem::{Body, Endpoint, Request, Response};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Time limit for the rest of a body to arrive.
const RUN_OFF: Duration = Duration::from_secs(20);

/// Adds `Connection: close` to the answer where the request's body was not read to its end.
pub(super) async fn closes<E: Endpoint>(
    next: Arc<E>,
    mut request: Request,
) -> poem::Result<Response> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let has_body = length.is_some_and(|n| n > 0) || headers.contains_key(TRANSFER_ENCODING);
    // Connections of HTTP/2 carry many requests, and need not close.
    if !has_body || request.version() > Version::HTTP_11 {
        return Ok(next.get_response(request).await);
    }
    let body = Arc::new(Mutex::new(Passing {
        stream: request.take_body().into_bytes_stream().boxed(),
        left: length.unwrap_or(usize::MAX),
    }));
    let handed_on = body.clone();
    request.set_body(Body::from_bytes_stream(poll_fn(move |context| {
        poll(&handed_on, context)
    })));
    let mut response = next.get_response(request).await;
    let left = body.lock().unwrap_or_else(PoisonError::into_inner).left;
    if left > 0 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        let rest = poll_fn(move |context| poll(&body, context));
        let rest = rest.for_each(|_| std::future::ready(()));
        tokio::spawn(tokio::time::timeout(RUN_OFF, rest));
    }
    Ok(response)
}

/// A body on its way to a handler.
struct Passing {
    stream: BoxStream<'static, io::Result<Bytes>>,
    /// Bytes that have not arrived yet.
    left: usize,
}

fn poll(body: &Mutex<Passing>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
    if body.left == 0 {
        return Poll::Ready(None);
    }
    let polled = body.stream.as_mut().poll_next(context);
    body.left = match &polled {
        Poll::Ready(Some(Ok(chunk))) => body.left.saturating_sub(chunk.len()),
        Poll::Ready(None | Some(Err(_))) => 0,
        Poll::Pending => body.left,
    };
    polled
}
