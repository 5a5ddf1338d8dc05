//! hyper's client, made to read bytes that are here already.
//!
//! Owns the stream in memory and the polling by hand, so that no runtime is needed. Refuses to judge what comes out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use keepwarm_core::h1::Limits;

use crate::differential::Answer;
use crate::engine::Head;

/// What hyper made of the bytes.
pub(crate) enum Outcome {
    Answer(Answer),
    Refused(String),
}

/// A stream that answers the first request with these pieces, then ends.
struct Script {
    pieces: Vec<Vec<u8>>,
    next: usize,
    asked: bool,
}

impl Read for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            // Bytes before the request are another matter. Everything is polled anew until it is ready.
            return Poll::Pending;
        }
        let next = self.next;
        if let Some(piece) = self.pieces.get_mut(next) {
            let count = piece.len().min(room.remaining());
            room.put_slice(&piece[..count]);
            piece.drain(..count);
            if piece.is_empty() {
                self.next += 1;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Turns without an end after which hyper is taken to be stuck.
const TURNS: usize = 100_000;

/// Sends a request and reads these pieces as the answer.
pub(crate) fn read(is_head: bool, pieces: &[&[u8]]) -> Outcome {
    let script = Script {
        pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
        next: 0,
        asked: false,
    };
    let outcome = drive(is_head, script);
    outcome.unwrap_or_else(|error| Outcome::Refused(format!("hyper: {error:?}")))
}

fn drive(is_head: bool, script: Script) -> hyper::Result<Outcome> {
    let mut cx = Context::from_waker(Waker::noop());
    // As many fields as we take by default.
    let mut builder = http1::Builder::new();
    let handshake = builder
        .max_headers(Limits::default().header_fields)
        .handshake(script);
    let (mut sender, connection) = match std::pin::pin!(handshake).poll(&mut cx) {
        Poll::Ready(connected) => connected?,
        Poll::Pending => return Ok(stuck("handshake")),
    };
    let mut connection = std::pin::pin!(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    if is_head {
        *request.method_mut() = Method::HEAD;
    }
    let mut sending = std::pin::pin!(sender.send_request(request));
    let mut response = None;
    let mut over = false;
    for _ in 0..TURNS {
        if !over && let Poll::Ready(end) = connection.as_mut().poll(&mut cx) {
            // Its error is told again to the request or the body, if it concerns them.
            let _ = end;
            over = true;
        }
        if response.is_none()
            && let Poll::Ready(answer) = sending.as_mut().poll(&mut cx)
        {
            response = Some(Reading::new(answer?));
        }
        if let Some(reading) = &mut response
            && let Poll::Ready(read) = reading.poll(&mut cx)
        {
            return read.map(|()| Outcome::Answer(reading.answer()));
        }
    }
    Ok(stuck("answer"))
}

fn stuck(with: &str) -> Outcome {
    Outcome::Refused(format!("hyper is stuck with the {with}"))
}

/// An answer whose body is being read.
struct Reading {
    response: Response<Incoming>,
    body: Vec<u8>,
    trailers: HeaderMap,
}

impl Reading {
    fn new(response: Response<Incoming>) -> Self {
        Self {
            response,
            body: Vec::new(),
            trailers: HeaderMap::new(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        while let Poll::Ready(frame) = Pin::new(self.response.body_mut()).poll_frame(cx) {
            let Some(frame) = frame.transpose()? else {
                return Poll::Ready(Ok(()));
            };
            match frame.into_data() {
                Ok(data) => self.body.extend_from_slice(&data),
                Err(frame) => {
                    if let Ok(fields) = frame.into_trailers() {
                        self.trailers = fields;
                    }
                }
            }
        }
        Poll::Pending
    }

    fn answer(&mut self) -> Answer {
        Answer {
            head: Head {
                status: self.response.status(),
                version: self.response.version(),
                headers: std::mem::take(self.response.headers_mut()),
            },
            body: std::mem::take(&mut self.body),
            trailers: std::mem::take(&mut self.trailers),
        }
    }
}
