//! `Wire`: a connection in memory, and the peer at its other end, which reads requests and says what it is told to.
//!
//! Owns the account of what was asked and answered on it, and the promises that concern one connection: requests are
//! well-formed, one follows the other, and none is written behind what the peer said when nobody had asked.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::script::Form;

/// A connection.
pub(crate) struct Wire(Mutex<State>);

/// The client's end.
pub(crate) struct ClientEnd(pub(crate) Arc<Wire>);

/// A request that has no answer yet.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    is_head: bool,
    is_upgrade: bool,
}

/// What comes next of what the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    /// Not HTTP: the protocol was switched.
    Anything,
}

/// How the peer ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Closed,
    Reset,
}

struct State {
    to_client: VecDeque<Vec<u8>>,
    ending: Option<Ending>,
    reader: Option<Waker>,
    /// How many bytes the peer still takes; none: any number.
    window: Option<usize>,
    writer: Option<Waker>,
    /// The client has begun to write and waits for room: what the peer says now comes too late to be noticed.
    is_writing: bool,
    from_client: Vec<u8>,
    expected: Expected,
    asked: VecDeque<Asked>,
    /// The paths of all requests whose head arrived.
    arrivals: Vec<String>,
    /// Nothing but answers was ever said.
    is_honest: bool,
    /// One of its answers said `close`.
    said_close: bool,
    /// It spoke, or ended, when nothing was asked: the client must notice before it writes.
    spoke_when_idle: bool,
    is_dropped: bool,
}

impl Wire {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            to_client: VecDeque::new(),
            ending: None,
            reader: None,
            window: None,
            writer: None,
            is_writing: false,
            from_client: Vec::new(),
            expected: Expected::Head,
            asked: VecDeque::new(),
            arrivals: Vec::new(),
            is_honest: true,
            said_close: false,
            spoke_when_idle: false,
            is_dropped: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client still holds it.
    pub(crate) fn is_open(&self) -> bool {
        !self.lock().is_dropped
    }

    /// Whether all that was said on it were answers to what was asked.
    pub(crate) fn is_honest(&self) -> bool {
        self.lock().is_honest
    }

    /// How often a request for this path arrived.
    pub(crate) fn arrivals(&self, path: &str) -> usize {
        let state = self.lock();
        state.arrivals.iter().filter(|it| *it == path).count()
    }

    /// Answers the oldest request, if there is one.
    pub(crate) fn answer(&self, form: Form, piece: usize) {
        let mut state = self.lock();
        if state.ending.is_some() {
            return;
        }
        let Some(asked) = state.asked.pop_front() else {
            return;
        };
        let (answer, closes) = answer(&asked, form);
        if form == Form::Switch && asked.is_upgrade {
            state.expected = Expected::Anything;
        }
        let size = if piece == 0 { answer.len() } else { piece };
        for piece in answer.chunks(size.max(answer.len() / 64)) {
            state.to_client.push_back(piece.to_vec());
        }
        if closes {
            state.said_close = true;
            state.ending = Some(Ending::Closed);
        }
        state.wake_reader();
    }

    /// Says `100 Continue`, if a request is there.
    pub(crate) fn go_on(&self) {
        let mut state = self.lock();
        if !state.asked.is_empty() && state.ending.is_none() {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
            state.to_client.push_back(interim);
            state.wake_reader();
        }
    }

    /// Says anything at all.
    pub(crate) fn say(&self, pieces: Vec<Vec<u8>>) {
        let mut state = self.lock();
        if state.ending.is_some() {
            return;
        }
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            state.spoke_when_idle |= state.is_idle();
            state.is_honest = false;
            state.to_client.push_back(piece);
        }
        state.wake_reader();
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.ending.is_none() {
            state.spoke_when_idle |= state.has_served();
            state.ending = Some(Ending::Closed);
        }
        state.wake_reader();
    }

    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.spoke_when_idle |= state.has_served();
        state.ending = Some(Ending::Reset);
        state.to_client.clear();
        state.wake_reader();
        state.wake_writer();
    }

    pub(crate) fn set_window(&self, bytes: usize) {
        let mut state = self.lock();
        state.window = Some(bytes);
        state.wake_writer();
    }
}

impl State {
    /// Nothing is asked and nothing is on its way here.
    fn is_idle(&self) -> bool {
        let is_quiet = self.asked.is_empty() && self.from_client.is_empty() && !self.is_writing;
        is_quiet && self.is_honest && self.expected == Expected::Head
    }

    /// It is idle and was not before: a new connection that ends is met by its first request.
    fn has_served(&self) -> bool {
        self.is_idle() && !self.arrivals.is_empty()
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        assert!(
            !self.spoke_when_idle,
            "a request on a connection whose peer had spoken: {}",
            bytes.escape_ascii()
        );
        if self.expected == Expected::Anything {
            return;
        }
        self.from_client.extend_from_slice(bytes);
        while self.take_one() {}
    }

    /// Takes one thing out of what the client sent; false when more is needed.
    fn take_one(&mut self) -> bool {
        match self.expected {
            Expected::Head => self.take_head(),
            Expected::Body(left) => {
                let left = self.take_data(left);
                self.expected = match left {
                    0 => Expected::Head,
                    left => Expected::Body(left),
                };
                left == 0
            }
            Expected::Chunk(left) => {
                let left = self.take_data(left);
                self.expected = match left {
                    0 => Expected::ChunkSize,
                    left => Expected::Chunk(left),
                };
                left == 0
            }
            Expected::ChunkSize => self.take_chunk_size(),
            Expected::Anything => false,
        }
    }

    fn take_data(&mut self, left: u64) -> u64 {
        let here = self.from_client.len();
        let count = usize::try_from(left).map_or(here, |left| left.min(here));
        self.from_client.drain(..count);
        left - count as u64
    }

    /// A size line, or the line end behind a chunk's data.
    fn take_chunk_size(&mut self) -> bool {
        let Some(end) = find(&self.from_client, b"\r\n") else {
            return false;
        };
        let line: Vec<u8> = self.from_client.drain(..end + 2).collect();
        let text = std::str::from_utf8(&line[..end]).expect("a size line");
        if text.is_empty() {
            return true;
        }
        let size = u64::from_str_radix(text, 16).expect("a size");
        // The blank line behind the last size is taken as the line end of a chunk without data.
        self.expected = if size == 0 {
            Expected::Body(2)
        } else {
            Expected::Chunk(size)
        };
        true
    }

    fn take_head(&mut self) -> bool {
        let Some(end) = find(&self.from_client, b"\r\n\r\n") else {
            return false;
        };
        let head: Vec<u8> = self.from_client.drain(..end + 4).collect();
        let text = std::str::from_utf8(&head[..end]).expect("a request's head is text");
        let mut lines = text.split("\r\n");
        let start: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, path, "HTTP/1.1"] = start[..] else {
            panic!("no request line: {text:?}");
        };
        if self.is_honest {
            assert!(self.asked.is_empty(), "a second request: {text:?}");
            assert!(!self.said_close, "a request after close: {text:?}");
        }
        let mut is_upgrade = false;
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header line");
            match name {
                "content-length" => {
                    let length = value.parse().expect("a length");
                    self.expected = Expected::Body(length);
                }
                "transfer-encoding" => self.expected = Expected::ChunkSize,
                "upgrade" => is_upgrade = true,
                _ => {}
            }
        }
        self.arrivals.push(path.to_owned());
        self.asked.push_back(Asked {
            path: path.to_owned(),
            is_head: method == "HEAD",
            is_upgrade,
        });
        true
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(wanted.len());
    windows.position(|window| window == wanted)
}

/// The body of every honest answer to a request for this path.
pub(crate) fn body_of(path: &str) -> String {
    format!("the body of {path}")
}

/// The bytes of an honest answer, and whether the peer closes behind it.
fn answer(asked: &Asked, form: Form) -> (Vec<u8>, bool) {
    let path = &asked.path;
    let body = body_of(path);
    let size = body.len();
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\nx-id: {path}\r\n{fields}\r\n");
    let (head, body, closes) = match form {
        Form::Chunked => {
            let (one, two) = body.split_at(size / 2);
            let chunks = format!(
                "{:x}\r\n{one}\r\n{:X};a=b\r\n{two}\r\n0\r\nt: v\r\n\r\n",
                one.len(),
                two.len()
            );
            (head("transfer-encoding: chunked\r\n"), chunks, false)
        }
        Form::UntilClose => (head(""), body, true),
        Form::Last => {
            let fields = format!("content-length: {size}\r\nconnection: close\r\n");
            (head(&fields), body, true)
        }
        Form::Interim => {
            let fields = format!("content-length: {size}\r\n");
            let interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".to_owned();
            (interim + &head(&fields), body, false)
        }
        Form::NoContent => {
            let head = head("").replace("200 OK", "204 No Content");
            (head, String::new(), false)
        }
        Form::Switch if asked.is_upgrade => {
            let head = head("connection: upgrade\r\nupgrade: x\r\n");
            let head = head.replace("200 OK", "101 Switching Protocols");
            (head, "raw".to_owned(), false)
        }
        Form::Hint => {
            let hint = "keep-alive: timeout=1, max=2\r\n";
            let fields = format!("content-length: {size}\r\n{hint}");
            (head(&fields), body, false)
        }
        Form::Length | Form::Switch => {
            let fields = format!("content-length: {size}\r\n");
            (head(&fields), body, false)
        }
    };
    let mut bytes = head.into_bytes();
    if !asked.is_head {
        bytes.extend_from_slice(body.as_bytes());
    }
    (bytes, closes)
}

impl AsyncRead for ClientEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if let Some(mut piece) = state.to_client.pop_front() {
            let count = piece.len().min(room.remaining());
            room.put_slice(&piece[..count]);
            piece.drain(..count);
            if !piece.is_empty() {
                state.to_client.push_front(piece);
            }
            return Poll::Ready(Ok(()));
        }
        match state.ending {
            Some(Ending::Closed) => Poll::Ready(Ok(())),
            Some(Ending::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.ending == Some(Ending::Reset) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let room = state.window.unwrap_or(bytes.len());
        state.is_writing = room == 0;
        if state.is_writing {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = room.min(bytes.len());
        state.window = state.window.map(|window| window - count);
        state.take(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.0.lock().is_dropped = true;
    }
}
