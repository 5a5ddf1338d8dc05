//! `Peer`: an HTTP/2 server in the clear whose frames are written by hand, on threads of its own.
//!
//! Owns the reading of frames and the moment of what it does. Refuses to check anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

/// END_STREAM, and the acknowledgement of SETTINGS and PING.
const END: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` in HPACK's static table.
const OK: &[u8] = &[0x88];
/// Where a client's first frame begins.
const PREFACE: usize = 24;

/// How it ends idle connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    Fin,
    Reset,
    GoAwayThenFin,
    /// GOAWAY twice, so long apart, then FIN.
    TwoGoAways(Duration),
    /// GOAWAY, and then it waits for the client to close.
    GoAwayAndStay,
    /// A frame of DATA for nobody.
    Stray,
    /// Frames of a kind that nobody knows, and that have to be ignored, without end.
    Chatter,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Good,
    /// These bytes, and then nothing.
    Bytes(Vec<u8>),
    /// These bytes again and again, until nobody takes them.
    Flood(Vec<u8>),
}

/// What it does.
#[derive(Clone, Debug)]
pub(crate) struct Conduct {
    /// The payload of its SETTINGS.
    pub(crate) settings: Vec<u8>,
    pub(crate) idle: Option<Duration>,
    pub(crate) farewell: Farewell,
    /// Whether a PING begins the idle time anew.
    pub(crate) ping_counts: bool,
    /// PINGs on a connection after which it says GOAWAY with ENHANCE_YOUR_CALM.
    pub(crate) most_pings: u32,
    /// GOAWAY comes with the answer to this request.
    pub(crate) max_requests: Option<u32>,
    /// The error code of that GOAWAY.
    pub(crate) code: u32,
    pub(crate) answer: Answer,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            idle: None,
            farewell: Farewell::GoAwayThenFin,
            ping_counts: false,
            most_pings: u32::MAX,
            max_requests: None,
            code: 0,
            answer: Answer::Good,
        }
    }
}

impl Conduct {
    pub(crate) fn streams(most: u32) -> Self {
        let settings = [&[0, 3][..], &most.to_be_bytes()].concat();
        Self {
            settings,
            ..Self::default()
        }
    }

    pub(crate) fn idle(millis: u64, farewell: Farewell) -> Self {
        Self {
            idle: Some(Duration::from_millis(millis)),
            farewell,
            ..Self::streams(128)
        }
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn go_away(last_stream: u32, code: u32) -> Vec<u8> {
    let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// Starts one that lives as long as the test's process; its URL.
pub(crate) fn start(conduct: Conduct) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let conduct = conduct.clone();
            std::thread::spawn(move || Connection::new(socket, conduct).serve());
        }
    });
    format!("http://{address}/")
}

struct Connection {
    socket: TcpStream,
    conduct: Conduct,
    /// What was read and not yet taken.
    read: Vec<u8>,
    answers: u32,
    pings: u32,
    last_stream: u32,
    idle_since: Option<Instant>,
}

/// A frame of the client's: kind, flags, stream, payload.
type Frame = (u8, u8, u32, Vec<u8>);

impl Connection {
    fn new(socket: TcpStream, conduct: Conduct) -> Self {
        Self {
            socket,
            conduct,
            read: Vec::new(),
            answers: 0,
            pings: 0,
            last_stream: 0,
            idle_since: None,
        }
    }

    /// None when the connection is over.
    fn serve(mut self) -> Option<()> {
        self.socket.set_nodelay(true).ok()?;
        while self.read.len() < PREFACE {
            self.more(None)?;
        }
        self.read.drain(..PREFACE);
        let settings = frame(SETTINGS, 0, 0, &self.conduct.settings);
        self.say(&settings)?;
        loop {
            let deadline = self.idle_since.zip(self.conduct.idle);
            let deadline = deadline.map(|(since, idle)| since + idle);
            match self.next(deadline)? {
                Some(frame) => self.take(&frame)?,
                None => return self.leave(),
            }
        }
    }

    fn take(&mut self, (kind, flags, stream, payload): &Frame) -> Option<()> {
        match *kind {
            SETTINGS if flags & END == 0 => self.say(&frame(SETTINGS, END, 0, &[])),
            PING if flags & END == 0 => {
                self.pings += 1;
                self.say(&frame(PING, END, 0, payload))?;
                if self.pings >= self.conduct.most_pings {
                    self.say(&go_away(self.last_stream, 11))?;
                    return None;
                }
                if self.conduct.ping_counts {
                    self.idle_since = Some(Instant::now());
                }
                Some(())
            }
            HEADERS => {
                self.last_stream = *stream;
                self.answer(*stream)
            }
            _ => Some(()),
        }
    }

    fn answer(&mut self, stream: u32) -> Option<()> {
        match self.conduct.answer.clone() {
            Answer::Good => {}
            Answer::Bytes(bytes) => {
                self.say(&bytes)?;
                return self.drain();
            }
            Answer::Flood(bytes) => loop {
                self.say(&bytes)?;
            },
        }
        self.answers += 1;
        let is_last = self.conduct.max_requests == Some(self.answers);
        let mut said = Vec::new();
        let two = match self.conduct.farewell {
            Farewell::TwoGoAways(apart) => Some(apart),
            _ => None,
        };
        if is_last {
            let last = if two.is_some() { 0x7fff_ffff } else { stream };
            said.extend(go_away(last, self.conduct.code));
        }
        said.extend(frame(HEADERS, END_HEADERS, stream, OK));
        said.extend(frame(DATA, END, stream, b"ok"));
        self.say(&said)?;
        self.idle_since = Some(Instant::now());
        if is_last {
            if let Some(apart) = two {
                std::thread::sleep(apart);
                self.say(&go_away(stream, 0))?;
            }
            return None;
        }
        Some(())
    }

    fn leave(mut self) -> Option<()> {
        let last = self.last_stream;
        match self.conduct.farewell {
            Farewell::Fin => {}
            Farewell::Reset => {
                let socket = socket2::SockRef::from(&self.socket);
                socket.set_linger(Some(Duration::ZERO)).ok()?;
            }
            Farewell::GoAwayThenFin => self.say(&go_away(last, 0))?,
            Farewell::TwoGoAways(apart) => {
                self.say(&go_away(0x7fff_ffff, 0))?;
                std::thread::sleep(apart);
                self.say(&go_away(last, 0))?;
            }
            Farewell::GoAwayAndStay => {
                self.say(&go_away(last, 0))?;
                return self.drain();
            }
            Farewell::Chatter => loop {
                self.say(&frame(0xbb, 0, 0, &[0; 1000]))?;
            },
            Farewell::Stray => self.say(&frame(DATA, 0, 99, b"?"))?,
        }
        None
    }

    /// Reads until the client is gone.
    fn drain(&mut self) -> Option<()> {
        self.socket.set_read_timeout(None).ok()?;
        loop {
            self.read.clear();
            self.more(None)?;
        }
    }

    fn say(&mut self, bytes: &[u8]) -> Option<()> {
        self.socket.write_all(bytes).ok()
    }

    /// The next frame; none within when it did not come in time.
    fn next(&mut self, deadline: Option<Instant>) -> Option<Option<Frame>> {
        loop {
            if let Some(frame) = self.whole() {
                return Some(Some(frame));
            }
            if !self.more(deadline)? {
                return Some(None);
            }
        }
    }

    fn whole(&mut self) -> Option<Frame> {
        let head: [u8; 9] = self.read.get(..9)?.try_into().ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let payload = self.read.get(9..9 + length)?.to_vec();
        self.read.drain(..9 + length);
        Some((kind, flags, u32::from_be_bytes(stream), payload))
    }

    /// Reads more; false when nothing came until the deadline.
    fn more(&mut self, deadline: Option<Instant>) -> Option<bool> {
        let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Some(false);
        }
        self.socket.set_read_timeout(left).ok()?;
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.read.extend(&buffer[..count]);
                Some(true)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Some(false),
                _ => None,
            },
        }
    }
}
