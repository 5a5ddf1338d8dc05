//! Owns the difference between a TCP and a Unix stream. Knows nothing of HTTP.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UnixStream};

/// One accepted socket.
#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What the peer did to a socket that is not being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerState {
    Open,
    Closed,
    Reset,
}

impl Wire {
    /// Waits until there may be something to read. Cancelling it loses nothing.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Reads what is there; 0 is the end, and none means there was nothing after all.
    pub(crate) fn try_read(&self, into: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let attempt = match self {
            Self::Tcp(stream) => stream.try_read_buf(into),
            Self::Unix(stream) => stream.try_read_buf(into),
        };
        match attempt {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            other => other.map(Some),
        }
    }

    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Unix(stream) => stream.write_all(bytes).await,
        }
    }

    /// Ends the sending side (FIN).
    pub(crate) async fn half_close(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown().await,
            Self::Unix(stream) => stream.shutdown().await,
        }
    }

    /// Makes the coming drop send RST. A Unix socket has none: there the peer sees an end.
    pub(crate) fn reset_on_drop(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Looks whether the peer has gone, without reading. Returns only when there is input or an end.
    pub(crate) async fn peer_state(&self) -> PeerState {
        let interest = Interest::READABLE;
        let (ready, error) = match self {
            Self::Tcp(stream) => (stream.ready(interest).await, stream.take_error()),
            Self::Unix(stream) => (stream.ready(interest).await, stream.take_error()),
        };
        match (ready, error) {
            (_, Ok(Some(_)) | Err(_)) | (Err(_), _) => PeerState::Reset,
            (Ok(ready), Ok(None)) if ready.is_read_closed() => PeerState::Closed,
            (Ok(_), Ok(None)) => PeerState::Open,
        }
    }
}
