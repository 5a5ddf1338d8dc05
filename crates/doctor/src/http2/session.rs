//! `Session`: one HTTP/2 connection to the target: asks one thing after the other, then waits for what the server does.
//!
//! Owns the driving of `h2` by the caller's task. Refuses to know why it is asked, and to judge.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, RecvStream};
use http::header::{ACCEPT, USER_AGENT};
use http::{Method, Request, Uri};
use keepwarm_core::event::CallId;
use keepwarm_core::h1::KeepAliveHint;
use keepwarm_core::reason::Reuse;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::tap::{Shared, Tap, note_read};
use super::watch::Seen;
use crate::doors::Leave;
use crate::ending::EndedBy;
use crate::exchange::{self, Answer, LONGEST_BODY};
use crate::journal::Track;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// How long the end of the connection is waited for behind a GOAWAY: Go closes a second after it.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes on an idle connection after which it is not listened to any longer.
const MOST_IDLE_TALK: u64 = 1 << 20;
/// Bytes of an answer's fields, all of them together, and of the table they are compressed with.
const MOST_FIELDS: u32 = 64 << 10;
/// A window for whole answers: the longest ones are given up anyway.
const WINDOW: u32 = 1 << 20;

/// An HTTP/2 connection.
pub(crate) struct Session {
    /// None once `h2` has done with it.
    connection: Option<Connection<Tap, Bytes>>,
    sender: SendRequest<Bytes>,
    ping: Option<PingPong>,
    along: Shared,
    is_tls: bool,
    track: Track,
    _leave: Leave,
    pings: u32,
    /// Answers that were read to their end.
    pub(crate) answers: u64,
}

/// What is asked of an HTTP/2 server: the plain request for the target.
pub(crate) struct Question<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) head: bool,
}

impl Question<'_> {
    fn method(&self) -> Method {
        if self.head { Method::HEAD } else { Method::GET }
    }
}

impl Session {
    /// Speaks HTTP/2 on a connection, and waits until both sides' SETTINGS are known to both.
    pub(crate) async fn begin(wire: Wire, patience: Duration) -> Result<Self, Trouble> {
        let agreed = wire.tls.as_ref().map(|info| info.alpn.as_deref());
        if agreed.is_some_and(|alpn| alpn != Some("h2")) {
            return Err(Trouble::NoHttp2);
        }
        let (stream, tls, track, leave) = wire.into_parts();
        let along = Shared::default();
        let is_tls = tls.is_some();
        let tap = Tap::new(stream, is_tls, along.clone());
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(MOST_FIELDS);
        let shaken = timeout(patience, builder.handshake(tap)).await;
        let shaken = shaken.map_err(|_| late("the HTTP/2 preface", patience))?;
        let (sender, mut connection) = shaken.map_err(|error| trouble(&along, &error))?;
        let ping = connection.ping_pong();
        let mut session = Self {
            connection: Some(connection),
            sender,
            ping,
            along,
            is_tls,
            track,
            _leave: leave,
            pings: 0,
            answers: 0,
        };
        let begun = timeout(patience, session.settled()).await;
        begun.map_err(|_| late("HTTP/2 SETTINGS", patience))??;
        Ok(session)
    }

    /// What passed by so far.
    pub(crate) fn seen(&self) -> Seen {
        self.along.lock().watch.seen.clone()
    }

    async fn settled(&mut self) -> Result<(), Trouble> {
        let Self {
            connection, along, ..
        } = self;
        poll_fn(|cx| {
            let error = drive(connection, cx);
            let seen = along.lock().watch.seen.clone();
            if seen.settings.is_some() && seen.acknowledged {
                return Poll::Ready(Ok(()));
            }
            match (error, connection.is_some()) {
                (Some(error), _) => Poll::Ready(Err(trouble(along, &error))),
                (None, false) => Poll::Ready(Err(ended(&seen, false))),
                (None, true) => Poll::Pending,
            }
        })
        .await
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(
        &mut self,
        question: &Question<'_>,
        patience: Duration,
    ) -> Result<Answer, Trouble> {
        let path = question.uri.path_and_query().map_or("/", |it| it.as_str());
        let call = self.track.ask(question.method(), path);
        let before = self.seen().bytes;
        let answered = timeout(patience, self.ask_for_ever(question, call)).await;
        let answered = answered.unwrap_or_else(|_| Err(late("the end of the answer", patience)));
        match &answered {
            Ok(answer) => {
                let received = self.seen().bytes - before;
                self.answers += 1;
                self.track.answered(call, answer, received);
            }
            Err(trouble) => self.track.failed(call, trouble.reason()),
        }
        answered
    }

    async fn ask_for_ever(
        &mut self,
        question: &Question<'_>,
        call: CallId,
    ) -> Result<Answer, Trouble> {
        let Self {
            connection,
            sender,
            along,
            track,
            ..
        } = self;
        let work = async {
            let response = send(sender, question).await?;
            // How long the head was on the wire, compressed, `h2` keeps to itself.
            track.sent(call, 0);
            let (head, body) = response.await?.into_parts();
            track.began();
            Ok((head, length(body).await?))
        };
        let done: Result<_, Fault> = beside(connection, work).await;
        let (head, body) = done.map_err(|fault| fault.trouble(along))?;
        let last_byte = along.lock().watch.seen.end_of_answer;
        Ok(Answer {
            status: head.status,
            version: head.version,
            headers: head.headers,
            hint: KeepAliveHint::default(),
            reuse: Reuse::Keep,
            body,
            last_byte: last_byte.unwrap_or_else(Instant::now),
        })
    }

    /// Sends a PING; false when one before it was not acknowledged.
    pub(crate) fn ping(&mut self) -> bool {
        let Some(ping) = &mut self.ping else {
            return false;
        };
        let mut cx = Context::from_waker(Waker::noop());
        if self.pings > 0 && !ping.poll_pong(&mut cx).is_ready() {
            return false;
        }
        self.pings += 1;
        ping.send_ping(Ping::opaque()).is_ok()
    }

    /// Waits until the last PING is acknowledged, or the connection ends.
    pub(crate) async fn pong(&mut self) {
        let Self {
            connection,
            along,
            pings,
            ..
        } = self;
        poll_fn(|cx| {
            drive(connection, cx);
            let along = along.lock();
            let seen = &along.watch.seen;
            let is_over = seen.end.is_some() || seen.first_go_away.is_some();
            if seen.pongs >= *pings || is_over || connection.is_none() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Waits until the server says GOAWAY, ends the connection, or breaks the protocol. Nothing is lost when the wait
    /// is given up.
    pub(crate) async fn end(&mut self) -> (EndedBy, Instant) {
        let Self {
            connection,
            along,
            track,
            ..
        } = self;
        let before = along.lock().watch.seen.bytes;
        let (by, at) = poll_fn(|cx| {
            let error = drive(connection, cx);
            let seen = along.lock().watch.seen.clone();
            if let Some(go_away) = seen.first_go_away {
                return Poll::Ready((EndedBy::GoAway, go_away.at));
            }
            if let Some(end) = seen.end {
                return Poll::Ready(end);
            }
            let is_noise = error.is_some() || connection.is_none();
            if is_noise || seen.bytes - before > MOST_IDLE_TALK {
                let request_timeout = false;
                let by = EndedBy::StrayBytes { request_timeout };
                return Poll::Ready((by, Instant::now()));
            }
            Poll::Pending
        })
        .await;
        track.ended(by, at, 0);
        (by, at)
    }

    /// Listens on after a GOAWAY, until the connection ends or that takes too long.
    pub(crate) async fn linger(&mut self) {
        if let Some(go_away) = self.seen().first_go_away {
            self.track.ended(EndedBy::GoAway, go_away.at, 0);
        }
        drop(timeout(LINGER, self.last_words()).await);
    }

    async fn last_words(&mut self) {
        let Self {
            connection,
            along,
            is_tls,
            ..
        } = self;
        poll_fn(|cx| {
            drive(connection, cx);
            let is_over = connection.is_none() || along.lock().watch.seen.end.is_some();
            if is_over {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        // `h2` has hung up, as a client does; the server has not.
        let Some(mut stream) = along.lock().left.take() else {
            return;
        };
        let mut buffer = [0; 4096];
        while along.lock().watch.seen.end.is_none() {
            let read = stream.read(&mut buffer).await;
            let bytes = &buffer[..*read.as_ref().unwrap_or(&0)];
            note_read(along, &read, bytes, *is_tls);
        }
    }
}

/// Lets the connection do what it can. Its error when it failed; none is there once it is over.
fn drive(
    connection: &mut Option<Connection<Tap, Bytes>>,
    cx: &mut Context<'_>,
) -> Option<h2::Error> {
    let polled = match connection {
        Some(connection) => Pin::new(connection).poll(cx),
        None => return None,
    };
    match polled {
        Poll::Pending => None,
        Poll::Ready(result) => {
            *connection = None;
            result.err()
        }
    }
}

/// Some work on a stream, while the connection is driven.
async fn beside<T>(
    connection: &mut Option<Connection<Tap, Bytes>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let done = work.as_mut().poll(cx);
        if done.is_ready() {
            return done;
        }
        drive(connection, cx);
        // The streams of a connection that is over know it by now.
        work.as_mut().poll(cx)
    })
    .await
}

/// Why a call failed.
enum Fault {
    Http2(h2::Error),
    TooLong,
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error)
    }
}

impl Fault {
    fn trouble(self, along: &Shared) -> Trouble {
        match self {
            Self::Http2(error) => trouble(along, &error),
            Self::TooLong => Trouble::TooLong {
                limit: LONGEST_BODY,
            },
        }
    }
}

async fn send(
    sender: &mut SendRequest<Bytes>,
    question: &Question<'_>,
) -> Result<ResponseFuture, Fault> {
    poll_fn(|cx| sender.poll_ready(cx)).await?;
    let mut request = Request::new(());
    *request.uri_mut() = question.uri.clone();
    *request.version_mut() = http::Version::HTTP_2;
    *request.method_mut() = question.method();
    let agent = http::HeaderValue::from_static(exchange::USER_AGENT);
    request.headers_mut().insert(USER_AGENT, agent);
    let any = http::HeaderValue::from_static("*/*");
    request.headers_mut().insert(ACCEPT, any);
    let (response, _body) = sender.send_request(request, true)?;
    Ok(response)
}

async fn length(mut body: RecvStream) -> Result<u64, Fault> {
    let mut length = 0;
    while let Some(data) = body.data().await {
        let data = data?;
        length += data.len() as u64;
        if length > LONGEST_BODY {
            return Err(Fault::TooLong);
        }
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(length)
}

fn late(what: &'static str, limit: Duration) -> Trouble {
    Trouble::Timeout { what, limit }
}

/// What a failure of `h2` means: the server left, or what it says is wrong.
fn trouble(along: &Shared, error: &h2::Error) -> Trouble {
    let seen = along.lock().watch.seen.clone();
    let is_protocol = error.is_library() || (error.is_reset() && !error.is_io());
    match (is_protocol, seen.first_go_away, seen.end) {
        (false, Some(_), _) | (false, None, Some(_)) => ended(&seen, false),
        (true, ..) | (false, None, None) => Trouble::Http2 {
            fault: error.to_string(),
            opening: seen.opening,
        },
    }
}

fn ended(seen: &Seen, answered: bool) -> Trouble {
    let by = match (seen.first_go_away, seen.end) {
        (Some(_), _) => EndedBy::GoAway,
        (None, Some((by, _))) => by,
        (None, None) => EndedBy::Fin,
    };
    Trouble::Ended { by, answered }
}
