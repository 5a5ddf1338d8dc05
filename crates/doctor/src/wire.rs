//! `Wire`: one connection to the target, opened for one check.
//!
//! Owns its opening and the wait for its end. Refuses to know what is said on it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use keepwarm::Stream;
use keepwarm::tls::{TlsConnector, TlsInfo};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ending::EndedBy;
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
        connector: Option<(&TlsConnector, &[&[u8]])>,
        patience: Duration,
    ) -> Result<Self, Trouble> {
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
        let mut stream = Stream::from(stream);
        let mut tls = None;
        if let Some((connector, protocols)) = connector {
            let shaking = connector.connect(stream, target.host(), target.port(), protocols);
            let shaken = timeout(patience, shaking).await;
            let (encrypted, info) = shaken
                .map_err(|_| Trouble::Tls(unfinished(patience)))?
                .map_err(|error| Trouble::Tls(error.to_string()))?;
            stream = encrypted;
            tls = Some(info);
        }
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            tls,
            round_trip,
            opened: Instant::now(),
            answers: 0,
        })
    }

    /// Waits until the server ends it or says something. Nothing is lost when the wait is given up.
    pub(crate) async fn end(&mut self) -> (EndedBy, Instant) {
        if !self.buffer.is_empty() {
            return (EndedBy::stray(&self.buffer), Instant::now());
        }
        let read = self.stream.read_buf(&mut self.buffer).await;
        let at = Instant::now();
        (EndedBy::read(&read, &self.buffer, self.tls.is_some()), at)
    }
}
