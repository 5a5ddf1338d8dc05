//! A TLS server on loopback, told per connection what to do, that remembers what it saw.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::authority::Identity;
use crate::support::until;

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// How a connection ended, as the server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    CloseNotify,
    Cut(io::ErrorKind),
}

/// What the server knows of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) resumed: bool,
    pub(crate) version: ProtocolVersion,
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) client_certificate: bool,
    pub(crate) end: Option<End>,
}

/// A connection whose handshake is over.
pub(crate) struct Accepted {
    pub(crate) stream: TlsStream<TcpStream>,
    /// From 0 on.
    pub(crate) index: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The usual settings for this identity.
pub(crate) fn config(identity: &Identity) -> ServerConfig {
    config_of(identity, &[&version::TLS12, &version::TLS13])
}

/// Speaks only these versions.
pub(crate) fn config_of(
    identity: &Identity,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(identity.chain(), identity.key_der())
        .expect("a certificate with its key");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

impl TlsServer {
    /// Answers every request with [`HELLO`].
    pub(crate) async fn hello(config: ServerConfig) -> Self {
        Self::start(config, async |mut accepted| accepted.serve(HELLO).await).await
    }

    /// Does this with every connection.
    pub(crate) async fn start<F>(
        config: ServerConfig,
        serve: impl Fn(Accepted) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&all));
                let serve = serve.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        serve(Accepted::new(stream, seen)).await;
                    }
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// What it saw of its connections so far, in the order of their handshakes.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Waits until a connection has ended, and tells how.
    pub(crate) async fn end(&self, index: usize) -> End {
        let look = || self.seen().get(index).and_then(|seen| seen.end);
        until(look, || format!("{:?}", self.seen())).await
    }
}

impl Accepted {
    fn new(stream: TlsStream<TcpStream>, all: Arc<Mutex<Vec<Seen>>>) -> Self {
        let session = stream.get_ref().1;
        let alpn = session.alpn_protocol().map(<[u8]>::to_vec);
        let seen = Seen {
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            version: session.protocol_version().expect("a version"),
            server_name: session.server_name().map(str::to_owned),
            alpn: alpn.map(|name| String::from_utf8(name).expect("a name")),
            client_certificate: session.peer_certificates().is_some(),
            end: None,
        };
        let mut list = all.lock().expect("no panic");
        let index = list.len();
        list.push(seen);
        drop(list);
        Self {
            stream,
            index,
            seen: all,
        }
    }

    /// Reads a request's head; none when the client ends the connection, which is noted.
    pub(crate) async fn request(&mut self) -> Option<String> {
        match head(&mut self.stream).await {
            Ok(head) if head.is_empty() => self.note(End::CloseNotify),
            Ok(head) => return Some(head),
            Err(error) => self.note(End::Cut(error.kind())),
        }
        None
    }

    pub(crate) fn note(&self, end: End) {
        self.seen.lock().expect("no panic")[self.index].end = Some(end);
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let written = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        // The client may be gone; then its own error is what counts.
        drop(written.await);
    }

    /// Answers every request so, until the client ends.
    pub(crate) async fn serve(&mut self, answer: &str) {
        while self.request().await.is_some() {
            self.say(answer).await;
        }
    }
}

/// Up to the empty line; empty when the peer ended before.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            break;
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
