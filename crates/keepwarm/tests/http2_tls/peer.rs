//! A TLS server that speaks HTTP/2 where ALPN says so and HTTP/1.1 otherwise.
//!
//! Owns what it answers with: 200 and `hello`; on HTTP/2 a reset, a `GOAWAY` or 421; on HTTP/1.1 a switch to an echo
//! when that is asked. Refuses to know who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::authority::Authority;
use crate::server::{Accepted, HELLO, TlsServer, config};

/// The server, what it counted, and who signed its certificate.
pub(crate) struct Both {
    pub(crate) server: TlsServer,
    pub(crate) authority: Authority,
    /// Requests on HTTP/2.
    pub(crate) on_http2: Arc<AtomicUsize>,
}

/// What a stream gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    /// 200 and `hello`.
    Answered,
    /// The same, but connections before this one (from 0) are hung up on behind their handshake.
    AnsweredFrom(usize),
    /// 200 and `hello`; behind it comes a `GOAWAY` with this, and no later stream is taken.
    AnsweredAndGoAway(h2::Reason),
    /// None: the settings come with a `GOAWAY` with this.
    Closed(h2::Reason),
    /// A `GOAWAY` with this that says that it was not processed.
    GoAway(h2::Reason),
    /// 421 for so many of the first, then as answered.
    MisdirectedAtFirst(usize),
    /// Reset with this.
    Reset(h2::Reason),
}

impl Both {
    /// Offers these protocols.
    pub(crate) async fn start(protocols: &[&str], streams: Streams) -> Self {
        let authority = Authority::new();
        let mut config = config(&authority.issue(&["localhost"]));
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let on_http2 = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&on_http2);
        let server = TlsServer::start(config, move |accepted| {
            serve(accepted, streams, Arc::clone(&count))
        });
        Self {
            server: server.await,
            authority,
            on_http2,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("/")
    }

    /// Handshakes so far.
    pub(crate) fn handshakes(&self) -> usize {
        self.server.seen().len()
    }

    pub(crate) fn on_http2(&self) -> usize {
        self.on_http2.load(Ordering::SeqCst)
    }
}

async fn serve(accepted: Accepted, streams: Streams, count: Arc<AtomicUsize>) {
    if let Streams::AnsweredFrom(first) = streams
        && accepted.index < first
    {
        return;
    }
    let chosen = accepted.stream.get_ref().1.alpn_protocol();
    if chosen != Some(b"h2") {
        return on_http1(accepted).await;
    }
    match streams {
        Streams::AnsweredAndGoAway(_) | Streams::Closed(_) | Streams::GoAway(_) => {
            return go_away(accepted.stream, streams, &count).await;
        }
        Streams::Answered
        | Streams::AnsweredFrom(_)
        | Streams::MisdirectedAtFirst(_)
        | Streams::Reset(_) => {}
    }
    let Ok(mut connection) = h2::server::handshake(accepted.stream).await else {
        return;
    };
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let number = count.fetch_add(1, Ordering::SeqCst);
        match streams {
            Streams::Reset(reason) => respond.send_reset(reason),
            Streams::MisdirectedAtFirst(most) if number < most => answer(respond, 421),
            Streams::Answered
            | Streams::AnsweredAndGoAway(_)
            | Streams::AnsweredFrom(_)
            | Streams::Closed(_)
            | Streams::GoAway(_)
            | Streams::MisdirectedAtFirst(_) => answer(respond, 200),
        }
    }
}

fn answer(mut respond: SendResponse<Bytes>, status: u16) {
    let mut head = Response::new(());
    *head.status_mut() = status.try_into().expect("a status");
    // The client may have gone: that is its right.
    let stream = respond.send_response(head, false);
    let hello = Bytes::from_static(b"hello");
    drop(stream.and_then(|mut stream| stream.send_data(hello, true)));
}

/// Settings and a `GOAWAY` by hand: at once, or when a request has come.
async fn go_away(mut stream: TlsStream<TcpStream>, streams: Streams, count: &AtomicUsize) {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    /// The head of stream 1, with `:status: 200` of the static table, and its body.
    const ANSWER: &[u8] = b"\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x05\0\x01\0\0\0\x01hello";
    const GOAWAY: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
    let (answer, last, reason, after_request) = match streams {
        Streams::AnsweredAndGoAway(reason) => (ANSWER, 1, reason, true),
        Streams::GoAway(reason) => (&[][..], 0_u32, reason, true),
        Streams::Closed(reason) => (&[][..], 0, reason, false),
        Streams::Answered
        | Streams::AnsweredFrom(_)
        | Streams::MisdirectedAtFirst(_)
        | Streams::Reset(_) => return,
    };
    let goodbye = [
        answer,
        &GOAWAY,
        &last.to_be_bytes(),
        &u32::from(reason).to_be_bytes(),
    ]
    .concat();
    let mut said = stream.write_all(&SETTINGS).await.is_ok();
    if after_request {
        said = said && reads_a_request(&mut stream).await;
        count.fetch_add(1, Ordering::SeqCst);
    }
    if said && stream.write_all(&goodbye).await.is_ok() && stream.flush().await.is_ok() {
        // To its end: closing with unread bytes would cut off what was just said.
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    }
}

/// Reads frames until the head of a request has come.
async fn reads_a_request(stream: &mut TlsStream<TcpStream>) -> bool {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    let mut read = Vec::new();
    loop {
        let mut rest = read.get(PREFACE..).unwrap_or_default();
        while let [high, middle, low, kind, ..] = *rest {
            if kind == HEADERS {
                return true;
            }
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            rest = rest.get(9 + length..).unwrap_or_default();
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

async fn on_http1(mut accepted: Accepted) {
    while let Some(head) = accepted.request().await {
        if !head.contains("upgrade: echo") {
            accepted.say(HELLO).await;
            continue;
        }
        accepted
            .say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            .await;
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = accepted.stream.read(&mut bytes).await {
            accepted.say(&bytes[..count]).await;
        }
        return;
    }
}
