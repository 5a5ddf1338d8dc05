//! `Http2`: the numbers of HTTP/2, with their defaults.
//!
//! Owns the settings a user may choose. Refuses to know what they bring about.

use std::time::Duration;

use crate::error::{Error, Result};

/// The settings of HTTP/2 connections, given to [`crate::Config::http2`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Bytes of a response body that a server may send ahead of its reader, per stream (RFC 9113 §6.9.2). What a
    /// stream can make us hold. Default 2 MiB; 65 535 to 2^31 − 1.
    pub stream_window: u32,
    /// The same over all streams of a connection. Default 8 MiB; 65 535 to 2^31 − 1.
    pub connection_window: u32,
    /// Streams at a time on one connection; the server's limit may be smaller. Default none: the server's.
    pub max_streams: Option<usize>,
    /// HTTP/2 connections per origin and runtime: beyond them calls wait for a stream. Default none: one more is
    /// opened whenever the streams of those that are open are all taken, within `max_conns_per_host`.
    pub max_connections: Option<usize>,
    /// Whether a call to an `https` origin may be a stream on a connection that was opened for another one (RFC 9113
    /// §9.1.1), before a connection of its own is opened. Default false. The chapter on HTTP/2 of the [crate's
    /// page](crate#http2) says what must hold for it, and what to think of first.
    pub coalesce: bool,
    /// A connection on which calls wait and nothing was read for so long is asked with a `PING`. Each further
    /// question waits four times as long, so that servers that count them take no offence. Default 30 s; none: never.
    pub ping_after: Option<Duration>,
    /// Ask idle connections too. Default false: a dead one is found by the next call, which is sent again.
    pub ping_idle: bool,
    /// Time for the answer; then the connection is closed and its calls fail. Default 15 s.
    pub ping_timeout: Duration,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            stream_window: 2 << 20,
            connection_window: 8 << 20,
            max_streams: None,
            max_connections: None,
            coalesce: false,
            ping_after: Some(Duration::from_secs(30)),
            ping_idle: false,
            ping_timeout: Duration::from_secs(15),
        }
    }
}

impl Http2 {
    /// Refuses what HTTP/2 does not allow, or could serve nobody.
    pub(crate) fn check(&self) -> Result<()> {
        const SMALLEST: u32 = 65_535;
        const LARGEST: u32 = i32::MAX as u32;
        for (name, window) in [
            ("stream_window", self.stream_window),
            ("connection_window", self.connection_window),
        ] {
            if !(SMALLEST..=LARGEST).contains(&window) {
                return Err(Error::usage(format!(
                    "http2.{name} must be from {SMALLEST} to {LARGEST} bytes, not {window}"
                )));
            }
        }
        for (name, most) in [
            ("max_streams", self.max_streams),
            ("max_connections", self.max_connections),
        ] {
            if most == Some(0) {
                return Err(Error::usage(format!(
                    "http2.{name} must not be 0: no call could be served (leave it out for no limit)"
                )));
            }
        }
        Ok(())
    }
}
