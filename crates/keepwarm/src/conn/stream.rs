//! `Stream`: the bytes of a connection, whatever carries them.
//!
//! Owns reading, writing, waiting for input and looking at it without taking it. Refuses to know what the
//! bytes mean.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::buffers;

/// What a [`crate::dial::Dialer`] of your own may return as a connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection's byte stream.
pub struct Stream(Kind);

enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    Other(Box<dyn Io>),
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
            Kind::Taken => "Stream::Taken",
        })
    }
}

/// What a look at an idle stream found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing: it is as idle as it should be.
    Nothing,
    /// The peer has closed its side.
    End,
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
            Kind::Taken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
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
            Kind::Taken => 0,
        };
        if written == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(written))
    }

    /// Flushes what the stream itself holds back (TCP and Unix hold nothing).
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(_) | Kind::Unix(_) | Kind::Taken => Poll::Ready(Ok(())),
            Kind::Other(stream) => Pin::new(stream).poll_flush(cx),
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
                Kind::Taken => return Look::End,
            };
            match readiness {
                Poll::Pending => return Look::Nothing,
                Poll::Ready(Err(error)) => return Look::Failed(error.kind()),
                Poll::Ready(Ok(())) => {}
            }
            // The reactor says there is something. A read that finds nothing also clears that word, so this ends.
            let mut bytes = [0_u8; LOOK];
            let read = match &mut self.0 {
                Kind::Tcp(stream) => stream.try_read(&mut bytes),
                Kind::Unix(stream) => stream.try_read(&mut bytes),
                Kind::Other(_) | Kind::Taken => return Look::End,
            };
            match found(read, &bytes) {
                Look::Nothing => {}
                look @ (Look::End | Look::Bytes(_) | Look::Failed(_)) => return look,
            }
        }
    }

    /// Asks the kernel, not the reactor, whether there is something to read: the reactor's word is as old as
    /// its last turn.
    pub(crate) fn look(&mut self) -> Look {
        match &mut self.0 {
            Kind::Tcp(stream) => peek(&SockRef::from(&*stream)),
            Kind::Unix(stream) => peek(&SockRef::from(&*stream)),
            Kind::Other(stream) => look_by_reading(stream, &mut Context::from_waker(Waker::noop())),
            Kind::Taken => Look::End,
        }
    }
}

fn peek(socket: &SockRef<'_>) -> Look {
    let mut byte = [MaybeUninit::uninit(); 1];
    match found(socket.peek(&mut byte), &[]) {
        // Something is there, and the connection is lost: now it may cost a second call to tell what.
        Look::Bytes(_) => {
            let mut bytes = [0_u8; LOOK];
            let mut reader: &socket2::Socket = socket;
            found(io::Read::read(&mut reader, &mut bytes), &bytes)
        }
        look @ (Look::Nothing | Look::End | Look::Failed(_)) => look,
    }
}

/// How much of what an idle connection says is looked at.
const LOOK: usize = 16;

/// Some servers say `408 Request Timeout` before they close an idle connection (RFC 9110 §15.5.9): a close in
/// many words, no answer to anything.
fn is_idle_408(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") && bytes.get(8..12) == Some(b" 408")
}

fn found(read: io::Result<usize>, bytes: &[u8]) -> Look {
    match read {
        Ok(0) => Look::End,
        Ok(_) if is_idle_408(bytes) => Look::End,
        Ok(bytes) => Look::Bytes(bytes as u64),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Look::Nothing,
        Err(error) => Look::Failed(error.kind()),
    }
}

fn look_by_reading(stream: &mut Box<dyn Io>, cx: &mut Context<'_>) -> Look {
    let mut bytes = [0_u8; LOOK];
    let mut buffer = ReadBuf::new(&mut bytes);
    match Pin::new(stream).poll_read(cx, &mut buffer) {
        Poll::Pending => Look::Nothing,
        Poll::Ready(read) => found(read.map(|()| buffer.filled().len()), buffer.filled()),
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
            Kind::Taken => Poll::Ready(Ok(())),
        }
    }
}
