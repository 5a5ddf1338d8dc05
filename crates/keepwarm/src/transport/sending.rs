//! `Sender`: the writing half of an exchange.
//!
//! Owns the bytes on their way out and the order head, body, end. Refuses to know time and the answer: the
//! machine tells when the body may go.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use keepwarm_core::h1::{self, BodyLength, Sending};

use super::upload::{Upload, UploadError};
use crate::conn::{Stream, buffers};

/// A body up to this size goes out in one write with its head; a larger one is not copied.
const COPIED: usize = 4 * 1024;

pub(super) struct Sender {
    /// Head and framing bytes.
    out: Vec<u8>,
    out_at: usize,
    upload: Upload,
    /// The body's bytes stand in `upload` and follow `out` (they were too many to copy).
    follows: bool,
    chunked: bool,
    head_sent: bool,
    /// The upload gave its last byte; what is staged is all there is.
    exhausted: bool,
    finished: bool,
    written: u64,
}

pub(super) enum SendFailure {
    Io(io::Error),
    Upload(UploadError),
}

impl Sender {
    /// Starts with a head in `out`. With `at_once` a body of bytes goes along with it.
    pub(super) fn new(out: Vec<u8>, upload: Upload, at_once: bool) -> Self {
        let mut sender = Self {
            out,
            out_at: 0,
            chunked: upload.length() == BodyLength::Chunked,
            upload,
            follows: false,
            head_sent: false,
            exhausted: false,
            finished: false,
            written: 0,
        };
        if at_once {
            sender.stage_bytes();
        }
        sender
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Nothing more will be written.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Gives the rest up.
    pub(super) fn stop(&mut self, machine: &mut h1::Exchange) {
        machine.stop_sending();
        self.finish();
    }

    /// The body, for another attempt.
    pub(super) fn take_upload(&mut self) -> Upload {
        std::mem::replace(&mut self.upload, Upload::Empty)
    }

    /// Stages a body of bytes, which is there as a whole.
    fn stage_bytes(&mut self) {
        if let Upload::Bytes(bytes) = &mut self.upload {
            self.exhausted = true;
            if bytes.len() <= COPIED {
                self.out.extend_from_slice(bytes);
                bytes.clear();
            } else {
                self.follows = true;
            }
        }
    }

    /// Writes as much as can be written now. Ready when the request is written whole, or failed.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        machine: &mut h1::Exchange,
    ) -> Poll<Result<(), SendFailure>> {
        loop {
            ready!(self.poll_staged(cx, stream)).map_err(SendFailure::Io)?;
            if !self.head_sent {
                self.head_sent = true;
                machine.on_head_sent();
            }
            match machine.sending() {
                Sending::Done => {}
                Sending::Body if self.exhausted => {}
                Sending::Body => {
                    ready!(self.poll_upload(cx)).map_err(SendFailure::Upload)?;
                    continue;
                }
                Sending::Head | Sending::AwaitContinue => return Poll::Pending,
                Sending::Stopped => {
                    self.finish();
                    return Poll::Ready(Ok(()));
                }
            }
            ready!(stream.poll_flush(cx)).map_err(SendFailure::Io)?;
            machine.on_body_sent();
            self.finish();
            return Poll::Ready(Ok(()));
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        buffers::give_write(std::mem::take(&mut self.out));
    }

    fn poll_staged(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<()>> {
        let mut following = following(&mut self.upload, self.follows);
        while self.out_at < self.out.len() {
            let staged = &self.out[self.out_at..];
            let written = match &mut following {
                None => ready!(stream.poll_write(cx, staged))?,
                Some(bytes) => {
                    let written = ready!(stream.poll_write_both(cx, staged, bytes))?;
                    bytes.advance(written.saturating_sub(staged.len()));
                    written
                }
            };
            self.out_at += written.min(staged.len());
            self.written += written as u64;
        }
        self.out.clear();
        self.out_at = 0;
        while let Some(bytes) = &mut following
            && !bytes.is_empty()
        {
            let written = ready!(stream.poll_write(cx, bytes))?;
            bytes.advance(written);
            self.written += written as u64;
        }
        Poll::Ready(Ok(()))
    }

    /// Stages the next piece of the body.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        let Upload::Stream(upload) = &mut self.upload else {
            self.stage_bytes();
            self.exhausted = true;
            return Poll::Ready(Ok(()));
        };
        match ready!(upload.poll_next(cx))? {
            Some(data) => {
                self.exhausted = upload.is_exhausted();
                if self.chunked {
                    h1::chunk_head(&mut self.out, data.len());
                    self.out.extend_from_slice(&data);
                    h1::chunk_end(&mut self.out);
                } else if data.len() <= COPIED {
                    self.out.extend_from_slice(&data);
                } else {
                    upload.pending = data;
                }
            }
            None => {
                self.exhausted = true;
                if self.chunked {
                    h1::last_chunk(&mut self.out, upload.trailers.as_ref());
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The body's bytes that go out behind what is staged, if any.
fn following(upload: &mut Upload, follows: bool) -> Option<&mut Bytes> {
    let bytes = match upload {
        Upload::Bytes(bytes) if follows => &mut **bytes,
        Upload::Stream(stream) => &mut stream.pending,
        Upload::Empty | Upload::Bytes(_) => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}

impl Drop for Sender {
    fn drop(&mut self) {
        buffers::give_write(std::mem::take(&mut self.out));
    }
}
