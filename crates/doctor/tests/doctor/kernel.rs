//! What the kernel says of the sockets of this machine.

use std::collections::HashSet;

/// A line of its table of TCP sockets.
struct Socket {
    local: u16,
    remote: u16,
    /// Established, or about to be.
    is_open: bool,
    /// Its next timer is that of TCP keepalive.
    is_probing: bool,
}

fn sockets() -> Vec<Socket> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    let socket = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().take(6).collect();
        let [_, local, remote, state, _, timer] = fields[..] else {
            return None;
        };
        Some(Socket {
            local: port(local)?,
            remote: port(remote)?,
            is_open: matches!(state, "01" | "02"),
            is_probing: timer.starts_with("02:"),
        })
    };
    table.lines().filter_map(socket).collect()
}

/// How many sockets are connected to this port, or about to be, at one moment: between two readings of the table, which
/// changes while it is read.
pub(crate) fn connected_to(port: u16) -> usize {
    let seen = || -> HashSet<u16> {
        let sockets = sockets().into_iter();
        let here = sockets.filter(|socket| socket.remote == port && socket.is_open);
        here.map(|socket| socket.local).collect()
    };
    let (before, after) = (seen(), seen());
    before.intersection(&after).count()
}

/// Whether TCP keepalive is on at the socket of this port. A single reading of the table may miss it.
pub(crate) fn probes(port: u16) -> bool {
    let is_seen = |sockets: Vec<Socket>| {
        let mut sockets = sockets.iter();
        sockets.any(|socket| socket.local == port && socket.is_probing)
    };
    (0..10).any(|_| is_seen(sockets()))
}
