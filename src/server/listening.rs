// SPDX-License-Identifier: MPL-2.0
//! The socket and its connections. Unlike the framework's own, it sends small answers at once, does not
//! spin when connections cannot be accepted (no free file descriptors, for example), and closes idle
//! connections.

use super::activity::{Activity, Watched};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, IntoResponse, Response};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

/// Wait after a failed accept.
const PAUSE: Duration = Duration::from_millis(200);
/// Size limit of the headers of an HTTP/2 request, in bytes.
const HEADERS: u32 = 16 * 1024;

/// A socket that listens.
pub struct Listening(TcpListener, SocketAddr);

impl Listening {
    /// Listens on an address; port 0 takes any free port.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self(listener, address))
    }

    /// The address, with the port that was given.
    pub fn address(&self) -> SocketAddr {
        self.1
    }

    /// Serves until the stop signal, then gives requests in progress some time to end.
    pub async fn serve(
        self,
        endpoint: impl Endpoint + 'static,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) {
        let endpoint = Arc::new(endpoint);
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                (stream, peer) = accept(&self.0) => {
                    let addresses = (LocalAddr(self.1.into()), RemoteAddr(peer.into()));
                    connections.spawn(serve(stream, addresses, endpoint.clone(), stopped.clone()));
                }
                Some(ended) = connections.join_next() => drop(ended),
            }
        }
        drop(self.0);
        stopping.send_replace(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            let broken_off = connections.len();
            warn!(broken_off, "Requests in progress were aborted");
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                drop(stream.set_nodelay(true));
                return (stream, peer);
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "A connection could not be accepted"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn serve<E: Endpoint + 'static>(
    stream: TcpStream,
    (local, remote): (LocalAddr, RemoteAddr),
    endpoint: Arc<E>,
    mut stopped: watch::Receiver<bool>,
) {
    let activity = Arc::new(Activity::default());
    let stream = TokioIo::new(Watched::new(stream, activity.clone()));
    let service = hyper::service::service_fn(|request: poem::http::Request<_>| {
        let (endpoint, working) = (endpoint.clone(), activity.working());
        let parts = (request, local.clone(), remote.clone(), Scheme::HTTP);
        async move {
            let response = endpoint.get_response(parts.into()).await;
            drop(working);
            Ok::<poem::http::Response<_>, Infallible>(Response::into(response.into_response()))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_header_list_size(HEADERS);
    let mut connection = pin!(builder.serve_connection(stream, service));
    let over = || async {
        let why = activity.over().await;
        debug!(client = %remote.0, "A connection is closed: {why}");
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = over() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = over() => {}
    }
}

/// Raises the limit of open files and connections to the maximum that the system allows: some systems
/// begin with 1024 and allow a million.
pub(super) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current == maximum {
            return;
        }
        let limit = Rlimit {
            current: maximum,
            maximum,
        };
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => info!(
                from = current,
                to = maximum,
                "Raised the limit of open files"
            ),
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                limit = current,
                "The limit of open files could not be raised"
            ),
        }
    }
}
