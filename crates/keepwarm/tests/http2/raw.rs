//! `Raw`: an HTTP/2 server whose frames are written by hand, for what no sound server can be made to send.
//!
//! Owns the preface and the reading of what the client says, which never stops, so that the client can always write.
//! Refuses to check anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `:status: 200` in HPACK's static table.
pub(crate) const OK: &[u8] = &[0x88];

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field as a literal that is not indexed, with a name of less than 127 bytes.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0x00, u8::try_from(name.len()).expect("a short name")];
    bytes.extend(name.as_bytes());
    // A length in a prefix of 7 bits (RFC 7541 §5.1).
    let mut length = value.len();
    if length < 127 {
        bytes.push(u8::try_from(length).expect("it is less"));
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push(u8::try_from(length % 128).expect("it is less") | 128);
            length /= 128;
        }
        bytes.push(u8::try_from(length).expect("it is less"));
    }
    bytes.extend(value.as_bytes());
    bytes
}

/// A status that is not in the static table, or is: a literal with the name of entry 8.
pub(crate) fn status(code: &str) -> Vec<u8> {
    let mut bytes = vec![0x08, 3];
    bytes.extend(code.as_bytes());
    bytes
}

/// One connection: what the client sent, frame by frame, and the way to answer.
pub(crate) struct Wire {
    heads: mpsc::UnboundedReceiver<(u8, u32)>,
    write: OwnedWriteHalf,
    sent: Arc<AtomicU64>,
}

impl Wire {
    /// Waits for the next request's head, and gives its stream.
    pub(crate) async fn request(&mut self) -> Option<u32> {
        loop {
            match self.heads.recv().await? {
                (HEADERS, stream) => return Some(stream),
                _ => continue,
            }
        }
    }

    /// Waits for the next frame of a request, and gives its kind and its stream.
    pub(crate) async fn next(&mut self) -> Option<(u8, u32)> {
        self.heads.recv().await
    }

    /// Writes. False when the client is gone.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> bool {
        let said = self.write.write_all(bytes).await.is_ok();
        if said {
            self.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        }
        said
    }

    /// The same bytes until the client hangs up, or so many are written.
    pub(crate) async fn flood(&mut self, bytes: &[u8], most: u64) {
        let many = bytes.repeat((16_384 / bytes.len()).max(1));
        let mut written = 0;
        while written < most && self.say(&many).await {
            written += many.len() as u64;
        }
    }

    /// Waits until the client has hung up.
    pub(crate) async fn end(mut self) {
        while self.heads.recv().await.is_some() {}
    }
}

/// The server. It ends when it is dropped.
pub(crate) struct Raw {
    address: SocketAddr,
    /// Bytes written by all connections.
    pub(crate) sent: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Raw {
    /// Does this with every connection, after the prefaces.
    pub(crate) async fn start<F>(serve: impl Fn(Wire) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (serve, count) = (serve.clone(), Arc::clone(&count));
                connections.spawn(async move {
                    if let Some(wire) = begin(socket, count).await {
                        serve(wire).await;
                    }
                });
            }
        });
        Self {
            address,
            sent,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn begin(socket: TcpStream, sent: Arc<AtomicU64>) -> Option<Wire> {
    let (mut read, mut write) = socket.into_split();
    let mut preface = [0; 24];
    read.read_exact(&mut preface).await.ok()?;
    let settings = frame(SETTINGS, 0, 0, &[]);
    write.write_all(&settings).await.ok()?;
    write.write_all(&frame(SETTINGS, 1, 0, &[])).await.ok()?;
    let (heads, receiver) = mpsc::unbounded_channel();
    tokio::spawn(listen(read, heads));
    Some(Wire {
        heads: receiver,
        write,
        sent,
    })
}

/// Reads frames for as long as the client sends any; of a request's frames the kinds and streams are told.
async fn listen(mut read: OwnedReadHalf, heads: mpsc::UnboundedSender<(u8, u32)>) {
    let mut head = [0; 9];
    while read.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if read.read_exact(&mut payload).await.is_err() {
            break;
        }
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if matches!(head[3], DATA | HEADERS | GOAWAY | RST_STREAM) {
            let _gone = heads.send((head[3], stream));
        }
    }
}
