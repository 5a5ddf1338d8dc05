//! `RequestBody`: what a request sends, and whether it can be sent twice.
//!
//! Owns the kinds of body and the reading of one while it is sent. Refuses to know the framing on the wire.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body as HttpBody, SizeHint};
use keepwarm_core::h1::BodyLength;
use keepwarm_core::reason::Phase;

use crate::error::{Error, ErrorKind};

/// The error of a body that somebody else makes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

type BoxBody = Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>;
type Factory = Arc<dyn Fn() -> BoxBody + Send + Sync>;

/// The body of a request.
///
/// Empty bodies, bytes and factories can be sent again; a stream can only until its first byte was asked for.
#[derive(Default)]
pub struct RequestBody(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Factory(Factory),
    Once(Option<BoxBody>),
}

impl RequestBody {
    /// No body.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that is made anew each time it is sent, so that it can be sent again.
    pub fn replayable<B>(make: impl Fn() -> B + Send + Sync + 'static) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        Self(Kind::Factory(Arc::new(move || boxed(make()))))
    }

    /// A body that can be read once. Its declared size, when exact, becomes the `Content-Length`;
    /// otherwise it is sent chunked.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return Self(Kind::Empty);
        }
        Self(Kind::Once(Some(boxed(body))))
    }

    /// Whether there is certainly nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// Whether it could be sent (again) as things stand.
    pub(crate) fn is_replayable(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Bytes(_) | Kind::Factory(_) => true,
            Kind::Once(body) => body.is_some(),
        }
    }

    /// Whether it could be sent again after it has been sent.
    pub(crate) fn survives_sending(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Bytes(_) | Kind::Factory(_) => true,
            Kind::Once(_) => false,
        }
    }

    /// The same body for another request; none when it can be sent only once.
    pub(crate) fn again(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self(Kind::Empty)),
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Factory(make) => Some(Self(Kind::Factory(Arc::clone(make)))),
            Kind::Once(_) => None,
        }
    }

    /// Takes it out for one sending.
    pub(crate) fn begin(&mut self) -> Upload {
        match &mut self.0 {
            Kind::Empty => Upload::Empty,
            Kind::Bytes(bytes) => Upload::Bytes(Box::new(bytes.clone())),
            Kind::Factory(make) => Upload::of_stream(make()),
            Kind::Once(body) => body.take().map_or(Upload::Empty, Upload::of_stream),
        }
    }

    /// Puts an untouched one-shot body back after a sending that wrote nothing.
    pub(crate) fn give_back(&mut self, upload: Upload) {
        if let (Kind::Once(place @ None), Upload::Stream(stream)) = (&mut self.0, upload)
            && !stream.touched
        {
            *place = Some(stream.body);
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("RequestBody::Empty"),
            Kind::Bytes(bytes) => write!(f, "RequestBody::Bytes({})", bytes.len()),
            Kind::Factory(_) => f.write_str("RequestBody::Replayable"),
            Kind::Once(_) => f.write_str("RequestBody::Stream"),
        }
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() {
            Kind::Empty
        } else {
            Kind::Bytes(bytes)
        })
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for RequestBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for RequestBody {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for RequestBody {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

fn boxed<B>(body: B) -> BoxBody
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    Box::pin(Mapped {
        inner: Box::pin(body),
    })
}

/// Any body as one of `Bytes` with a boxed error.
struct Mapped<B> {
    inner: Pin<Box<B>>,
}

impl<B> HttpBody for Mapped<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.inner.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body while it is sent.
pub(crate) enum Upload {
    Empty,
    /// Boxed, for most requests have none, and each call carries the place for it.
    Bytes(Box<Bytes>),
    Stream(Box<UploadStream>),
}

pub(crate) struct UploadStream {
    body: BoxBody,
    exact: Option<u64>,
    sent: u64,
    touched: bool,
    /// What was given and not yet written.
    pub(crate) pending: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Why the caller's body could not be sent.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// It gave fewer or more bytes than it declared.
    WrongLength { declared: u64 },
    /// It failed.
    Failed(BoxError),
}

impl From<UploadError> for Error {
    fn from(error: UploadError) -> Self {
        let usage = |message: String| Self::new(ErrorKind::Usage, Phase::Send, message);
        match error {
            UploadError::WrongLength { declared } => usage(format!(
                "the request body did not have the {declared} bytes it declared"
            )),
            UploadError::Failed(error) => {
                usage(format!("the request body failed: {error}")).with_source(error)
            }
        }
    }
}

impl Upload {
    fn of_stream(body: BoxBody) -> Self {
        let exact = body.size_hint().exact();
        if exact == Some(0) {
            return Self::Empty;
        }
        Self::Stream(Box::new(UploadStream {
            body,
            exact,
            sent: 0,
            touched: false,
            pending: Bytes::new(),
            trailers: None,
        }))
    }

    /// How it is framed.
    pub(crate) fn length(&self) -> BodyLength {
        match self {
            Self::Empty => BodyLength::Empty,
            Self::Bytes(bytes) => BodyLength::Known(bytes.len() as u64),
            Self::Stream(stream) => stream.exact.map_or(BodyLength::Chunked, BodyLength::Known),
        }
    }
}

impl UploadStream {
    /// The next piece; none at the end.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, UploadError>> {
        self.touched = true;
        loop {
            let Some(frame) = ready!(self.body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(match self.exact {
                    //= RFC 9110 §8.6: a length that is known to be wrong must not be sent.
                    Some(declared) if declared != self.sent => {
                        Err(UploadError::WrongLength { declared })
                    }
                    Some(_) | None => Ok(None),
                });
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Poll::Ready(Err(UploadError::Failed(error))),
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    self.sent += data.len() as u64;
                    if let Some(declared) = self.exact
                        && self.sent > declared
                    {
                        return Poll::Ready(Err(UploadError::WrongLength { declared }));
                    }
                    return Poll::Ready(Ok(Some(data)));
                }
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// Whether all declared bytes were given: then the end need not be asked for.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exact == Some(self.sent)
    }
}
