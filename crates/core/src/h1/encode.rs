//! Writing requests: heads and chunks.
//!
//! Owns the bytes that frame a request, so that they cannot contradict it. Refuses to know when they are sent.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, TRAILER, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderName, HeaderValue, Method};

use super::BodyLength;
use crate::origin::OriginRef;

/// What the `Host` line names (RFC 9110 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPort<'a> {
    /// The host, brackets of an IPv6 literal included.
    pub host: &'a str,
    /// The port; none when it is the scheme's own, which is not written.
    pub port: Option<u16>,
}

impl<'a> From<&OriginRef<'a>> for HostPort<'a> {
    fn from(origin: &OriginRef<'a>) -> Self {
        Self {
            host: origin.host,
            port: (origin.port != origin.scheme.default_port()).then_some(origin.port),
        }
    }
}

/// What a request's head says beside the caller's fields.
#[derive(Clone, Copy, Debug)]
pub struct HeadExtras<'a> {
    /// The `Host` line when the fields have none. None: no line is added.
    pub host: Option<HostPort<'a>>,
    /// Add `Connection: close`, unless the fields say it.
    pub close: bool,
    /// How the body is framed. The caller's own `Content-Length` and `Transfer-Encoding` are not written.
    pub length: BodyLength,
    /// Add `Expect: 100-continue`, unless the fields have an `Expect`.
    pub expect_continue: bool,
    /// The `User-Agent` line when the fields have none. None: no line is added.
    pub user_agent: Option<&'a str>,
}

/// Which of the lines that we might add are among the caller's fields.
#[derive(Default)]
struct Present {
    close: bool,
    expect: bool,
    host: bool,
    user_agent: bool,
}

impl Present {
    fn of(headers: &HeaderMap) -> Self {
        let mut present = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                present.host = true;
            } else if *name == USER_AGENT {
                present.user_agent = true;
            } else if *name == CONNECTION {
                present.close |= has_token(value, b"close");
            } else if *name == EXPECT {
                present.expect = true;
            }
        }
        present
    }
}

/// Whether the `Connection` fields hold this token, in whatever case (RFC 9110 §7.6.1).
pub fn connection_says(headers: &HeaderMap, token: &str) -> bool {
    let mut values = headers.get_all(CONNECTION).iter();
    values.any(|value| has_token(value, token.as_bytes()))
}

fn has_token(value: &HeaderValue, token: &[u8]) -> bool {
    value
        .as_bytes()
        .split(|&byte| byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

/// Writes a request's head: request line, `Host` first, what framing needs, the caller's fields.
///
/// `target` is written as it is; it must be one of the four forms of RFC 9112 §3.2 and hold neither blanks
/// nor control bytes, as those of `http::Uri` do. An empty body is announced for POST, PUT and PATCH only, as in Go.
#[inline]
pub fn request_head(
    out: &mut Vec<u8>,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    extras: &HeadExtras<'_>,
) {
    let present = Present::of(headers);
    out.reserve(256);
    //= RFC 9112 §2.2: no empty line before a request; §3.1: a method keeps its letters.
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    if target.starts_with('?') {
        //= RFC 9112 §3.2.1: an empty path is sent as "/".
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    //= RFC 9112 §2.3: the version is the highest that we conform to.
    out.extend_from_slice(b" HTTP/1.1\r\n");
    //= RFC 9110 §7.2: every request has a Host, best as its first field.
    if present.host {
        for value in headers.get_all(HOST) {
            line(out, b"host", value.as_bytes());
        }
    } else if let Some(host) = &extras.host {
        host_line(out, host);
    }
    if !present.user_agent
        && let Some(user_agent) = extras.user_agent
    {
        line(out, b"user-agent", user_agent.as_bytes());
    }
    //= RFC 9112 §9.3: who wants no persistence says `close` in every request.
    if extras.close && !present.close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    length_line(out, method, extras.length);
    if extras.expect_continue && !present.expect {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    //= RFC 9112 §6.2: never Content-Length beside Transfer-Encoding; §11.2: only our own lines frame.
    //= RFC 9110 §10.1.1: a request without content must not expect 100.
    let is_ours = |name: &HeaderName| {
        *name == HOST
            || *name == CONTENT_LENGTH
            || *name == TRANSFER_ENCODING
            || (*name == EXPECT && extras.length == BodyLength::Empty)
    };
    for (name, value) in headers {
        if !is_ours(name) {
            line(out, name.as_str().as_bytes(), value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn host_line(out: &mut Vec<u8>, host: &HostPort<'_>) {
    out.extend_from_slice(b"host: ");
    out.extend_from_slice(host.host.as_bytes());
    if let Some(port) = host.port {
        out.push(b':');
        decimal(out, u64::from(port));
    }
    out.extend_from_slice(b"\r\n");
}

fn length_line(out: &mut Vec<u8>, method: &Method, length: BodyLength) {
    match length {
        BodyLength::Empty => {
            //= RFC 9110 §8.6: Content-Length 0 is for methods whose semantics anticipate a body.
            if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
                out.extend_from_slice(b"content-length: 0\r\n");
            }
        }
        //= RFC 9112 §6.3: content is declared, by its length if that is known.
        BodyLength::Known(length) => {
            out.extend_from_slice(b"content-length: ");
            decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        //= RFC 9112 §6.1: chunked is the last coding, applied once. Whether the server speaks 1.1 is not asked:
        //= nothing else can carry a body of unknown length.
        BodyLength::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}

fn decimal(out: &mut Vec<u8>, number: u64) {
    digits::<10>(out, number);
}

fn digits<const BASE: u64>(out: &mut Vec<u8>, mut number: u64) {
    // A number in decimal has at most 20 digits.
    let mut text = [0_u8; 20];
    let mut from = text.len();
    loop {
        from -= 1;
        text[from] = b"0123456789abcdef"[(number % BASE) as usize];
        number /= BASE;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[from..]);
}

/// Writes what stands before a chunk's data. An empty chunk would end the body: nothing is written for it.
pub fn chunk_head(out: &mut Vec<u8>, length: usize) {
    if length > 0 {
        //= RFC 9112 §7.1.1: no blanks and no extensions are sent.
        digits::<16>(out, length as u64);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes what stands behind a chunk's data.
pub fn chunk_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a chunked body. Fields that must not be trailers (RFC 9110 §6.5.1) are left out.
pub fn last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if may_trail(name) {
            line(out, name.as_str().as_bytes(), value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn may_trail(name: &HeaderName) -> bool {
    ![CONNECTION, CONTENT_LENGTH, HOST, TRAILER, TRANSFER_ENCODING].contains(name)
}
