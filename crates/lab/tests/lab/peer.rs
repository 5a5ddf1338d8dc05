//! Owns a raw client for the tests: sends bytes, and reads answers as far as a test needs.

use std::io;
use std::time::Duration;

use keepwarm_lab::Lab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BOUND: Duration = Duration::from_secs(10);

/// One request without a body.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: lab\r\n\r\n")
}

/// The head of a request whose body has this length.
pub(crate) fn post(target: &str, length: usize, more: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n{more}\r\n")
}

/// A raw connection to a lab.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

impl Peer {
    pub(crate) async fn connect(lab: &Lab) -> Self {
        let stream = TcpStream::connect(lab.addr()).await.expect("connects");
        let received = Vec::new();
        Self { stream, received }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.stream.write_all(bytes.as_ref()).await;
        sent.expect("the lab takes the bytes");
    }

    /// Reads up to and with the marker.
    pub(crate) async fn until(&mut self, marker: &str) -> String {
        let marker = marker.as_bytes();
        loop {
            let mut windows = self.received.windows(marker.len());
            if let Some(at) = windows.position(|window| window == marker) {
                let taken = self.received.drain(..at + marker.len()).collect();
                return String::from_utf8(taken).expect("text");
            }
            let count = self.more().await.expect("no error before the marker");
            assert!(count > 0, "ended early: {:?}", self.received);
        }
    }

    /// Reads exactly so many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> String {
        while self.received.len() < count {
            let more = self.more().await.expect("no error before the count");
            assert!(more > 0, "ended early: {:?}", self.received);
        }
        let taken = self.received.drain(..count).collect();
        String::from_utf8(taken).expect("text")
    }

    /// Reads a head, and the body its `Content-Length` announces.
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await;
        let length = head.lines().find_map(|line| {
            let value = line.strip_prefix("Content-Length: ")?;
            value.parse().ok()
        });
        let body = self.exactly(length.unwrap_or(0)).await;
        (head, body)
    }

    /// Sends a GET and reads its answer.
    pub(crate) async fn exchange(&mut self, target: &str) -> (String, String) {
        self.send(get(target)).await;
        self.answer().await
    }

    /// Reads to the end of the stream: what came, and whether it ended with FIN.
    pub(crate) async fn rest(&mut self) -> (String, io::Result<()>) {
        let end = loop {
            match self.more().await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        let taken = std::mem::take(&mut self.received);
        (String::from_utf8(taken).expect("text"), end)
    }

    /// Reads to a FIN with nothing before it.
    pub(crate) async fn closes(&mut self) {
        let (rest, end) = self.rest().await;
        end.expect("a FIN");
        assert_eq!(rest, "");
    }

    /// Reads to an RST with nothing before it.
    pub(crate) async fn resets(&mut self) {
        let (rest, end) = self.rest().await;
        let error = end.expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(rest, "");
    }

    async fn more(&mut self) -> io::Result<usize> {
        let read = self.stream.read_buf(&mut self.received);
        tokio::time::timeout(BOUND, read)
            .await
            .expect("the lab does something within the bound")
    }
}
