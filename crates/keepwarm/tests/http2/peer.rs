//! `Peer`: an HTTP/2 server on loopback, without TLS, whose answers a test decides.
//!
//! Owns its connections and their count. The frames are the `h2` crate's server side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200 with the path.
    Path,
    /// 200 with what was sent, and its trailers.
    Echo,
    /// 200 with so many bytes.
    Bytes(usize),
    /// 204.
    Nothing,
    /// The stream is reset.
    Reset(Reason),
    /// The head comes, the body never.
    Head,
    /// Nothing, ever.
    Silence,
    /// The path, and then a graceful GOAWAY.
    PathThenGoAway,
}

/// What the peer does and how it is set.
#[derive(Clone)]
pub(crate) struct Conduct {
    pub(crate) streams: Option<u32>,
    pub(crate) window: Option<u32>,
    /// Decides by the path and the request's number (over all connections, from 1).
    pub(crate) answer: Decision,
}

type Decision = Arc<dyn Fn(&str, usize) -> Answer + Send + Sync>;

impl Conduct {
    pub(crate) fn new(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            streams: None,
            window: None,
            answer: Arc::new(answer),
        }
    }

    pub(crate) fn streams(mut self, streams: u32) -> Self {
        self.streams = Some(streams);
        self
    }

    pub(crate) fn window(mut self, window: u32) -> Self {
        self.window = Some(window);
        self
    }
}

/// A running server. It ends when it is dropped.
pub(crate) struct Peer {
    address: SocketAddr,
    pub(crate) accepted: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Peer {
    pub(crate) async fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let (count, seen) = (Arc::clone(&accepted), Arc::clone(&requests));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _unset = socket.set_nodelay(true);
                connections.spawn(serve(socket, conduct.clone(), Arc::clone(&seen)));
            }
        });
        Self {
            address,
            accepted,
            requests,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(socket: tokio::net::TcpStream, conduct: Conduct, seen: Arc<AtomicUsize>) {
    let mut builder = Builder::new();
    if let Some(streams) = conduct.streams {
        builder.max_concurrent_streams(streams);
    }
    if let Some(window) = conduct.window {
        builder.initial_window_size(window);
    }
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else {
        return;
    };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let number = seen.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = (conduct.answer)(request.uri().path(), number);
        if answer == Answer::PathThenGoAway {
            connection.graceful_shutdown();
        }
        calls.spawn(async move {
            // The client may have reset the stream: that is its right.
            let _reset = play(request, respond, answer).await;
        });
    }
}

async fn play(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    answer: Answer,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    match answer {
        Answer::Path | Answer::PathThenGoAway => {
            let mut stream = respond.send_response(Response::new(()), false)?;
            stream.send_data(path.into(), true)
        }
        Answer::Echo => echo(request, respond).await,
        Answer::Bytes(count) => {
            let mut stream = respond.send_response(Response::new(()), false)?;
            let mut left = count;
            while left > 0 {
                stream.reserve_capacity(left);
                let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
                let room = room.unwrap_or(Ok(0))?.min(left);
                left -= room;
                stream.send_data(Bytes::from(vec![b'x'; room]), left == 0)?;
            }
            Ok(())
        }
        Answer::Nothing => {
            let mut head = Response::new(());
            *head.status_mut() = http::StatusCode::NO_CONTENT;
            respond.send_response(head, true).map(drop)
        }
        Answer::Reset(reason) => {
            respond.send_reset(reason);
            Ok(())
        }
        Answer::Head => {
            let _stream = respond.send_response(Response::new(()), false)?;
            std::future::pending().await
        }
        Answer::Silence => {
            let _held = (request, respond);
            std::future::pending().await
        }
    }
}

async fn echo(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let mut body = request.into_body();
    let mut stream = respond.send_response(Response::new(()), false)?;
    while let Some(data) = body.data().await {
        let mut data = data?;
        body.flow_control().release_capacity(data.len())?;
        while !data.is_empty() {
            stream.reserve_capacity(data.len());
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            let room = room.unwrap_or(Ok(0))?.min(data.len());
            stream.send_data(data.split_to(room), false)?;
        }
    }
    let trailers: HeaderMap = body.trailers().await?.unwrap_or_default();
    if trailers.is_empty() {
        stream.send_data(Bytes::new(), true)
    } else {
        stream.send_trailers(trailers)
    }
}
