//! Handshakes against scripted and real proxies, and the settings that lead to them.

mod connect;
mod environment;
mod real;
mod refusals;
mod routes;
mod socks;
mod urls;

use std::time::Duration;

use keepwarm_core::h1;
use keepwarm_core::origin::Origin;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{Handshake, Proxies, Proxy, Route, Target};
use crate::error::Result;

/// The settings that a client has by default.
fn handshake() -> Handshake<'static> {
    Handshake {
        timeout: Some(Duration::from_secs(10)),
        heads: h1::Limits::default(),
        user_agent: Some("keepwarm/test"),
    }
}

fn proxy(url: &str) -> Proxy {
    Proxy::new(url).expect("a proxy's URL")
}

fn origin(url: &str) -> Origin {
    url.parse().expect("an origin")
}

fn target(host: &str, port: u16) -> Target {
    Target::new(host, port).expect("a target")
}

/// The route that a client with this proxy takes to an `https` origin.
fn route(proxy: &Proxy) -> Route {
    let routes = Proxies::all(proxy.clone()).routes();
    let route = routes.route(&origin("https://example.com"));
    route.expect("a route")
}

/// Fails instead of hanging when the two sides wait for each other. The clock is paused: it costs no time.
async fn in_time<T>(played: impl Future<Output = T>) -> T {
    let played = tokio::time::timeout(Duration::from_secs(3600), played).await;
    played.expect("neither side waits for ever")
}

/// A stream and the proxy at its other end.
fn pair() -> (DuplexStream, Peer) {
    let (stream, peer) = duplex(1 << 20);
    (stream, Peer(peer))
}

struct Peer(DuplexStream);

impl Peer {
    /// Takes exactly these bytes.
    async fn hears(&mut self, expected: &[u8]) {
        let mut heard = vec![0; expected.len()];
        self.0.read_exact(&mut heard).await.expect("as many bytes");
        assert_eq!(
            String::from_utf8_lossy(&heard),
            String::from_utf8_lossy(expected)
        );
    }

    /// Takes a request's head.
    async fn hears_head(&mut self) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(self.0.read_u8().await.expect("a head"));
        }
        String::from_utf8(heard).expect("text")
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("room");
    }

    /// Says it in pieces that are surely read one by one.
    async fn says_torn(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.says(piece).await;
            // The clock is paused: it goes on only once everybody has nothing left to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Everything that was said to it, once nobody says more.
    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.expect("an end");
        rest
    }
}

/// Goes through a proxy that takes a request and gives one answer, then waits.
async fn connect_answered(proxy: &Proxy, answer: &[u8]) -> (Result<()>, DuplexStream, String) {
    let (mut stream, mut peer) = pair();
    let target = target("example.com", 443);
    let script = async {
        let head = peer.hears_head().await;
        peer.says(answer).await;
        (head, peer)
    };
    let route = route(proxy);
    let settings = handshake();
    let (result, (head, _peer)) =
        tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
    (result, stream, head)
}
