//! `Driver`: the task that moves the frames of one connection, and [`open`], which begins one.
//!
//! Owns the socket and the questions whether it lives. An HTTP/1.1 connection needs no task; one that many calls
//! share does. Refuses to know who its calls are.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::h2::client::{Builder, Connection};
use ::h2::{Ping, PingPong};
use bytes::Bytes;
use keepwarm_core::reason::{CloseReason, Limit, PeerEnd, ProtocolFault};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::control::Control;
use super::failure::Failure;
use super::keep_alive::{Due, KeepAlive};
use super::link::{Health, Link};
use super::settings::Http2;
use crate::conn::Stream;

/// Streams the server may still send for after we have reset them.
const RESET_STREAMS: usize = 64;
/// How long it may.
const RESET_MEMORY: Duration = Duration::from_secs(5);
/// Bytes of request bodies that are held for sending, per stream.
const SEND_BUFFER: usize = 256 * 1024;

/// What the number of streams is before the server has said it: nothing a server says.
const UNKNOWN: usize = usize::MAX >> 1;

/// Begins HTTP/2 on a stream. The server's settings are waited for (RFC 9113 §3.4: they are the first it sends):
/// without its limit on streams, a crowd of calls would queue up on a connection that cannot carry them.
pub(crate) async fn open(
    stream: Stream,
    settings: &Http2,
    max_head_bytes: usize,
) -> Result<(Link, Driver), Failure> {
    let health = Arc::new(Health::default());
    let metered = Metered {
        stream,
        health: Arc::clone(&health),
        control: Control::new(max_head_bytes),
    };
    // Twice the limit, for the `h2` crate only says that an answer is malformed when its head exceeds its own. A head
    // between the two is measured by the exchange, and one that is beyond both is seen by its bytes on the wire, which
    // are never fewer than 5/8 of it (RFC 7541, appendix B) unless it names what it had sent before.
    let most_unpacked = u32::try_from(max_head_bytes.saturating_mul(2)).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_header_list_size(most_unpacked)
        .max_concurrent_reset_streams(RESET_STREAMS)
        .reset_stream_duration(RESET_MEMORY)
        .initial_max_send_streams(UNKNOWN)
        .max_send_buffer_size(SEND_BUFFER);
    let begun = builder.handshake::<_, Bytes>(metered).await;
    let (sender, mut connection) = begun.map_err(|error| Failure::of(&error))?;
    std::future::poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(_) if health.answered_http1.load(Ordering::Relaxed) => {
            Poll::Ready(Err(Failure::http1_instead()))
        }
        Poll::Ready(Ok(())) => Poll::Ready(Err(Failure::ended())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(Failure::of(&error))),
        Poll::Pending if connection.max_concurrent_send_streams() == UNKNOWN => Poll::Pending,
        Poll::Pending => Poll::Ready(Ok(())),
    })
    .await?;
    let driver = Driver {
        ping: connection.ping_pong(),
        keep_alive: KeepAlive::new(settings),
        connection,
        health: Arc::clone(&health),
    };
    Ok((Link::new(sender, health, settings.max_streams), driver))
}

/// A connection as a task. It ends when the connection does.
pub(crate) struct Driver {
    connection: Connection<Metered, Bytes>,
    ping: Option<PingPong>,
    keep_alive: KeepAlive,
    health: Arc<Health>,
}

impl Driver {
    fn poll_keep_alive(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let Some(ping) = &mut self.ping else {
            return Poll::Pending;
        };
        loop {
            let read = self.health.read.load(Ordering::Relaxed);
            if let Poll::Ready(Ok(_)) = ping.poll_pong(cx) {
                self.keep_alive.answered(read);
            }
            let waited_for = self.health.is_waited_for();
            match ready!(self.keep_alive.poll(cx, waited_for, read)) {
                // Should one be under way already, its answer serves as well.
                Due::Ask => drop(ping.send_ping(Ping::opaque())),
                Due::Dead => return Poll::Ready(CloseReason::TimedOut(Limit::Ping)),
            }
        }
    }
}

impl Driver {
    /// Our own end, or the server's: after it had said so, or without a word.
    fn orderly_end(&self) -> CloseReason {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is_set(&self.health.hung_up) && !is_set(&self.health.said_go_away) {
            let idle = Duration::ZERO;
            let how = PeerEnd::Fin;
            return CloseReason::PeerClosedIdle { how, idle };
        }
        CloseReason::GoAway
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let reason = match Pin::new(&mut self.connection).poll(cx) {
            Poll::Ready(Ok(())) => self.orderly_end(),
            Poll::Ready(Err(error)) => self.health.judge(&error, None).reason(),
            Poll::Pending => ready!(self.poll_keep_alive(cx)),
        };
        self.health.end(reason);
        Poll::Ready(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Dropped unfinished: with its runtime.
        self.health.end(CloseReason::RuntimeGone);
    }
}

/// A stream whose reads are counted: a sign of life, and the measure of a flood.
struct Metered {
    stream: Stream,
    health: Arc<Health>,
    control: Control,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        self.health
            .read
            .fetch_add(read.len() as u64, Ordering::Relaxed);
        let hung_up = read.is_empty() && buffer.remaining() > 0;
        let is_calm = self.control.note(read);
        let this = &mut *self;
        if hung_up {
            this.health.hung_up.store(true, Ordering::Relaxed);
        }
        if this.control.saw_http1() {
            this.health.answered_http1.store(true, Ordering::Relaxed);
        }
        if this.control.saw_go_away() {
            this.health.said_go_away.store(true, Ordering::Relaxed);
        }
        for stream in this.control.take_outsized() {
            this.health.note_outsized(stream);
        }
        if is_calm {
            return Poll::Ready(Ok(()));
        }
        let code = ::h2::Reason::ENHANCE_YOUR_CALM.into();
        let reason = CloseReason::PeerBrokeProtocol(ProtocolFault::Http2 { code });
        this.health.end(reason);
        Poll::Ready(Err(io::Error::other("a flood of control frames")))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.control.note_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
