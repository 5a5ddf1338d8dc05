//! `TlsStream`: a stream that is encrypted upon another.
//!
//! Owns the session and the bytes between the two: ciphertext that is no record yet or is not sent yet, plaintext
//! that nobody took yet. All three are usually empty, and an idle stream then holds no buffer. Refuses to know
//! certificates and what the plaintext means.
//!
//! The session is rustls' unbuffered one: it decrypts in place and encrypts into a buffer that is lent to it, and
//! between exchanges it keeps neither.

use std::io;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use keepwarm_core::reason::PeerEnd;
use rustls::client::UnbufferedClientConnection;
use rustls::unbuffered::{ConnectionState, EncodeTlsData, EncryptError, WriteTraffic};
use rustls::unbuffered::{EncodeError, UnbufferedStatus};
use tokio::io::{AsyncWrite, ReadBuf};

use super::failure;
use super::fault::TlsFault;
use crate::conn::{Layer, Look, Stream, buffers};

/// Plaintext of one record at most (RFC 8446 §5.1): what is encrypted at a time.
const RECORD: usize = 16 * 1024;
/// What one record adds: header, content type, nonce and tag, with room.
const OVERHEAD: usize = 64;
/// Ciphertext read at a time: two records.
const LARGEST_READ: usize = 32 * 1024;
/// A handshake message has at most 64 KiB; ciphertext that waits for its end is not kept beyond that.
const LARGEST_WAITING: usize = 96 * 1024;

pub(crate) struct TlsStream {
    session: UnbufferedClientConnection,
    transport: Stream,
    /// Ciphertext that is no whole record yet.
    incoming: Option<BytesMut>,
    /// Plaintext that was not asked for.
    ready: Option<BytesMut>,
    /// Ciphertext on its way out, and how much of it is out.
    outgoing: Vec<u8>,
    sent: usize,
    /// The transport may hold back what was written.
    unflushed: bool,
    /// The peer said close_notify.
    closed: bool,
    /// The transport ended.
    ended: bool,
    /// We said close_notify, or cannot any more.
    silent: bool,
    /// TLS failed; told once what came before is read.
    failed: Option<Box<rustls::Error>>,
}

/// What is to be done once the session can write.
enum Work<'a> {
    Nothing,
    Encrypt(&'a [u8]),
    Close,
}

impl TlsStream {
    pub(super) fn new(session: UnbufferedClientConnection, transport: Stream) -> Self {
        Self {
            session,
            transport,
            incoming: None,
            ready: None,
            outgoing: Vec::new(),
            sent: 0,
            unflushed: false,
            closed: false,
            ended: false,
            silent: true,
            failed: None,
        }
    }

    pub(super) fn session(&self) -> &UnbufferedClientConnection {
        &self.session
    }

    // ---- the handshake

    /// One step: what there is to say is said. True when the handshake is over.
    pub(super) fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, failure::Cause>> {
        if let Err(error) = self.process(None, &Work::Nothing) {
            self.say_why(cx);
            return Poll::Ready(Err(error.into()));
        }
        ready!(self.poll_outgoing(cx))?;
        let over = !self.session.is_handshaking();
        self.silent = !over;
        Poll::Ready(Ok(over))
    }

    /// One step: waits for what the server says; copies its beginning into `opening`.
    pub(super) fn poll_hear(
        &mut self,
        cx: &mut Context<'_>,
        opening: &mut Vec<u8>,
    ) -> Poll<Result<(), failure::Cause>> {
        let read = ready!(
            self.transport
                .poll_fill(cx, &mut self.incoming, buffers::READ_SIZE)
        )?;
        if read == 0 {
            self.ended = true;
            return Poll::Ready(Err(failure::Cause::Ended));
        }
        if opening.len() < failure::OPENING
            && let Some(incoming) = &self.incoming
        {
            let new = &incoming[incoming.len().saturating_sub(read)..];
            opening.extend(new.iter().take(failure::OPENING - opening.len()));
        }
        Poll::Ready(Ok(()))
    }

    /// The alert that goes with a failure, best effort. The session is not asked for anything else any more: one that
    /// has failed may not be shown the same bytes again.
    fn say_why(&mut self, cx: &mut Context<'_>) {
        self.silent = true;
        while self.session.wants_write() {
            let incoming = self.incoming.as_deref_mut().unwrap_or_default();
            let status = self.session.process_tls_records(incoming);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else {
                break;
            };
            encode(&mut data, &mut self.outgoing);
        }
        let _best_effort = self.poll_outgoing(cx);
    }

    // ---- the session

    /// Lets the session work through `incoming`. Plaintext goes to `plain` (or `ready`), what is to be sent to
    /// `outgoing`. Returns the number of bytes of plaintext.
    fn process(
        &mut self,
        mut plain: Option<&mut Option<BytesMut>>,
        work: &Work<'_>,
    ) -> Result<usize, rustls::Error> {
        let mut count = 0;
        loop {
            let incoming = self.incoming.as_deref_mut().unwrap_or_default();
            let UnbufferedStatus { mut discard, state } =
                self.session.process_tls_records(incoming);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    let plain = plain.as_deref_mut().unwrap_or(&mut self.ready);
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        count += record.payload.len();
                        plain
                            .get_or_insert_with(|| room_for(record.payload.len()))
                            .extend_from_slice(record.payload);
                    }
                    Ok(true)
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, &mut self.outgoing);
                    Ok(true)
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    // It stands in `outgoing`, which is sent in order.
                    data.done();
                    Ok(true)
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.closed = true;
                    Ok(true)
                }
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    write(traffic, work, &mut self.outgoing).map(|()| false)
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(false),
                // A client is sent no early data. // non_exhaustive
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            };
            self.discard(discard);
            if !goes_on? {
                break;
            }
        }
        let waiting = self.incoming.as_ref().map_or(0, BytesMut::len);
        if waiting > LARGEST_WAITING {
            return Err(rustls::Error::PeerSentOversizedRecord);
        }
        Ok(count)
    }

    fn discard(&mut self, count: usize) {
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        incoming.advance(count.min(incoming.len()));
        if incoming.is_empty()
            && let Some(incoming) = self.incoming.take()
        {
            buffers::give_read(incoming);
        }
    }

    /// Decrypts what came. What was decrypted before a failure is told before it.
    fn decrypt(&mut self, cx: &mut Context<'_>, plain: Option<&mut Option<BytesMut>>) -> usize {
        match self.process(plain, &Work::Nothing) {
            Ok(count) => count,
            Err(error) => {
                self.failed = Some(Box::new(error));
                self.say_why(cx);
                0
            }
        }
    }

    /// Sends what stands in `outgoing`.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outgoing.len() {
            let written = self.transport.poll_write(cx, &self.outgoing[self.sent..]);
            self.sent += ready!(written)?;
            self.unflushed = true;
        }
        if self.sent > 0 {
            self.sent = 0;
            buffers::give_write(std::mem::take(&mut self.outgoing));
        }
        if self.unflushed {
            ready!(self.transport.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// What is known without reading, in the order in which it came.
    fn known(&self) -> Option<Look> {
        if let Some(ready) = &self.ready {
            return Some(Look::at(ready));
        }
        if self.failed.is_some() {
            // An alert is a close in harsh words.
            return Some(Look::End(PeerEnd::CloseNotify));
        }
        if self.closed {
            return Some(Look::End(PeerEnd::CloseNotify));
        }
        self.ended.then_some(Look::End(PeerEnd::Fin))
    }

    fn end(&self) -> Poll<io::Result<usize>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(told(error)));
        }
        if self.closed {
            return Poll::Ready(Ok(0));
        }
        //= RFC 8446 §6.1: an end without close_notify may have been made by anybody on the way.
        // The kind is that of a connection that was cut: the race with a close of an idle connection looks the same.
        let message =
            "unexpected EOF: the server ended TLS without close_notify, what came may be cut short";
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            message,
        )))
    }

    fn is_over(&self) -> bool {
        self.closed || self.ended || self.failed.is_some()
    }
}

/// A buffer for plaintext. A large piece will be the caller's to keep: it gets its own, so that the cache keeps those
/// that have grown to what ciphertext needs.
fn room_for(payload: usize) -> BytesMut {
    if payload > buffers::READ_SIZE {
        BytesMut::with_capacity(payload)
    } else {
        buffers::take_read()
    }
}

/// Writes a handshake message behind what is there.
fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, outgoing: &mut Vec<u8>) {
    let start = make_room(outgoing, 0);
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        outgoing.resize(start + needed.required_size, 0);
        let encoded = data.encode(&mut outgoing[start..]);
        outgoing.truncate(start + encoded.unwrap_or(0));
    }
}

/// Does the work there is, now that the session can.
fn write<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    work: &Work<'_>,
    outgoing: &mut Vec<u8>,
) -> Result<(), rustls::Error> {
    let expected = match work {
        Work::Nothing => return Ok(()),
        Work::Encrypt(bytes) => bytes.len() + OVERHEAD,
        Work::Close => OVERHEAD,
    };
    let mut run = |space: &mut [u8]| match work {
        Work::Nothing => Ok(0),
        Work::Encrypt(bytes) => traffic.encrypt(bytes, space),
        Work::Close => traffic.queue_close_notify(space),
    };
    let start = make_room(outgoing, expected);
    let mut written = run(&mut outgoing[start..]);
    if let Err(EncryptError::InsufficientSize(needed)) = &written {
        // A key update goes along.
        outgoing.resize(start + needed.required_size, 0);
        written = run(&mut outgoing[start..]);
    }
    match written {
        Ok(written) => {
            outgoing.truncate(start + written);
            Ok(())
        }
        Err(error) => {
            outgoing.truncate(start);
            Err(rustls::Error::General(error.to_string()))
        }
    }
}

/// Room for so many bytes behind what is there; returns where it begins.
fn make_room(outgoing: &mut Vec<u8>, room: usize) -> usize {
    if outgoing.capacity() == 0 {
        *outgoing = buffers::take_write();
    }
    let start = outgoing.len();
    outgoing.resize(start + room, 0);
    start
}

fn told(error: &rustls::Error) -> io::Error {
    let message = failure::sentence(error);
    io::Error::new(io::ErrorKind::ConnectionAborted, TlsFault(message))
}

impl Layer for TlsStream {
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Option<BytesMut>,
        want: usize,
    ) -> Poll<io::Result<usize>> {
        if !self.outgoing.is_empty() || self.unflushed {
            // What was accepted for writing does not wait for the next write. Should it fail, so will reading.
            let _told_by_reading = self.poll_outgoing(cx);
        }
        loop {
            if let Some(ready) = self.ready.take() {
                let count = ready.len();
                match input {
                    Some(input) => {
                        input.extend_from_slice(&ready);
                        buffers::give_read(ready);
                    }
                    None => *input = Some(ready),
                }
                return Poll::Ready(Ok(count));
            }
            if self.is_over() {
                return self.end();
            }
            let want = want.clamp(buffers::READ_SIZE, LARGEST_READ);
            let read = self.transport.poll_fill(cx, &mut self.incoming, want);
            if ready!(read)? == 0 {
                self.ended = true;
                continue;
            }
            let before = input.as_ref().map_or(0, BytesMut::len);
            self.decrypt(cx, Some(input));
            let count = input.as_ref().map_or(0, BytesMut::len) - before;
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn fill_now(&mut self, input: &mut Option<BytesMut>) -> io::Result<usize> {
        match self.look() {
            Look::Nothing => Err(io::ErrorKind::WouldBlock.into()),
            Look::Failed(kind) => Err(kind.into()),
            Look::End(_) | Look::Bytes(_) => {
                let mut cx = Context::from_waker(Waker::noop());
                match self.poll_fill(&mut cx, input, buffers::READ_SIZE) {
                    Poll::Ready(read) => read,
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ready.is_none() {
            let mut plain = None;
            let count = ready!(self.poll_fill(cx, &mut plain, buffer.remaining()))?;
            self.ready = plain.filter(|_| count > 0);
        }
        if let Some(ready) = &mut self.ready {
            let count = ready.len().min(buffer.remaining());
            buffer.put_slice(&ready[..count]);
            ready.advance(count);
            if ready.is_empty()
                && let Some(ready) = self.ready.take()
            {
                buffers::give_read(ready);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_outgoing(cx))?;
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(told(error)));
        }
        let bytes = &bytes[..bytes.len().min(RECORD)];
        if let Err(error) = self.process(None, &Work::Encrypt(bytes)) {
            let told = told(&error);
            self.failed = Some(Box::new(error));
            self.say_why(cx);
            return Poll::Ready(Err(told));
        }
        match self.poll_outgoing(cx) {
            // Nothing of it went out: as if it had never been taken.
            Poll::Ready(Err(error)) if self.sent == 0 => {
                self.outgoing.clear();
                self.silent = true;
                Poll::Ready(Err(error))
            }
            // Taken. The rest goes out with the next write, flush or read; a failure is told by the next write.
            Poll::Ready(_) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_outgoing(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.silent && self.failed.is_none() {
            self.silent = true;
            drop(self.process(None, &Work::Close));
        }
        ready!(self.poll_outgoing(cx))?;
        std::pin::Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    fn watch(&mut self, waker: &Waker) -> Look {
        let mut cx = Context::from_waker(waker);
        if !self.outgoing.is_empty() || self.unflushed {
            let _told_by_reading = self.poll_outgoing(&mut cx);
        }
        loop {
            if let Some(look) = self.known() {
                return look;
            }
            let read = self
                .transport
                .poll_fill(&mut cx, &mut self.incoming, buffers::READ_SIZE);
            match read {
                Poll::Pending => return Look::Nothing,
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(_)) => drop(self.decrypt(&mut cx, None)),
                Poll::Ready(Err(error)) => return Look::failed(&error),
            }
        }
    }

    fn look(&mut self) -> Look {
        loop {
            if let Some(look) = self.known() {
                return look;
            }
            match self.transport.fill_now(&mut self.incoming) {
                Ok(0) => self.ended = true,
                Ok(_) => {
                    let mut cx = Context::from_waker(Waker::noop());
                    self.decrypt(&mut cx, None);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Look::Nothing,
                Err(error) => return Look::failed(&error),
            }
        }
    }
}

impl Drop for TlsStream {
    /// Says close_notify if that is possible at once (RFC 8446 §6.1); a peer that has gone is not spoken to.
    fn drop(&mut self) {
        let can_speak = !self.silent && !self.ended && self.failed.is_none();
        if can_speak && self.outgoing.is_empty() && self.process(None, &Work::Close).is_ok() {
            let last_words = std::mem::take(&mut self.outgoing);
            self.transport.write_now(&last_words);
        }
        for buffer in [self.incoming.take(), self.ready.take()]
            .into_iter()
            .flatten()
        {
            buffers::give_read(buffer);
        }
        buffers::give_write(std::mem::take(&mut self.outgoing));
    }
}
