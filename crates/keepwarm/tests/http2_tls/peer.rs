//! A TLS server that speaks HTTP/2 where ALPN says so and HTTP/1.1 otherwise.
//!
//! Owns what it answers with: 200 and `hello`, or on HTTP/2 a reset. Refuses to know who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Response;

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

async fn serve(mut accepted: Accepted, streams: Streams, count: Arc<AtomicUsize>) {
    let chosen = accepted.stream.get_ref().1.alpn_protocol();
    if chosen != Some(b"h2") {
        return accepted.serve(HELLO).await;
    }
    let Ok(mut connection) = h2::server::handshake(accepted.stream).await else {
        return;
    };
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        count.fetch_add(1, Ordering::SeqCst);
        match streams {
            Streams::Reset(reason) => respond.send_reset(reason),
            Streams::Answered => {
                // The client may have gone: that is its right.
                let stream = respond.send_response(Response::new(()), false);
                drop(
                    stream.and_then(|mut stream| {
                        stream.send_data(Bytes::from_static(b"hello"), true)
                    }),
                );
            }
        }
    }
}
