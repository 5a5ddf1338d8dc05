//! `Server`: listens on loopback, on a thread and a runtime of its own, and plays faults.
//!
//! Owns the connections and their faults; what arrives is noted in the ledger. Refuses to know the client.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::answer::Answer;
use super::dice::Dice;
use super::fault::Fault;
use super::ledger::{Ledger, Ports};
use super::plan::{Plan, pattern};
use super::wire::{Head, NoRequest, Wire};

/// Twice this many bytes go out in one piece.
const ONE_PIECE: usize = 8192;

/// A running server.
pub(crate) struct Server {
    /// Where it listens. The last address refuses every connection.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Its other end is the server's. A byte on a socket reaches a thread with a table of files of its own; a
    /// waker, which writes to a file by its number, does not.
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing.
    Calm,
    /// Everything.
    Faulty,
}

impl Server {
    /// Starts it with as many listeners as the ledger has hosts, and one address that refuses.
    pub(crate) fn start(ledger: &Arc<Ledger>, mood: Mood) -> Self {
        Self::start_after(ledger, mood, || {})
    }

    /// The same; what its thread must do before it opens anything is done there first.
    pub(crate) fn start_after(
        ledger: &Arc<Ledger>,
        mood: Mood,
        first: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (told, addresses) = std::sync::mpsc::channel();
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let ledger = Arc::clone(ledger);
        let thread = std::thread::spawn(move || {
            first();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let refusing = TcpSocket::new_v4().expect("a socket");
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                refusing.bind(any).expect("a port");
                let mut addresses = Vec::new();
                for _ in 0..ledger.hosts {
                    let socket = TcpSocket::new_v4().expect("a socket");
                    socket.bind(any).expect("a port");
                    let listener = socket.listen(4096).expect("a listener");
                    addresses.push(listener.local_addr().expect("an address"));
                    tokio::spawn(accept(listener, Arc::clone(&ledger), mood));
                }
                addresses.push(refusing.local_addr().expect("an address"));
                told.send(addresses).expect("the starter waits");
                until_told(stopped).await;
            });
        });
        Self {
            addresses: addresses.recv().expect("the server starts"),
            stop,
            thread: Some(thread),
        }
    }

    /// Ends it, and everything that is still open.
    pub(crate) fn stop(mut self) {
        self.stop.write_all(b".").expect("the server listens");
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

/// Waits for a byte, or for the handle to be gone.
async fn until_told(stopped: UnixStream) {
    stopped.set_nonblocking(true).expect("a socket");
    let mut stopped = tokio::net::UnixStream::from_std(stopped).expect("a socket");
    // An error, too, means that nobody wants the server any more.
    let _told = stopped.read_u8().await;
}

async fn accept(listener: TcpListener, ledger: Arc<Ledger>, mood: Mood) {
    let port = listener.local_addr().expect("an address").port();
    let mut number = 0;
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                ledger.complain(format!("the server cannot accept: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        number += 1;
        let ports = (port, remote.port());
        ledger.accepted(ports);
        let salt = (u64::from(port % 2) << 60) ^ (number << 32);
        let dice = Dice::new(ledger.seed, salt);
        let connection = Connection {
            open: Open(Arc::clone(&ledger)),
            ports,
            mood,
        };
        tokio::spawn(connection.serve(stream, dice));
    }
}

/// Notes the connection's end when it is dropped.
struct Open(Arc<Ledger>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.ended();
    }
}

struct Connection {
    open: Open,
    ports: Ports,
    mood: Mood,
}

/// What follows an answer.
enum Then {
    GoOn,
    End { reset: bool },
}

impl Connection {
    async fn serve(self, stream: TcpStream, mut dice: Dice) {
        // A socket that is gone already fails when it is read.
        let _gone = stream.set_nodelay(true);
        let mut wire = Wire::new(stream);
        if self.mood == Mood::Faulty && dice.one_in(50) {
            if dice.one_in(2) {
                wire.reset();
            }
            return;
        }
        loop {
            match self.request(&mut wire).await {
                Ok(Then::GoOn) => {}
                Ok(Then::End { reset: true }) => return wire.reset(),
                Ok(Then::End { reset: false }) | Err(NoRequest::Ended) => return,
                Err(NoRequest::Rubbish(what)) => {
                    let ports = self.ports;
                    return self
                        .open
                        .0
                        .complain(format!("on {ports:?} the client sent {what:?}"));
                }
            }
        }
    }

    async fn request(&self, wire: &mut Wire) -> Result<Then, NoRequest> {
        let ledger = &self.open.0;
        let head = wire.head().await?;
        let times = ledger.arrived(self.ports, head.id);
        let mut dice = Dice::new(ledger.seed ^ u64::from(times) << 40, !head.id);
        let fault = match self.mood {
            Mood::Calm => Fault::Nothing,
            Mood::Faulty => Fault::draw(&mut dice),
        };
        ledger.played(fault.name());
        // What follows a body that ends with its connection would belong to the body.
        let is_followed = matches!(fault, Fault::Twice | Fault::JunkLater);
        let may_close = self.mood == Mood::Faulty && !is_followed;
        let answer = Answer::draw(&mut dice, head.id, &head.method, may_close);
        if fault == Fault::Early {
            wire.write(&answer.bytes).await?;
            if !answer.closes {
                wire.body(&head).await?;
            }
        } else {
            // A client that waits for "100 Continue" in vain sends its body all the same.
            if head.expects && (self.mood == Mood::Calm || !dice.one_in(4)) {
                wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            self.check_body(&head, &wire.body(&head).await?);
            let then = play(wire, &mut dice, fault, &answer.bytes).await?;
            if let Then::End { .. } = then {
                return Ok(then);
            }
        }
        Ok(if answer.closes || head.says_close {
            Then::End { reset: false }
        } else {
            Then::GoOn
        })
    }

    /// A whole upload is the one that belongs to the request, from its start to its end.
    fn check_body(&self, head: &Head, body: &[u8]) {
        let ledger = &self.open.0;
        let plan = Plan::draw(ledger.seed, head.id, ledger.hosts);
        if body != pattern(head.id, plan.upload.bytes()) {
            let bytes = body.len();
            ledger.complain(format!(
                "the body of {bytes} bytes is not the one of {plan:?}"
            ));
        }
        if head.method != plan.method.as_str() {
            ledger.complain(format!("{} came for {plan:?}", head.method));
        }
    }
}

async fn play(
    wire: &mut Wire,
    dice: &mut Dice,
    fault: Fault,
    answer: &[u8],
) -> Result<Then, NoRequest> {
    match fault {
        Fault::Nothing | Fault::Early => wire.write(answer).await?,
        Fault::AnsweredThenEnded { reset, after } => {
            wire.write(answer).await?;
            if !wire.hears_within(after).await || dice.one_in(2) {
                return Ok(Then::End { reset });
            }
        }
        Fault::Delayed(time) => {
            tokio::time::sleep(time).await;
            wire.write(answer).await?;
        }
        Fault::Interim(count) => {
            for _ in 0..count {
                wire.write(b"HTTP/1.1 103 Early Hints\r\nx-id: none\r\n\r\n")
                    .await?;
            }
            wire.write(answer).await?;
        }
        Fault::Junk => wire.write(b"\0junk that is not HTTP\r\n\r\n").await?,
        Fault::JunkLater => {
            wire.write(answer).await?;
            tokio::time::sleep(Duration::from_micros(dice.below(1500) as u64)).await;
            wire.write(b"\0junk").await?;
        }
        Fault::Unanswered { reset } => return Ok(Then::End { reset }),
        Fault::Stalled => wire.until_closed().await,
        Fault::Torn => torn(wire, dice, answer).await?,
        Fault::Truncated { reset } => {
            wire.write(&answer[..dice.below(answer.len())]).await?;
            return Ok(Then::End { reset });
        }
        Fault::TruncatedThenStalled => {
            wire.write(&answer[..dice.below(answer.len())]).await?;
            wire.until_closed().await;
        }
        // In one piece: once the client has sent its next request, nobody could tell the copy from its answer.
        Fault::Twice if answer.len() <= ONE_PIECE => {
            wire.write(&[answer, answer].concat()).await?;
        }
        Fault::Twice => wire.write(answer).await?,
    }
    Ok(Then::GoOn)
}

async fn torn(wire: &mut Wire, dice: &mut Dice, answer: &[u8]) -> Result<(), NoRequest> {
    let mut rest = answer;
    let size = answer.len();
    while !rest.is_empty() {
        let longest = if dice.one_in(2) { 40 } else { size };
        let (piece, behind) = rest.split_at((1 + dice.below(longest)).min(rest.len()));
        wire.write(piece).await?;
        if size < 2000 || dice.one_in(20) {
            tokio::time::sleep(Duration::from_micros(dice.below(300) as u64)).await;
        }
        rest = behind;
    }
    Ok(())
}
