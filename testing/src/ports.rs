// SPDX-License-Identifier: MPL-2.0
//! Ports on which nobody listens.

use std::sync::atomic::{AtomicU16, Ordering};

/// A port of the loopback interface on which nobody listens, and which no connection is given as its
/// own: the system takes those from 32768 up. Of a port from there, a client that connects again and
/// again while nobody listens can be given the same one, is then connected to itself, and whoever wants
/// to listen cannot.
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
