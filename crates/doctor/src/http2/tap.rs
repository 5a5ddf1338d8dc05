//! `Tap`: the stream under an HTTP/2 connection, with a reader along it.
//!
//! Owns the sharing of what is seen, and gives the stream back when the connection lets go of it: what a server does
//! after its GOAWAY is then still seen. Refuses to hang up by itself.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use keepwarm::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::watch::Watch;
use crate::ending::EndedBy;

/// What the stream and whoever waits share.
#[derive(Default)]
pub(crate) struct Along {
    pub(crate) watch: Watch,
    /// The stream, once the connection has let go of it.
    pub(crate) left: Option<Stream>,
}

/// A handle on [`Along`].
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Along>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Along> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Tap {
    /// None only while it is dropped.
    stream: Option<Stream>,
    is_tls: bool,
    along: Shared,
}

impl Tap {
    pub(crate) fn new(stream: Stream, is_tls: bool, along: Shared) -> Self {
        Self {
            stream: Some(stream),
            is_tls,
            along,
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.along.lock().left = self.stream.take();
    }
}

/// Tells the watch what a read said.
pub(crate) fn note_read(along: &Shared, result: &io::Result<usize>, bytes: &[u8], is_tls: bool) {
    let at = Instant::now();
    let mut along = along.lock();
    match result {
        Ok(0) | Err(_) => along.watch.end(EndedBy::read(result, &[], is_tls), at),
        Ok(_) => along.watch.take(bytes, at),
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(gone()));
        };
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(stream).poll_read(cx, buffer));
        let bytes = &buffer.filled()[before..];
        let result = read.map(|()| bytes.len());
        note_read(&self.along, &result, bytes, self.is_tls);
        Poll::Ready(result.map(drop))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(gone()));
        };
        let written = ready!(Pin::new(stream).poll_write(cx, bytes));
        if let Err(error) = &written {
            let by = EndedBy::error(error);
            self.along.lock().watch.end(by, Instant::now());
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Err(gone())),
        }
    }

    /// The end is the server's to make: it is what is looked for.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
