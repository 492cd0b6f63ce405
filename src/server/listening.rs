// SPDX-License-Identifier: MPL-2.0
//! The socket. Unlike the framework's own it sends small answers at once and does not spin when
//! connections cannot be accepted, as while file descriptors are used up.

use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// After a failed accept.
const PAUSE: Duration = Duration::from_millis(200);

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
}

impl Acceptor for Listening {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(self.1.into())]
    }

    async fn accept(
        &mut self,
    ) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, poem::http::uri::Scheme)> {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    drop(stream.set_nodelay(true));
                    return Ok((
                        stream,
                        LocalAddr(self.1.into()),
                        RemoteAddr(peer.into()),
                        poem::http::uri::Scheme::HTTP,
                    ));
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
}
