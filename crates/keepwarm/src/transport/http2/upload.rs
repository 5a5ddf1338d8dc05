//! `StreamUpload`: a request's body on its way into a stream.
//!
//! Owns the piece that waits for room in the server's window. Refuses to hold more than that.

use std::task::{Context, Poll, ready};

use ::h2::SendStream;
use bytes::Bytes;

use super::super::upload::{Upload, UploadError};

pub(super) struct StreamUpload {
    upload: Upload,
    stream: Option<SendStream<Bytes>>,
    pending: Bytes,
    /// The body gave its last byte.
    exhausted: bool,
    written: u64,
}

pub(super) enum UploadFailure {
    /// The stream takes no more; its answer, or its error, says why.
    Stream,
    Body(UploadError),
}

impl StreamUpload {
    /// With no stream there is nothing to send: the head said so.
    pub(super) fn new(upload: Upload, stream: Option<SendStream<Bytes>>) -> Self {
        Self {
            upload,
            stream,
            pending: Bytes::new(),
            exhausted: false,
            written: 0,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.stream.is_none()
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The body, for another attempt.
    pub(super) fn take(&mut self) -> Upload {
        std::mem::replace(&mut self.upload, Upload::Empty)
    }

    /// Nothing more is sent; the answer is read on.
    pub(super) fn stop(&mut self) {
        self.stream = None;
    }

    /// Sends as much as there is room for. Ready when all is sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadFailure>> {
        loop {
            let Some(stream) = &mut self.stream else {
                return Poll::Ready(Ok(()));
            };
            if self.pending.is_empty() && !self.exhausted {
                ready!(self.poll_next(cx)).map_err(UploadFailure::Body)?;
                continue;
            }
            let failed = |_: ::h2::Error| UploadFailure::Stream;
            if self.pending.is_empty() {
                match trailers(&mut self.upload) {
                    Some(trailers) => stream.send_trailers(trailers).map_err(failed)?,
                    None => stream.send_data(Bytes::new(), true).map_err(failed)?,
                }
                self.stream = None;
                return Poll::Ready(Ok(()));
            }
            stream.reserve_capacity(self.pending.len());
            let room = if stream.capacity() > 0 {
                stream.capacity()
            } else {
                match ready!(stream.poll_capacity(cx)) {
                    Some(room) => room.map_err(failed)?,
                    // The stream is over; its answer or its error says why.
                    None => {
                        self.stream = None;
                        return Poll::Ready(Ok(()));
                    }
                }
            };
            let piece = self.pending.split_to(room.min(self.pending.len()));
            if piece.is_empty() {
                continue;
            }
            self.written += piece.len() as u64;
            let ends = self.exhausted && self.pending.is_empty() && !has_trailers(&self.upload);
            stream.send_data(piece, ends).map_err(failed)?;
            if ends {
                self.stream = None;
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        match &mut self.upload {
            Upload::Empty => self.exhausted = true,
            Upload::Bytes(bytes) => {
                self.pending = std::mem::take(bytes);
                self.exhausted = true;
            }
            Upload::Stream(body) => match ready!(body.poll_next(cx))? {
                Some(data) => {
                    self.pending = data;
                    self.exhausted = body.is_exhausted();
                }
                None => self.exhausted = true,
            },
        }
        Poll::Ready(Ok(()))
    }
}

fn has_trailers(upload: &Upload) -> bool {
    match upload {
        Upload::Stream(body) => body.trailers.is_some(),
        Upload::Empty | Upload::Bytes(_) => false,
    }
}

fn trailers(upload: &mut Upload) -> Option<http::HeaderMap> {
    match upload {
        Upload::Stream(body) => body.trailers.take(),
        Upload::Empty | Upload::Bytes(_) => None,
    }
}
