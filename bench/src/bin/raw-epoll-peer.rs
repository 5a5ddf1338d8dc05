//! `raw-epoll-peer`: what the machine gives at best. One thread, one epoll, the same bytes sent again and again, and
//! the bytes of the answers counted; no HTTP beyond the length of the first answer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use bytes::Bytes;
use http::Uri;
use keepwarm_bench::load::{Kind, Meter, warm_up};
use keepwarm_bench::{Outcome, main_with};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// Takes an answer of 64 KiB in one read.
const BUFFER: usize = 128 * 1024;
const EVENTS: usize = 256;

fn main() -> ExitCode {
    main_with(|words| match *words {
        [url, concurrency, requests, ref kind @ ..] => {
            let kind = Kind::read(kind)?;
            run(
                &url.parse()?,
                concurrency.parse()?,
                requests.parse()?,
                &kind,
            )
        }
        _ => Err("usage: raw-epoll-peer URL CONCURRENCY REQUESTS [stream | upload=BYTES]".into()),
    })
}

fn run(url: &Uri, concurrency: usize, requests: usize, kind: &Kind) -> Outcome<()> {
    let authority = url.authority().ok_or("a URL with a host")?.as_str();
    let request = request(url.path(), authority, kind);
    let mut buffer = vec![0; BUFFER];
    let answer = answer_length(authority, &request, &mut buffer)?;
    let mut limit = Limit::new(authority, concurrency, request, answer, buffer)?;
    limit.exchange(concurrency * warm_up(requests / concurrency.max(1)))?;
    let meter = Meter::start()?;
    limit.exchange(requests)?;
    meter.print("raw-epoll", requests)
}

fn request(path: &str, authority: &str, kind: &Kind) -> Vec<u8> {
    match kind {
        Kind::Fetch | Kind::Stream => {
            format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").into_bytes()
        }
        Kind::Upload(body) => upload(path, authority, body),
    }
}

fn upload(path: &str, authority: &str, body: &Bytes) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Bytes of one answer, head and body.
fn answer_length(authority: &str, request: &[u8], buffer: &mut [u8]) -> Outcome<usize> {
    let mut stream = TcpStream::connect(authority)?;
    stream.write_all(request)?;
    let mut have = 0;
    loop {
        have += match stream.read(&mut buffer[have..])? {
            0 => return Err("the server closed".into()),
            read => read,
        };
        let Some(end) = buffer[..have].windows(4).position(|it| it == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let body: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .ok_or("the answer has no content-length")?
            .trim()
            .parse()?;
        return Ok(end + 4 + body);
    }
}

struct Lane {
    stream: TcpStream,
    /// Bytes of the request still to be written.
    unwritten: usize,
    /// Bytes of the answer still to be read.
    unread: usize,
}

struct Limit {
    epoll: Epoll,
    lanes: Vec<Lane>,
    request: Vec<u8>,
    answer: usize,
    buffer: Vec<u8>,
}

impl Limit {
    fn new(
        authority: &str,
        concurrency: usize,
        request: Vec<u8>,
        answer: usize,
        buffer: Vec<u8>,
    ) -> Outcome<Self> {
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        let mut flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        if request.len() > BUFFER / 4 {
            // Such a request may not fit into the socket at once.
            flags |= EpollFlags::EPOLLOUT;
        }
        let mut lanes = Vec::new();
        for index in 0..concurrency {
            let stream = TcpStream::connect(authority)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll.add(&stream, EpollEvent::new(flags, u64::try_from(index)?))?;
            lanes.push(Lane {
                stream,
                unwritten: 0,
                unread: 0,
            });
        }
        Ok(Self {
            epoll,
            lanes,
            request,
            answer,
            buffer,
        })
    }

    /// So many requests over all lanes, and their answers.
    fn exchange(&mut self, requests: usize) -> Outcome<()> {
        let mut unsent = requests;
        let mut unanswered = requests;
        for lane in &mut self.lanes {
            if unsent > 0 {
                unsent -= 1;
                lane.start(&self.request, self.answer)?;
            }
        }
        let mut events = [EpollEvent::empty(); EVENTS];
        while unanswered > 0 {
            let ready = self.epoll.wait(&mut events, EpollTimeout::NONE)?;
            for event in &events[..ready] {
                let lane = &mut self.lanes[usize::try_from(event.data())?];
                if lane.unwritten > 0 {
                    lane.write(&self.request)?;
                }
                if event.events().contains(EpollFlags::EPOLLIN) && lane.read(&mut self.buffer)? {
                    unanswered -= 1;
                    if unsent > 0 {
                        unsent -= 1;
                        lane.start(&self.request, self.answer)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Lane {
    fn start(&mut self, request: &[u8], answer: usize) -> Outcome<()> {
        self.unwritten = request.len();
        self.unread = answer;
        self.write(request)
    }

    fn write(&mut self, request: &[u8]) -> Outcome<()> {
        while self.unwritten > 0 {
            match self
                .stream
                .write(&request[request.len() - self.unwritten..])
            {
                Ok(written) => self.unwritten -= written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether the answer is complete. A read that did not fill the buffer has emptied the socket.
    fn read(&mut self, buffer: &mut [u8]) -> Outcome<bool> {
        while self.unread > 0 {
            match self.stream.read(buffer) {
                Ok(0) => return Err("the server closed".into()),
                Ok(read) => {
                    self.unread = self.unread.saturating_sub(read);
                    if read < buffer.len() {
                        return Ok(self.unread == 0);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}
