//! `Upgraded`: a connection that was switched to another protocol (RFC 9110 §7.8).
//!
//! Owns the stream and the bytes already read behind the `101`. Refuses to know what is spoken on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::conn::Stream;

/// A connection after `101 Switching Protocols`: the caller's, and no longer the pool's.
#[derive(Debug)]
pub struct Upgraded {
    buffered: BytesMut,
    stream: Stream,
}

impl Upgraded {
    pub(super) fn new(buffered: BytesMut, stream: Stream) -> Self {
        Self { buffered, stream }
    }

    /// The bytes that came right behind the head, and the stream that goes on after them.
    pub fn into_parts(self) -> (BytesMut, Stream) {
        (self.buffered, self.stream)
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.buffered.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = self.buffered.len().min(buffer.remaining());
        buffer.put_slice(&self.buffered[..count]);
        self.buffered.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.stream), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.stream), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.stream), cx)
    }
}
