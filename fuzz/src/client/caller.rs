//! The callers: one request each, and what must hold for its answer.
//!
//! Owns how a request is made and how its answer is read. Refuses to know the script.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame};
use http_body_util::Full;
use keepwarm::{Client, ErrorKind, RequestBody, RequestBuilder, Response};

use super::Stage;
use super::script::{Kind, Reading};
use super::wire::{Wire, body_of};

/// A call that is about to be made.
pub(crate) struct Caller {
    pub(crate) stage: Arc<Stage>,
    pub(crate) client: Client,
    pub(crate) kind: Kind,
    pub(crate) reading: Reading,
    /// Nobody else asks for this.
    pub(crate) path: String,
    pub(crate) origin: usize,
}

/// Pieces of a body; the last one may be a failure.
struct Pieces {
    left: usize,
    breaks: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            let failure = || Err(std::io::ErrorKind::Other.into());
            return Poll::Ready(self.breaks.then(failure));
        }
        self.left -= 1;
        let data = Bytes::from_static(b"a piece of a body");
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl Caller {
    fn request(&self) -> RequestBuilder {
        let host = ["one", "two"][self.origin];
        let url = format!("http://{host}.test{}", self.path);
        let method = match self.kind {
            Kind::Get | Kind::Upgrade | Kind::Last => Method::GET,
            Kind::Head => Method::HEAD,
            Kind::Post | Kind::Stream | Kind::BrokenStream | Kind::Expect => Method::POST,
            Kind::Put => Method::PUT,
        };
        let request = self.client.request(method, url);
        let stream = |breaks| RequestBody::stream(Pieces { left: 3, breaks });
        match self.kind {
            Kind::Get | Kind::Head => request,
            Kind::Post => request.body("the body of a request"),
            Kind::Put => {
                let make = || Full::new(Bytes::from_static(b"made anew"));
                request.body(RequestBody::replayable(make))
            }
            Kind::Stream => request.body(stream(false)),
            Kind::BrokenStream => request.body(stream(true)),
            Kind::Expect => request.body("the body of a request").expect_continue(),
            Kind::Upgrade => request
                .header("connection", "upgrade")
                .header("upgrade", "x"),
            Kind::Last => request.close(),
        }
    }

    /// Makes the call and judges what comes of it.
    pub(crate) async fn run(self) {
        match self.request().send().await {
            Ok(response) => self.judge(response).await,
            Err(error) => {
                let is_ours = error.kind() == ErrorKind::Usage;
                assert!(!is_ours || self.kind == Kind::BrokenStream, "{error:?}");
                let text = error.to_string();
                assert!(!text.is_empty(), "an error that says nothing");
            }
        }
        // What may be processed twice only by mistake arrives once at most.
        let arrivals = self.stage.arrivals(&self.path);
        match self.kind {
            Kind::Get | Kind::Head | Kind::Upgrade | Kind::Last => {}
            Kind::Post | Kind::Put | Kind::Stream | Kind::BrokenStream | Kind::Expect => {
                assert!(arrivals <= 1, "{} arrived {arrivals} times", self.path);
            }
        }
    }

    async fn judge(&self, mut response: Response) {
        let port = response.connection().remote().expect("an address").port();
        let wire = self.stage.wire(port);
        let status = response.status().as_u16();
        let id = response.headers().get("x-id").cloned();
        if wire.is_honest() {
            let id = id.expect("honest answers have one");
            assert_eq!(id, self.path.as_str(), "the answer of another request");
        }
        if status == 101 {
            assert_eq!(self.kind, Kind::Upgrade, "a switch that was not asked for");
            let upgraded = response.into_upgraded().expect("switched");
            drop(upgraded.into_parts());
            return;
        }
        match self.reading {
            Reading::Nothing => {}
            Reading::First => {
                let first = response.chunk().await;
                drop(first);
            }
            Reading::Whole => {
                if let Ok(body) = response.bytes().await {
                    self.judge_body(&wire, status, &body);
                }
            }
            Reading::Slowly => {
                let mut body = Vec::new();
                while let Ok(data) = response.chunk().await {
                    let Some(data) = data else {
                        assert!(response.reuse().is_some(), "an end without a verdict");
                        self.judge_body(&wire, status, &body);
                        break;
                    };
                    body.extend_from_slice(&data);
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
        }
    }

    fn judge_body(&self, wire: &Wire, status: u16, body: &[u8]) {
        if !wire.is_honest() {
            return;
        }
        let expected = if self.kind == Kind::Head || status == 204 {
            String::new()
        } else {
            body_of(&self.path)
        };
        let body = String::from_utf8_lossy(body);
        assert_eq!(body, expected, "the body of {}", self.path);
    }
}
