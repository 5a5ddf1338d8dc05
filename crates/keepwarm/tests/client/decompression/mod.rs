//! Decompression, through the public `Client`: what is asked for, what is decoded, and what becomes of the connection.
//!
//! Owns the encoding of bodies with the encoders of the same crates. Refuses to decode.

mod asking;
mod codings;
#[cfg(feature = "gzip")]
mod connections;
#[cfg(feature = "gzip")]
mod gzip;

use keepwarm::{Client, Config, Response};
use keepwarm_lab::Lab;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::common::{answering, build};

/// A client that decodes.
fn client() -> Client {
    build(config())
}

fn config() -> Config {
    Client::builder().decompress(true)
}

/// Everything a reader gives.
async fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    reader
        .read_to_end(&mut all)
        .await
        .expect("memory does not fail");
    all
}

/// `200 OK` with a coded body.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\nX-Kept: 1\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The same in chunks of so many bytes.
fn chunked(coding: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut all = head.into_bytes();
    for chunk in body.chunks(size) {
        all.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        all.extend(chunk);
        all.extend(b"\r\n");
    }
    all.extend(b"0\r\n\r\n");
    all
}

/// The answer of a lab that gives nothing but these bytes.
async fn answer(client: &Client, bytes: Vec<u8>) -> Response {
    let lab = Lab::start(answering(bytes)).await;
    client.get(lab.url("/")).send().await.expect("a head")
}

/// Text that is neither all alike nor random, and longer than any buffer.
fn text() -> Vec<u8> {
    (0..40_000_u32)
        .flat_map(|number| {
            format!("{number} {}\n", number.wrapping_mul(2_654_435_761)).into_bytes()
        })
        .collect()
}
