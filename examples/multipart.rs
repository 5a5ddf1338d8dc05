//! A multipart upload (RFC 7578): a text and a file in one body, streamed and with its length told beforehand.
//!
//! `cargo run -p keepwarm-examples --example multipart`
//!
//! Any `http_body::Body` can be the body of a request. The form here is one: it holds its parts in order, reads the
//! file piece by piece, and knows how long it will be, so that it goes out with `Content-Length` and not in chunks,
//! which some servers refuse. (No crate stands for this: those there are have not been kept up with `http-body`.)

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::routing::post;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};
use keepwarm::{Client, RequestBody};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpListener;

/// Bytes of a file that are read at a time.
const PIECE: usize = 64 * 1024;

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// A form that is being sent.
struct Form {
    boundary: String,
    pieces: VecDeque<Piece>,
    /// Bytes of all pieces together.
    left: u64,
}

enum Piece {
    /// A part's head, its text, or the end of the form.
    Ready(Bytes),
    /// A part's content, and how much of it is still to come.
    Read(Reader, u64),
}

impl Form {
    fn new() -> Self {
        // The content must not hold it: 128 random bits do not turn up by chance.
        let random = || RandomState::new().hash_one("boundary");
        Self {
            boundary: format!("{:016x}{:016x}", random(), random()),
            pieces: VecDeque::new(),
            left: 0,
        }
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        let boundary = &self.boundary;
        let name = quoted(name);
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n");
        self.push(format!("{head}{value}\r\n"));
        self
    }

    /// A file of this many bytes; a file on disk knows them from its metadata.
    fn file(mut self, name: &str, file_name: &str, bytes: u64, content: Reader) -> Self {
        let boundary = &self.boundary;
        let (name, file_name) = (quoted(name), quoted(file_name));
        self.push(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name={name}; filename={file_name}\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        ));
        self.pieces.push_back(Piece::Read(content, bytes));
        self.left += bytes;
        self.push("\r\n".to_owned());
        self
    }

    fn end(mut self) -> Self {
        self.push(format!("--{}--\r\n", self.boundary));
        self
    }

    fn push(&mut self, text: String) {
        self.left += text.len() as u64;
        self.pieces.push_back(Piece::Ready(text.into()));
    }

    fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }
}

/// A name between quotes, as browsers write it (WHATWG HTML, multipart/form-data).
fn quoted(name: &str) -> String {
    let name = name.replace('"', "%22");
    let name = name.replace('\r', "%0D").replace('\n', "%0A");
    format!("\"{name}\"")
}

impl Body for Form {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let bytes = match self.pieces.front_mut() {
            None => return Poll::Ready(None),
            Some(Piece::Ready(bytes)) => {
                let bytes = std::mem::take(bytes);
                self.pieces.pop_front();
                bytes
            }
            Some(Piece::Read(reader, left)) => {
                let bytes = ready!(poll_piece(reader, *left, cx))?;
                *left -= bytes.len() as u64;
                if *left == 0 {
                    self.pieces.pop_front();
                }
                bytes
            }
        };
        self.left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The next bytes, no more than were promised. Fewer are an error: the length has been told already.
fn poll_piece(reader: &mut Reader, left: u64, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let size = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
    let mut buffer = vec![0; size];
    let mut read = ReadBuf::new(&mut buffer);
    ready!(reader.as_mut().poll_read(cx, &mut read))?;
    let filled = read.filled().len();
    if filled == 0 && size > 0 {
        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
    }
    buffer.truncate(filled);
    Poll::Ready(Ok(buffer.into()))
}

/// A part, as the server saw it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) bytes: usize,
    /// Its first twelve bytes.
    pub(crate) begins: String,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The parts, in the order in which they came.
    pub(crate) parts: Vec<Part>,
    /// The length of the body as the form knew it.
    pub(crate) length: u64,
    /// The length that the server was told.
    pub(crate) declared: Option<u64>,
    /// Connections that were opened.
    pub(crate) opened: u64,
}

/// The server: takes a form apart, and notes what it saw.
async fn take_apart(
    seen: Arc<Mutex<Outcome>>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<String, MultipartError> {
    let mut parts = Vec::new();
    while let Some(mut field) = form.next_field().await? {
        let mut part = Part {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            bytes: 0,
            begins: String::new(),
        };
        while let Some(chunk) = field.chunk().await? {
            let lacking = 12_usize.saturating_sub(part.begins.len());
            let begins = chunk.slice(..chunk.len().min(lacking));
            part.begins += &String::from_utf8_lossy(&begins);
            part.bytes += chunk.len();
        }
        parts.push(part);
    }
    let count = parts.len();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.parts = parts;
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    seen.declared = declared.and_then(|value| value.parse().ok());
    Ok(format!("{count} parts"))
}

pub(crate) async fn run() -> Result<Outcome, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/upload", listener.local_addr()?);
    let seen = Arc::new(Mutex::new(Outcome::default()));
    let notes = Arc::clone(&seen);
    let upload = post(async move |headers, form| take_apart(notes, headers, form).await);
    let router = Router::new()
        .route("/upload", upload)
        .layer(DefaultBodyLimit::disable());
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let bytes = 3_000_000;
    // In the place of a `tokio::fs::File`.
    let file = Box::pin(tokio::io::repeat(b'x').take(bytes));
    let form = Form::new()
        .text("title", "a long photo")
        .file("photo", "my \"best\" one.jpg", bytes, file)
        .end();
    let length = form.left;

    let client = Client::new();
    let response = client
        .post(url.as_str())
        .header(CONTENT_TYPE, form.content_type())
        .body(RequestBody::stream(form))
        .send()
        .await?;
    println!("{} on {}", response.status(), response.connection());
    println!("    {}", response.text().await?);

    let mut outcome = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    outcome.length = length;
    outcome.opened = client.stats().total().opened;
    server.abort();
    Ok(outcome)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outcome = run().await?;
    println!(
        "{} bytes, {:?} declared, {} connection",
        outcome.length, outcome.declared, outcome.opened
    );
    for part in &outcome.parts {
        println!(
            "    {} {:?}: {} bytes, {:?}…",
            part.name, part.file_name, part.bytes, part.begins
        );
    }
    Ok(())
}
