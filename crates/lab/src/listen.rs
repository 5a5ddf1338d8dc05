//! Owns the listening socket in all its moods. Knows nothing of what happens to connections.

use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::path::PathBuf;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::behaviour::Accept;
use crate::wire::Wire;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long the connection that fills the queue may take; on loopback it takes microseconds.
const FILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a lab listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket, made by the lab and removed when it stops.
    Unix(PathBuf),
}

impl Default for Listen {
    /// A free port of 127.0.0.1.
    fn default() -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<PathBuf> for Listen {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

/// A bound socket, made without a runtime.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: Socket,
    filler: Option<StdTcpStream>,
    pub(crate) listen: Listen,
    accept: Accept,
}

impl Bound {
    pub(crate) fn bind(listen: Listen, accept: Accept) -> io::Result<Self> {
        let (socket, listen) = match listen {
            Listen::Tcp(address) => {
                let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
                // A lab may come back on the port of an earlier one.
                socket.set_reuse_address(true)?;
                socket.bind(&address.into())?;
                let bound = socket.local_addr()?.as_socket();
                (socket, Listen::Tcp(bound.unwrap_or(address)))
            }
            Listen::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&SockAddr::unix(&path)?)?;
                (socket, Listen::Unix(path))
            }
        };
        let mut bound = Self {
            socket,
            filler: None,
            listen,
            accept,
        };
        match accept {
            Accept::Serve | Accept::ThenClose | Accept::ThenReset => {
                bound.socket.listen(BACKLOG)?;
            }
            // Bound without listening: the port stays ours, and connecting is refused.
            Accept::Refuse => {}
            Accept::Never => {
                bound.socket.listen(0)?;
                bound.fill_queue()?;
            }
        }
        bound.socket.set_nonblocking(true)?;
        Ok(bound)
    }

    /// Takes the one place in the queue, so that the next connect hangs.
    fn fill_queue(&mut self) -> io::Result<()> {
        match &self.listen {
            Listen::Tcp(address) => {
                self.filler = Some(StdTcpStream::connect_timeout(address, FILL_TIMEOUT)?);
                Ok(())
            }
            Listen::Unix(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a Unix socket cannot let connects hang",
            )),
        }
    }

    /// Hands the socket to the runtime this is called in.
    pub(crate) fn start(self) -> io::Result<Listener> {
        match (self.accept, &self.listen) {
            (Accept::Never | Accept::Refuse, _) => Ok(Listener::Deaf {
                _socket: self.socket,
                _filler: self.filler,
            }),
            (Accept::Serve | Accept::ThenClose | Accept::ThenReset, Listen::Tcp(_)) => {
                TcpListener::from_std(self.socket.into()).map(Listener::Tcp)
            }
            (Accept::Serve | Accept::ThenClose | Accept::ThenReset, Listen::Unix(_)) => {
                UnixListener::from_std(self.socket.into()).map(Listener::Unix)
            }
        }
    }
}

/// A socket that accepts, or only holds its address.
#[derive(Debug)]
pub(crate) enum Listener {
    Deaf {
        _socket: Socket,
        _filler: Option<StdTcpStream>,
    },
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Accepts one connection: its socket and the peer's name. Cancelling it loses nothing.
    pub(crate) async fn accept(&self) -> io::Result<(Wire, String)> {
        match self {
            Self::Deaf { .. } => std::future::pending().await,
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Wire::Tcp(stream), peer.to_string()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Wire::Unix(stream), "unix".to_owned()))
            }
        }
    }
}
