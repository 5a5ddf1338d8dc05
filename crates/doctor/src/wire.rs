//! `Wire`: one connection to the target, opened for one check.
//!
//! Owns its opening and the wait for its end. Refuses to know what is said on it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use keepwarm::Stream;
use keepwarm::tls::{TlsConnector, TlsInfo};
use keepwarm_core::event::{Opening, Protocol};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::doors::Leave;
use crate::ending::EndedBy;
use crate::journal::{Journal, Opened, Track};
use crate::target::Target;
use crate::trouble::Trouble;

pub(crate) struct Wire {
    pub(crate) stream: Stream,
    /// What was read and not yet taken.
    pub(crate) buffer: BytesMut,
    /// None over plain TCP.
    pub(crate) tls: Option<TlsInfo>,
    /// How long TCP took: a round trip.
    pub(crate) round_trip: Duration,
    /// When it was open, the handshake included.
    pub(crate) opened: Instant,
    /// Answers that were read to their end.
    pub(crate) answers: u64,
    pub(crate) track: Track,
    leave: Leave,
}

/// How a connection is opened.
pub(crate) struct Way<'a> {
    /// TLS, and the protocols that are offered; none: plain.
    pub(crate) tls: Option<(&'a TlsConnector, &'a [&'a [u8]])>,
    /// After how long in which nothing came TCP asks whether the other side is there, and how often from then on;
    /// none: never.
    pub(crate) probes: Option<Duration>,
    /// For each step.
    pub(crate) patience: Duration,
    /// Where it is told.
    pub(crate) journal: &'a Arc<Journal>,
}

fn unfinished(patience: Duration) -> String {
    format!(
        "TLS: the handshake was not over within {} s",
        patience.as_secs_f64()
    )
}

impl Wire {
    pub(crate) async fn open(
        target: &Target,
        address: SocketAddr,
        way: &Way<'_>,
        leave: Leave,
    ) -> Result<Self, Trouble> {
        let began = Instant::now();
        let wire = Self::open_untold(target, address, way, leave).await;
        wire.inspect_err(|trouble| way.journal.failed(began, trouble.to_string()))
    }

    async fn open_untold(
        target: &Target,
        address: SocketAddr,
        way: &Way<'_>,
        leave: Leave,
    ) -> Result<Self, Trouble> {
        let patience = way.patience;
        let late = |what| Trouble::Timeout {
            what,
            limit: patience,
        };
        let began = Instant::now();
        let stream = timeout(patience, TcpStream::connect(address))
            .await
            .map_err(|_| late("a connection"))?
            .map_err(Trouble::Connect)?;
        let round_trip = began.elapsed();
        // Requests are one write each; without this an old delayed acknowledgement could hold one back.
        stream.set_nodelay(true).map_err(Trouble::Connect)?;
        let local = stream.local_addr().ok();
        if let Some(every) = way.probes {
            let probes = TcpKeepalive::new().with_time(every).with_interval(every);
            let set = SockRef::from(&stream).set_tcp_keepalive(&probes);
            set.map_err(Trouble::Connect)?;
        }
        let mut stream = Stream::from(stream);
        let mut tls = None;
        if let Some((connector, protocols)) = way.tls {
            let shaking = connector.connect(stream, target.host(), target.port(), protocols);
            let shaken = timeout(patience, shaking).await;
            let (encrypted, info) = shaken
                .map_err(|_| Trouble::Tls(unfinished(patience)))?
                .map_err(|error| Trouble::Tls(error.to_string()))?;
            stream = encrypted;
            tls = Some(info);
        }
        let opened = Instant::now();
        let agreed = tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        let protocol = match agreed {
            Some("h2") => Protocol::H2,
            None if target.is_http2_only() => Protocol::H2,
            Some(_) | None => Protocol::H1,
        };
        let track = way.journal.opened(Opened {
            began,
            opened,
            local,
            remote: address,
            protocol,
            tls: tls.clone(),
            took: Opening {
                connecting: round_trip,
                handshake: tls.as_ref().map(|_| opened - began - round_trip),
                ..Opening::default()
            },
        });
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            tls,
            round_trip,
            opened,
            answers: 0,
            track,
            leave,
        })
    }

    /// Its parts, for another protocol: the stream, what TLS agreed on, its account, and the leave to keep it.
    pub(crate) fn into_parts(self) -> (Stream, Option<TlsInfo>, Track, Leave) {
        (self.stream, self.tls, self.track, self.leave)
    }

    /// Waits until the server ends it or says something; none when TCP gave up, for nothing came back to its probes.
    /// Nothing is lost when the wait is given up.
    pub(crate) async fn end(&mut self) -> (Option<EndedBy>, Instant) {
        if !self.buffer.is_empty() {
            let (by, at) = (EndedBy::stray(&self.buffer), Instant::now());
            self.track.ended(by, at, self.buffer.len());
            return (Some(by), at);
        }
        let read = self.stream.read_buf(&mut self.buffer).await;
        let at = Instant::now();
        let gave_up = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        if read.as_ref().is_err_and(gave_up) {
            return (None, at);
        }
        let by = EndedBy::read(&read, &self.buffer, self.tls.is_some());
        self.track.ended(by, at, self.buffer.len());
        (Some(by), at)
    }
}
