// SPDX-License-Identifier: MPL-2.0
//! A listener on this machine's own address.

use crate::server::Listening;
use anyhow::Context as _;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

/// So many ports after one that is taken are tried.
const FURTHER: u16 = 20;

/// Listens on loopback, on this port or the first free one after it, and says which it is where the
/// port was taken. Port 0 is any that is free.
///
/// # Errors
/// When none of the ports can be listened on.
pub async fn listen(port: u16) -> anyhow::Result<(Listening, Option<String>)> {
    for candidate in port..=port.saturating_add(FURTHER) {
        match Listening::on(SocketAddr::from((Ipv4Addr::LOCALHOST, candidate))).await {
            Ok(listening) if candidate == port => return Ok((listening, None)),
            Ok(listening) => {
                let note = format!("port {port} is taken; listening on {candidate}");
                return Ok((listening, Some(note)));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot listen on port {candidate} of 127.0.0.1"));
            }
        }
    }
    anyhow::bail!("port {port} and the {FURTHER} after it are taken; name another one with --port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_passed_over_and_named() {
        let (first, note) = listen(0).await.unwrap();
        assert_eq!(note, None);
        let taken = first.address().port();
        let (second, note) = listen(taken).await.unwrap();
        let port = second.address().port();
        assert!((taken + 1..=taken + FURTHER).contains(&port));
        assert_eq!(
            note,
            Some(format!("port {taken} is taken; listening on {port}"))
        );
    }
}
