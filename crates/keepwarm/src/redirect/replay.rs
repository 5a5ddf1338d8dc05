//! `Replay`: a request's body, kept so that each hop can send it again.
//!
//! Owns the one body that all hops share. Refuses to keep a stream: that goes out with the first hop and is gone.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use keepwarm_core::h1::BodyLength;

use crate::error::Error;
use crate::request::{BoxError, RequestBody};
use crate::transport::upload::{Upload, UploadStream};

pub(super) enum Replay {
    Empty,
    Bytes(Bytes),
    /// Made anew each time.
    Factory(Arc<Mutex<RequestBody>>),
    /// It went out and cannot go again.
    Gone,
}

impl Replay {
    /// Takes over the body of the first hop, and gives it back as one that can be kept meanwhile.
    pub(super) fn of(mut body: RequestBody) -> (Self, RequestBody) {
        if body.is_empty() {
            return (Self::Empty, body);
        }
        if !body.survives_sending() {
            return (Self::Gone, body);
        }
        let kept = match body.begin() {
            Upload::Empty => Self::Empty,
            Upload::Bytes(bytes) => Self::Bytes(bytes),
            // Not read from yet, so nothing is lost by making another.
            Upload::Stream(_) => Self::Factory(Arc::new(Mutex::new(body))),
        };
        let first = kept.again();
        (kept, first)
    }

    /// Whether there is a body for another hop.
    pub(super) fn survives(&self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) | Self::Factory(_) => true,
            Self::Gone => false,
        }
    }

    /// The body of another hop.
    pub(super) fn again(&self) -> RequestBody {
        match self {
            Self::Empty | Self::Gone => RequestBody::empty(),
            Self::Bytes(bytes) => bytes.clone().into(),
            Self::Factory(body) => {
                let body = Arc::clone(body);
                RequestBody::replayable(move || {
                    let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
                    Again(body.begin())
                })
            }
        }
    }
}

/// A body that a factory made, in the form that a factory gives.
struct Again(Upload);

impl Again {
    fn stream(&mut self) -> Option<&mut UploadStream> {
        match &mut self.0 {
            Upload::Empty | Upload::Bytes(_) => None,
            Upload::Stream(stream) => Some(stream),
        }
    }
}

impl HttpBody for Again {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(stream) = self.stream() else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(stream.poll_next(cx)) {
            Ok(Some(data)) => Some(Ok(Frame::data(data))),
            Ok(None) => (stream.trailers.take()).map(|fields| Ok(Frame::trailers(fields))),
            Err(error) => Some(Err(Error::from(error).into())),
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.length() {
            BodyLength::Empty => SizeHint::with_exact(0),
            BodyLength::Known(length) => SizeHint::with_exact(length),
            BodyLength::Chunked => SizeHint::new(),
        }
    }
}
