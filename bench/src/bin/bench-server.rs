//! `bench-server`: the servers that nginx cannot be.
//!
//! * `barrier N` answers nobody until N requests are in, so that a client must open N connections; with a certificate
//!   and its key it speaks TLS.
//! * `race MS` closes each connection so long after its last answer, and counts the POST bodies it was given twice.
//!
//! Says `listening ADDRESS` when it does; when its standard input ends it says what it counted and ends too.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Read;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keepwarm_bench::process::allow_connections;
use keepwarm_bench::{Outcome, main_with};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

const USAGE: &str = "usage: bench-server barrier REQUESTS [CERTIFICATE KEY] | race MILLISECONDS";
const BACKLOG: u32 = 8192;
/// Connections a server may be given; a few more than the measurements open.
const CONNECTIONS: usize = 6000;
/// How long a new connection may take to its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 8192;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nhello, world\n";

#[derive(Clone, Copy)]
enum Behaviour {
    Barrier(usize),
    Race(Duration),
}

#[derive(Default)]
struct Counts {
    connections: usize,
    requests: usize,
    duplicates: usize,
    bodies: HashSet<Vec<u8>>,
}

#[derive(Clone)]
struct Server {
    behaviour: Behaviour,
    counts: Rc<RefCell<Counts>>,
    /// None for plain HTTP.
    tls: Option<TlsAcceptor>,
    /// Becomes true when the barrier falls.
    open: Rc<watch::Sender<bool>>,
}

fn main() -> ExitCode {
    main_with(|words| {
        let (behaviour, tls) = match *words {
            ["barrier", requests] => (Behaviour::Barrier(requests.parse()?), None),
            ["barrier", requests, certificate, key] => {
                let tls = acceptor(certificate, key)?;
                (Behaviour::Barrier(requests.parse()?), Some(tls))
            }
            ["race", millis] => {
                let idle = Duration::from_millis(millis.parse()?);
                (Behaviour::Race(idle), None)
            }
            _ => return Err(USAGE.into()),
        };
        allow_connections(CONNECTIONS)?;
        keepwarm_bench::block_on(LocalSet::new().run_until(serve(behaviour, tls)))
    })
}

fn acceptor(certificate: &str, key: &str) -> Outcome<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_file(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Outcome<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(BACKLOG)?;
    println!("listening {}", listener.local_addr()?);
    let (ended, mut end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _nothing_to_read = std::io::stdin().read_to_end(&mut rest);
        let _nobody_waits = ended.send(());
    });
    let server = Server {
        behaviour,
        counts: Rc::default(),
        tls,
        open: Rc::new(watch::Sender::new(false)),
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let server = server.clone();
                tokio::task::spawn_local(async move { server.accept(stream).await });
            }
            _ = &mut end => break,
        }
    }
    let counts = server.counts.borrow();
    println!(
        "server connections={} requests={} duplicates={}",
        counts.connections, counts.requests, counts.duplicates
    );
    Ok(())
}

impl Server {
    async fn accept(&self, stream: TcpStream) {
        self.counts.borrow_mut().connections += 1;
        let _no_matter = stream.set_nodelay(true);
        match &self.tls {
            None => self.connection(stream).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    self.connection(stream).await;
                }
            }
        }
    }

    /// Answers until the client leaves or the behaviour says so; what goes wrong ends the connection.
    async fn connection(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut buffer = Vec::new();
        let mut patience = FIRST_REQUEST;
        loop {
            let request = self.read_request(&mut stream, &mut buffer, patience).await;
            let Some(body) = request else { return };
            self.count(body);
            if let Behaviour::Barrier(_) = self.behaviour {
                let mut open = self.open.subscribe();
                if open.wait_for(|open| *open).await.is_err() {
                    return;
                }
            }
            if stream.write_all(ANSWER).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            patience = match self.behaviour {
                Behaviour::Barrier(_) => Duration::MAX,
                Behaviour::Race(idle) => idle,
            };
        }
    }

    fn count(&self, body: Vec<u8>) {
        let mut counts = self.counts.borrow_mut();
        counts.requests += 1;
        if !body.is_empty() && !counts.bodies.insert(body) {
            counts.duplicates += 1;
        }
        if let Behaviour::Barrier(requests) = self.behaviour
            && counts.requests == requests
        {
            self.open.send_replace(true);
        }
    }

    /// The body of the next request; none when the connection is to end.
    async fn read_request(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
        patience: Duration,
    ) -> Option<Vec<u8>> {
        loop {
            if let Some((head, body)) = request_in(buffer) {
                let rest = buffer.split_off(head + body);
                let request = std::mem::replace(buffer, rest);
                return Some(request[head..].to_vec());
            }
            if buffer.len() > MOST_BYTES {
                return None;
            }
            let read = tokio::time::timeout(patience, stream.read_buf(buffer)).await;
            match read {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) | Err(_) => return None,
            }
        }
    }
}

/// Lengths of head and body, once both are there.
fn request_in(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0);
    (buffer.len() >= head + body).then_some((head, body))
}
