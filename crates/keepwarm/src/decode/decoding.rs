//! `Decoding`: a coded body that is undone while it is read.
//!
//! Owns its end: data, then nothing but the end of the wire; a connection is given back exactly as without decoding.
//! Owns the limit on what a few coded bytes may become. Refuses to know codecs.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use keepwarm_core::reason::{Limit, Phase};

use super::Coding;
use super::codec::{Codec, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::body::Body as WireBody;

/// So many decoded bytes are given whatever they were made of: small bodies may well be very regular.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;

pub(crate) struct Decoding {
    coding: Coding,
    /// The largest ratio of decoded to coded bytes.
    most: Option<u64>,
    /// None before the first byte, which may be needed to choose it.
    codec: Option<Codec>,
    /// Coded bytes that came.
    came: u64,
    /// Decoded bytes that were made.
    made: u64,
    /// The coded data has ended; the wire perhaps not yet.
    whole: bool,
    /// What is given next. It is kept until the step behind it was tried, so that the end of the wire is seen, and
    /// the connection given back, before the caller has the last bytes.
    ready: Option<Bytes>,
    trailers: Option<HeaderMap>,
    failure: Option<Error>,
    over: bool,
}

impl Decoding {
    pub(super) fn new(coding: Coding, most: Option<u64>) -> Self {
        Self {
            coding,
            most,
            codec: None,
            came: 0,
            made: 0,
            whole: false,
            ready: None,
            trailers: None,
            failure: None,
            over: false,
        }
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether nothing is left to give.
    pub(crate) fn is_over(&self) -> bool {
        self.over && self.ready.is_none() && self.trailers.is_none() && self.failure.is_none()
    }

    /// Gives nothing more.
    pub(crate) fn give_up(&mut self) {
        *self = Self::new(self.coding, self.most);
        self.over = true;
    }

    pub(crate) fn poll_frame(
        &mut self,
        wire: &mut WireBody,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        while !self.over {
            match self.poll_step(wire, cx) {
                Poll::Ready(Ok(Some(data))) => {
                    if let Some(before) = self.ready.replace(data) {
                        return Poll::Ready(Some(Ok(Frame::data(before))));
                    }
                }
                Poll::Ready(Ok(None)) => self.end(None),
                Poll::Ready(Err(error)) => self.end(Some(error)),
                Poll::Pending => {
                    let data = self.ready.take().map(|data| Some(Ok(Frame::data(data))));
                    return data.map_or(Poll::Pending, Poll::Ready);
                }
            }
        }
        let data = self.ready.take().map(|data| Ok(Frame::data(data)));
        let last = data.or_else(|| self.failure.take().map(Err)).or_else(|| {
            self.trailers
                .take()
                .map(|fields| Ok(Frame::trailers(fields)))
        });
        Poll::Ready(last)
    }

    fn end(&mut self, failure: Option<Error>) {
        self.failure = failure;
        self.codec = None;
        self.over = true;
    }

    /// The next decoded bytes; none once the wire has ended.
    fn poll_step(
        &mut self,
        wire: &mut WireBody,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Some(codec) = &mut self.codec
                && !self.whole
            {
                match codec.step(cx) {
                    Ok(Step::Data(data)) => {
                        self.made += data.len() as u64;
                        self.check_ratio()?;
                        return Poll::Ready(Ok(Some(data)));
                    }
                    Ok(Step::End) => self.whole = true,
                    Ok(Step::Hungry) => {}
                    Err(error) => return Poll::Ready(Err(self.corrupt(&error.to_string()))),
                }
            }
            if self.whole && self.rest() > 0 {
                return Poll::Ready(Err(self.corrupt("bytes follow its end")));
            }
            match ready!(Pin::new(&mut *wire).poll_frame(cx)).transpose()? {
                None if self.whole || self.codec.is_none() => return Poll::Ready(Ok(None)),
                None => self.feed(None)?,
                Some(frame) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => self.feed(Some(data))?,
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    fn feed(&mut self, data: Option<Bytes>) -> Result<()> {
        self.came += data.as_ref().map_or(0, Bytes::len) as u64;
        match (&mut self.codec, data) {
            (Some(codec), data) => codec.feed(data),
            (codec @ None, Some(data)) => match Codec::new(self.coding, data) {
                Ok(opened) => *codec = Some(opened),
                Err(error) => return Err(self.corrupt(&error.to_string())),
            },
            (None, None) => {}
        }
        Ok(())
    }

    /// Coded bytes that came and are not used yet.
    fn rest(&mut self) -> u64 {
        self.codec.as_mut().map_or(0, Codec::rest) as u64
    }

    fn check_ratio(&mut self) -> Result<()> {
        let Some(most) = self.most.filter(|_| self.made > RATIO_COUNTS_FROM) else {
            return Ok(());
        };
        let used = (self.came - self.rest()).max(1);
        if self.made / used <= most {
            return Ok(());
        }
        let message = format!(
            "{used} bytes of {} became {}: more than {most} times as many (max_decode_ratio)",
            self.coding.name(),
            self.made
        );
        let error = Error::new(ErrorKind::Limit, Phase::Receive, message);
        Err(error.with_limit(Limit::DecodeRatio))
    }

    fn corrupt(&self, why: &str) -> Error {
        let name = self.coding.name();
        let message = format!("the body is not the {name} that its head promises: {why}");
        Error::new(ErrorKind::Protocol, Phase::Receive, message)
    }
}

impl fmt::Debug for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoding")
            .field("coding", &self.coding)
            .field("came", &self.came)
            .field("made", &self.made)
            .finish_non_exhaustive()
    }
}
