//! `House`: one server that several names lead to, with one certificate for them, and what it does to whom.
//!
//! Owns the names, who asked for which on which connection, and a resolver that counts. Refuses to know the client's
//! rules.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use http::Response;
use keepwarm::dial::{BoxFuture, Resolver};
use keepwarm::http2::Http2;
use keepwarm::{Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use crate::authority::Authority;
use crate::server::{Accepted, HELLO, TlsServer, config, head};
use crate::support::log::Log;
use crate::support::{Done, client, finish};

/// What happens on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// 200 and `hello`.
    Open,
    /// On the first one so, once; the next so many get no answer, and then it is closed. Later ones are open.
    ClosedAfter(usize),
    /// The first request is answered; with the second comes a `GOAWAY` that says that it was not processed.
    LeavesAtTheSecond,
    /// 421 for whom its handshake did not name.
    NamedOnly,
    /// Requests that are not the first are reset with this.
    Resets(h2::Reason),
    /// The same as open, with so many streams at a time; answers wait until [`House::answer`].
    Waits(u32),
}

pub(crate) struct House {
    pub(crate) server: TlsServer,
    pub(crate) authority: Authority,
    pub(crate) names: Arc<Names>,
    asked: Arc<Mutex<Vec<(usize, String)>>>,
    gate: watch::Sender<bool>,
}

/// Names with their addresses.
pub(crate) struct Names {
    known: Mutex<HashMap<String, SocketAddr>>,
    asked: Mutex<Vec<String>>,
    /// A name about which nothing is told until it is another.
    held: watch::Sender<Option<&'static str>>,
}

impl Names {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            known: Mutex::default(),
            asked: Mutex::default(),
            held: watch::Sender::new(None),
        })
    }

    /// From now on answers about this name wait; about none, if none is given.
    pub(crate) fn hold(&self, name: Option<&'static str>) {
        self.held.send_replace(name);
    }

    pub(crate) fn lead(&self, name: &str, address: SocketAddr) {
        let mut known = self.known.lock().expect("no panic");
        known.insert(name.to_owned(), address);
    }

    /// How often a name was asked for.
    pub(crate) fn asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().expect("no panic");
        asked.iter().filter(|it| *it == name).count()
    }
}

/// A resolver that knows these.
pub(crate) struct Known(pub(crate) Arc<Names>);

impl Resolver for Known {
    fn resolve<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let names = &self.0;
        names.asked.lock().expect("no panic").push(host.to_owned());
        let found = names.known.lock().expect("no panic").get(host).copied();
        let mut held = names.held.subscribe();
        Box::pin(async move {
            drop(held.wait_for(|held| *held != Some(host)).await);
            let found = found.map(|address| vec![address]);
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }
}

impl House {
    /// With a certificate for these names.
    pub(crate) async fn of(names: &[&str], door: Door) -> Self {
        let authority = Authority::new();
        let mut config = config(&authority.issue(names));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (gate, opened) = watch::channel(false);
        let all = Arc::clone(&asked);
        let server = TlsServer::start(config, move |accepted| {
            serve(accepted, door, Arc::clone(&all), opened.clone())
        })
        .await;
        let house = Self {
            server,
            authority,
            names: Names::new(),
            asked,
            gate,
        };
        for name in ["a.test", "b.test", "c.test", "localhost"] {
            house.names.lead(name, house.server.address);
        }
        house
    }

    /// The usual one.
    pub(crate) async fn open() -> Self {
        Self::of(&["a.test", "b.test"], Door::Open).await
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{name}:{}/", self.server.address.port())
    }

    /// Who asked, and on which connection, from 0 on.
    pub(crate) fn asked(&self) -> Vec<(usize, String)> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Handshakes so far.
    pub(crate) fn handshakes(&self) -> usize {
        self.server.seen().len()
    }

    /// Lets the answers go that wait.
    pub(crate) fn answer(&self) {
        self.gate.send_replace(true);
    }

    /// A client that coalesces, with other settings besides.
    pub(crate) fn client(&self, change: impl FnOnce(Config) -> Config) -> (Client, Arc<Log>) {
        client(|config| {
            let config = config
                .tls(self.authority.trusted())
                .resolver(Known(Arc::clone(&self.names)))
                .http2(coalescing());
            change(config)
        })
    }

    /// A `GET` of this name's page.
    pub(crate) async fn get(&self, client: &Client, name: &str) -> Done {
        finish(
            (client.get(self.url(name)).send().await)
                .unwrap_or_else(|error| panic!("{name}: {error}")),
        )
        .await
    }
}

/// The option alone.
pub(crate) fn coalescing() -> Http2 {
    Http2 {
        coalesce: true,
        ..Http2::default()
    }
}

async fn serve(
    mut accepted: Accepted,
    door: Door,
    asked: Arc<Mutex<Vec<(usize, String)>>>,
    gate: watch::Receiver<bool>,
) {
    if accepted.stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return accepted.serve(HELLO).await;
    }
    if door == Door::LeavesAtTheSecond {
        return leave_at_the_second(accepted.stream).await;
    }
    let index = accepted.index;
    let named = accepted.stream.get_ref().1.server_name().map(str::to_owned);
    let mut builder = h2::server::Builder::new();
    if let Door::Waits(streams) = door {
        builder.max_concurrent_streams(streams);
    }
    let Ok(mut connection) = builder.handshake(accepted.stream).await else {
        return;
    };
    let mut unanswered = Vec::new();
    let mut number = 0;
    while let Some(Ok((request, respond))) = connection.accept().await {
        number += 1;
        let host = request.uri().host().expect("an authority").to_owned();
        asked.lock().expect("no panic").push((index, host.clone()));
        match door {
            Door::NamedOnly if Some(&host) != named.as_ref() => answer(respond, 421),
            Door::ClosedAfter(count) if index == 0 && number > 1 => {
                unanswered.push(respond);
                if unanswered.len() == count {
                    return;
                }
            }
            Door::Resets(reason) if number > 1 => reset(respond, reason),
            Door::Waits(_) if number > 1 => {
                let mut gate = gate.clone();
                tokio::spawn(async move {
                    drop(gate.wait_for(|open| *open).await.map(drop));
                    answer(respond, 200);
                });
            }
            Door::Open
            | Door::ClosedAfter(_)
            | Door::LeavesAtTheSecond
            | Door::NamedOnly
            | Door::Resets(_)
            | Door::Waits(_) => answer(respond, 200),
        }
    }
}

fn reset(mut respond: SendResponse<Bytes>, reason: h2::Reason) {
    respond.send_reset(reason);
}

fn answer(mut respond: SendResponse<Bytes>, status: u16) {
    let mut head = Response::new(());
    *head.status_mut() = status.try_into().expect("a status");
    // The client may have gone: that is its right.
    let stream = respond.send_response(head, false);
    let hello = Bytes::from_static(b"hello");
    drop(stream.and_then(|mut stream| stream.send_data(hello, true)));
}

/// Frames by hand: settings; the answer to stream 1 once it is asked; and with the second request a `GOAWAY` behind it.
async fn leave_at_the_second(mut stream: TlsStream<TcpStream>) {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    /// The head, with `:status: 200` of the static table, and the body.
    const ANSWER: &[u8] = b"\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x05\0\x01\0\0\0\x01hello";
    /// Stream 1 is the last that was processed; no error.
    const GOAWAY: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0";
    let mut read = Vec::new();
    let said = async {
        stream.write_all(&SETTINGS).await?;
        for (wanted, words) in [(1, ANSWER), (2, GOAWAY)] {
            while requests_in(&read) < wanted {
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            }
            stream.write_all(words).await?;
            stream.flush().await?;
        }
        // To its end: closing with unread bytes would cut off what was just said.
        stream.read_to_end(&mut read).await.map(drop)
    };
    let said: io::Result<()> = said.await;
    drop(said);
}

/// The heads of requests in these frames.
fn requests_in(read: &[u8]) -> usize {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    let mut rest = read.get(PREFACE..).unwrap_or_default();
    let mut count = 0;
    while let [high, middle, low, kind, ..] = *rest {
        count += usize::from(kind == HEADERS);
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    count
}

/// A proxy whose tunnels all lead to this address, wherever they are asked for.
pub(crate) async fn tunnel(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let asked = head(&mut socket).await.unwrap_or_default();
                assert!(asked.starts_with("CONNECT "), "{asked}");
                let mut there = TcpStream::connect(to).await.expect("the house");
                let agreed = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                drop(agreed);
                drop(copy_bidirectional(&mut socket, &mut there).await);
            });
        }
    });
    address
}
