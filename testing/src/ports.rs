// SPDX-License-Identifier: MPL-2.0
//! Ports on which nobody listens.

use std::sync::atomic::{AtomicU16, Ordering};

/// A port of the loopback interface on which nobody listens, below the system's range of source ports
/// (from 32768 up). A client that connects repeatedly to a closed port in that range can get the same port
/// as its source. It is then connected to itself, and no server can listen on the port.
///
/// # Panics
/// If all ports are taken.
pub fn closed_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    // Test processes that run side by side begin at different places.
    let start = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| {
            let next = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into());
            u16::try_from(FIRST + next % COUNT).unwrap()
        })
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
