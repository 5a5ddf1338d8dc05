//! `Stream`: the bytes of a connection, whatever carries them.
//!
//! Owns reading, writing, waiting for input and looking at it without taking it. Refuses to know what the
//! bytes mean.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use keepwarm_core::reason::PeerEnd;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::buffers;

/// What a [`crate::dial::Dialer`] of your own may return as a connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A stream upon a stream (TLS), which knows itself how to be watched.
pub(crate) trait Layer: Send {
    /// As [`Stream::poll_fill`].
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Option<BytesMut>,
        want: usize,
    ) -> Poll<io::Result<usize>>;

    /// As [`Stream::fill_now`].
    fn fill_now(&mut self, input: &mut Option<BytesMut>) -> io::Result<usize>;

    /// As [`AsyncRead::poll_read`].
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>)
    -> Poll<io::Result<()>>;

    /// As [`AsyncWrite::poll_write`].
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// As [`AsyncWrite::poll_flush`].
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// As [`AsyncWrite::poll_shutdown`].
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// As [`Stream::watch`].
    fn watch(&mut self, waker: &Waker) -> Look;

    /// As [`Stream::look`].
    fn look(&mut self) -> Look;
}

/// A connection's byte stream.
pub struct Stream(Kind);

enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    Other(Box<dyn Io>),
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "TLS is the layer there is")
    )]
    Layered(Box<dyn Layer>),
    /// It was handed to the caller (a protocol switch).
    Taken,
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Tcp(stream))
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self(Kind::Unix(stream))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Tcp(_) => "Stream::Tcp",
            Kind::Unix(_) => "Stream::Unix",
            Kind::Other(_) => "Stream::Other",
            Kind::Layered(_) => "Stream::Layered",
            Kind::Taken => "Stream::Taken",
        })
    }
}

/// What a look at an idle stream found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing: it is as idle as it should be.
    Nothing,
    /// The peer has closed its side, or reset the connection.
    End(PeerEnd),
    /// Bytes that nobody asked for.
    Bytes(u64),
    /// The connection failed.
    Failed(io::ErrorKind),
}

impl Stream {
    /// Wraps a stream of your own. A plain `TcpStream` is better converted with `From`: it is watched at less cost.
    pub fn new(io: impl Io) -> Self {
        Self(Kind::Other(Box::new(io)))
    }

    /// A stream upon another.
    #[cfg(feature = "tls")]
    pub(crate) fn layered(layer: impl Layer + 'static) -> Self {
        Self(Kind::Layered(Box::new(layer)))
    }

    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self(Kind::Taken))
    }

    /// Reads what is there into `input`. The buffer is borrowed only once there is something to read, so that
    /// thousands of waiting exchanges hold none.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Option<BytesMut>,
        want: usize,
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Tcp(stream) => {
                if input.is_none() {
                    ready!(stream.poll_read_ready(cx))?;
                }
                read_into(stream, cx, input, want)
            }
            Kind::Unix(stream) => {
                if input.is_none() {
                    ready!(stream.poll_read_ready(cx))?;
                }
                read_into(stream, cx, input, want)
            }
            Kind::Other(stream) => read_into(stream, cx, input, want),
            Kind::Layered(stream) => stream.poll_fill(cx, input, want),
            Kind::Taken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Reads what the kernel has, whatever the reactor knows of it: `WouldBlock` when that is nothing. The reactor
    /// may then wake somebody for bytes that are gone, which does no harm.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only layers read so")
    )]
    pub(crate) fn fill_now(&mut self, input: &mut Option<BytesMut>) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(stream) => receive_into(&*stream, input),
            Kind::Unix(stream) => receive_into(&*stream, input),
            Kind::Other(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                match read_into(stream, &mut cx, input, buffers::READ_SIZE) {
                    Poll::Ready(read) => read,
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
            Kind::Layered(stream) => stream.fill_now(input),
            Kind::Taken => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Writes what can be written at once, from wherever, and forgets the rest: for a last word before the close.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only layers have a last word")
    )]
    pub(crate) fn write_now(&mut self, bytes: &[u8]) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match &mut self.0 {
            Kind::Tcp(stream) => drop(send(&*stream, bytes, flags)),
            Kind::Unix(stream) => drop(send(&*stream, bytes, flags)),
            Kind::Other(_) | Kind::Layered(_) => {
                let mut cx = Context::from_waker(Waker::noop());
                if self.poll_write(&mut cx, bytes).is_ready() {
                    let _best_effort = self.poll_flush(&mut cx);
                }
            }
            Kind::Taken => {}
        }
    }

    /// Writes; `Ok(0)` never comes for a non-empty slice.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.0 {
            Kind::Tcp(stream) => ready!(Pin::new(stream).poll_write(cx, bytes))?,
            Kind::Unix(stream) => ready!(Pin::new(stream).poll_write(cx, bytes))?,
            Kind::Other(stream) => ready!(Pin::new(stream).poll_write(cx, bytes))?,
            Kind::Layered(stream) => ready!(stream.poll_write(cx, bytes))?,
            Kind::Taken => 0,
        };
        if written == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(written))
    }

    /// Writes from two slices in turn, in one call to the system where it takes both. `Ok(0)` never comes for a first
    /// slice with something in it.
    pub(crate) fn poll_write_both(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<io::Result<usize>> {
        let both = [IoSlice::new(first), IoSlice::new(second)];
        let written = match &mut self.0 {
            Kind::Tcp(stream) => ready!(Pin::new(stream).poll_write_vectored(cx, &both))?,
            Kind::Unix(stream) => ready!(Pin::new(stream).poll_write_vectored(cx, &both))?,
            Kind::Other(stream) if stream.is_write_vectored() => {
                ready!(Pin::new(stream).poll_write_vectored(cx, &both))?
            }
            Kind::Other(_) | Kind::Layered(_) | Kind::Taken => return self.poll_write(cx, first),
        };
        if written == 0 && !first.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(written))
    }

    /// Flushes what the stream itself holds back (TCP and Unix hold nothing).
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(_) | Kind::Unix(_) | Kind::Taken => Poll::Ready(Ok(())),
            Kind::Other(stream) => Pin::new(stream).poll_flush(cx),
            Kind::Layered(stream) => stream.poll_flush(cx),
        }
    }

    /// Leaves `waker` to be woken when the idle stream has something to say. Anything but `Nothing` says it now.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Look {
        let mut cx = Context::from_waker(waker);
        loop {
            let readiness = match &mut self.0 {
                Kind::Tcp(stream) => stream.poll_read_ready(&mut cx),
                Kind::Unix(stream) => stream.poll_read_ready(&mut cx),
                Kind::Other(stream) => return look_by_reading(stream, &mut cx),
                Kind::Layered(stream) => return stream.watch(waker),
                Kind::Taken => return Look::End(PeerEnd::Fin),
            };
            match readiness {
                Poll::Pending => return Look::Nothing,
                Poll::Ready(Err(error)) => return Look::failed(&error),
                Poll::Ready(Ok(())) => {}
            }
            // The reactor says there is something. Finding nothing also clears that word, so this ends.
            let look = match &mut self.0 {
                Kind::Tcp(stream) => {
                    let stream = &*stream;
                    found(stream.try_io(Interest::READABLE, || peek(stream)))
                }
                Kind::Unix(stream) => {
                    let stream = &*stream;
                    found(stream.try_io(Interest::READABLE, || peek(stream)))
                }
                Kind::Other(_) | Kind::Layered(_) | Kind::Taken => {
                    return Look::End(PeerEnd::Fin);
                }
            };
            if look != Look::Nothing {
                return look;
            }
        }
    }

    /// Asks the kernel, not the reactor, whether there is something to read: the reactor's word is as old as
    /// its last turn.
    pub(crate) fn look(&mut self) -> Look {
        match &mut self.0 {
            Kind::Tcp(stream) => found(peek(&*stream)),
            Kind::Unix(stream) => found(peek(&*stream)),
            Kind::Other(stream) => look_by_reading(stream, &mut Context::from_waker(Waker::noop())),
            Kind::Layered(stream) => stream.look(),
            Kind::Taken => Look::End(PeerEnd::Fin),
        }
    }
}

/// Looks at what is there and leaves it there.
fn peek(socket: impl AsFd) -> io::Result<Seen> {
    let mut bytes = [0_u8; LOOK];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let (_, count) = recv(socket, &mut bytes[..], flags)?;
    Ok(Seen { bytes, count })
}

/// Takes what is there, up to a page.
fn receive_into(socket: impl AsFd, input: &mut Option<BytesMut>) -> io::Result<usize> {
    let mut space = [MaybeUninit::<u8>::uninit(); 4096];
    let ((bytes, _), _) = recv(socket, &mut space[..], RecvFlags::DONTWAIT)?;
    if !bytes.is_empty() {
        let buffer = input.get_or_insert_with(buffers::take_read);
        buffer.extend_from_slice(bytes);
    }
    Ok(bytes.len())
}

/// The first bytes of what is there.
struct Seen {
    bytes: [u8; LOOK],
    count: usize,
}

/// How much of what an idle connection says is looked at.
const LOOK: usize = 16;

/// Some servers say `408 Request Timeout` before they close an idle connection (RFC 9110 §15.5.9): a close in
/// many words, no answer to anything.
fn is_idle_408(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") && bytes.get(8..12) == Some(b" 408")
}

impl Look {
    /// These were read although nobody had asked.
    #[cfg(feature = "tls")]
    pub(crate) fn at(bytes: &[u8]) -> Self {
        if is_idle_408(bytes) {
            Self::End(PeerEnd::RequestTimeout)
        } else {
            Self::Bytes(bytes.len() as u64)
        }
    }

    /// Looking failed. A reset of an idle connection is a close in other words.
    pub(crate) fn failed(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::End(PeerEnd::Reset),
            kind => Self::Failed(kind),
        }
    }
}

fn found(seen: io::Result<Seen>) -> Look {
    match seen {
        Ok(Seen { count: 0, .. }) => Look::End(PeerEnd::Fin),
        Ok(Seen { bytes, .. }) if is_idle_408(&bytes) => Look::End(PeerEnd::RequestTimeout),
        Ok(Seen { count, .. }) => Look::Bytes(count as u64),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Look::Nothing,
        Err(error) => Look::failed(&error),
    }
}

/// A stream of somebody's own can only be read: what is found is lost, and so is the connection.
fn look_by_reading(stream: &mut Box<dyn Io>, cx: &mut Context<'_>) -> Look {
    let mut bytes = [0_u8; LOOK];
    let mut buffer = ReadBuf::new(&mut bytes);
    match Pin::new(stream).poll_read(cx, &mut buffer) {
        Poll::Pending => Look::Nothing,
        Poll::Ready(read) => {
            let count = buffer.filled().len();
            found(read.map(|()| Seen { bytes, count }))
        }
    }
}

fn read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    input: &mut Option<BytesMut>,
    want: usize,
) -> Poll<io::Result<usize>> {
    let buffer = input.get_or_insert_with(buffers::take_read);
    if buffer.capacity() - buffer.len() < want / 2 {
        buffer.reserve(want);
    }
    let polled = pin!(stream.read_buf(buffer)).poll(cx);
    if polled.is_pending()
        && buffer.is_empty()
        && let Some(buffer) = input.take()
    {
        buffers::give_read(buffer);
    }
    polled
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Kind::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Kind::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
            Kind::Layered(stream) => stream.poll_read(cx, buffer),
            Kind::Taken => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Stream::poll_write(&mut self, cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Stream::poll_flush(&mut self, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Other(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Layered(stream) => stream.poll_shutdown(cx),
            Kind::Taken => Poll::Ready(Ok(())),
        }
    }
}
