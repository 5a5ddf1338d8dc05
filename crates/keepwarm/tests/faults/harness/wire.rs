//! `Wire`: the server's end of a connection, with a request reader of its own.
//!
//! Owns reading heads and bodies as bytes. It shares no parser with the client. Refuses to know what is answered.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No request of the bench has a longer head.
const LONGEST_HEAD: usize = 4096;

/// One connection, and what was read ahead.
pub(crate) struct Wire {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// A request's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) id: u64,
    pub(crate) length: Option<usize>,
    pub(crate) is_chunked: bool,
    pub(crate) expects: bool,
    pub(crate) says_close: bool,
}

/// What came instead of a request.
#[derive(Debug)]
pub(crate) enum NoRequest {
    /// The connection ended.
    Ended,
    /// Bytes that are no request: the client lost its place.
    Rubbish(String),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    async fn more(&mut self) -> Result<(), NoRequest> {
        if self.stream.read_buf(&mut self.ahead).await? == 0 {
            return Err(NoRequest::Ended);
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String, NoRequest> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).take(end).collect();
                return String::from_utf8(line)
                    .map_err(|error| NoRequest::Rubbish(format!("{error}")));
            }
            if self.ahead.len() > LONGEST_HEAD {
                let start = String::from_utf8_lossy(&self.ahead[..200]).into_owned();
                return Err(NoRequest::Rubbish(start));
            }
            self.more().await?;
        }
    }

    /// The next request's head.
    pub(crate) async fn head(&mut self) -> Result<Head, NoRequest> {
        let start = self.line().await?;
        let mut words = start.split(' ');
        let (method, path, version) = (words.next(), words.next(), words.next());
        let id = path.and_then(|path| path.strip_prefix("/x/")?.parse().ok());
        let (Some(method), Some(id), Some("HTTP/1.1")) = (method, id, version) else {
            return Err(NoRequest::Rubbish(start));
        };
        let mut head = Head {
            method: method.to_owned(),
            id,
            length: None,
            is_chunked: false,
            expects: false,
            says_close: false,
        };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(head);
            }
            let Some((name, value)) = line.split_once(": ") else {
                return Err(NoRequest::Rubbish(line));
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.is_chunked = value == "chunked",
                "expect" => head.expects = value == "100-continue",
                "connection" => head.says_close = value == "close",
                _ => {}
            }
        }
    }

    async fn take(&mut self, bytes: usize, into: &mut Vec<u8>) -> Result<(), NoRequest> {
        while self.ahead.len() < bytes {
            self.more().await?;
        }
        into.extend(self.ahead.drain(..bytes));
        Ok(())
    }

    /// The body behind that head.
    pub(crate) async fn body(&mut self, head: &Head) -> Result<Vec<u8>, NoRequest> {
        let mut body = Vec::new();
        if !head.is_chunked {
            self.take(head.length.unwrap_or(0), &mut body).await?;
            return Ok(body);
        }
        loop {
            let line = self.line().await?;
            let Ok(size) = usize::from_str_radix(&line, 16) else {
                return Err(NoRequest::Rubbish(format!("chunk size {line:?}")));
            };
            self.take(size, &mut body).await?;
            let end = self.line().await?;
            if !end.is_empty() {
                return Err(NoRequest::Rubbish(format!("chunk end {end:?}")));
            }
            if size == 0 {
                return Ok(body);
            }
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), NoRequest> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads and forgets until the client ends the connection.
    pub(crate) async fn until_closed(&mut self) {
        while self.more().await.is_ok() {
            self.ahead.clear();
        }
    }

    /// Whether the client says something within this time.
    pub(crate) async fn hears_within(&mut self, time: Duration) -> bool {
        !self.ahead.is_empty() || tokio::time::timeout(time, self.more()).await.is_ok()
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        // A socket that is gone already needs no reset.
        let _gone = socket.set_linger(Some(Duration::ZERO));
    }
}
