//! The engine against a lenient reader of the kind that is widely used: the same head grammar (httparse, as in hyper),
//! `chunked` before `Content-Length`, line ends and chunk sizes forgiven.
//!
//! What the engine accepts, the lenient reader understands alike: no answer means two things. What only the lenient
//! reader accepts is refused for one of the reasons listed in [`STRICTER`].

use bytes::BytesMut;
use http::HeaderMap;
use keepwarm_core::h1::{BodyLength, Exchange, Limits, Received, RequestShape};
use keepwarm_core::reason::ProtocolFault as Fault;
use proptest::collection::vec;
use proptest::prelude::*;

/// What the engine refuses and lenient readers let through.
const STRICTER: &[Fault] = &[
    // LF alone, or something else, behind a chunk's data.
    Fault::ChunkEnd,
    // Blanks, LF alone, more than sixteen digits.
    Fault::ChunkSize,
    // Lenient readers take the first length, or what of it is a number.
    Fault::Length,
    // They let the coding win: the classic of smuggling.
    Fault::LengthAndChunked,
    Fault::LengthsDiffer,
    // Empty lines before the status line.
    Fault::NotHttp,
    // Fields that must not be trailers; LF alone.
    Fault::Trailer,
    // Codings before `chunked`; `chunked` twice; HTTP/1.0.
    Fault::TransferEncoding,
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// In lower case, sorted by name; values of one name in their order.
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn sorted(mut fields: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

fn strict(stream: &[u8]) -> Result<Answer, Fault> {
    let shape = RequestShape {
        head: false,
        connect: false,
        close: false,
        upgrade: false,
        expect_continue: false,
        body: BodyLength::Empty,
    };
    let mut exchange = Exchange::new(shape, Limits::default());
    exchange.on_head_sent();
    let mut buffer = BytesMut::from(stream);
    let (mut status, mut fields, mut body) = (0, Vec::new(), Vec::new());
    loop {
        let received = match exchange.receive(&mut buffer)? {
            Some(received) => received,
            None => exchange.receive_end(buffer.len())?,
        };
        match received {
            Received::Head(head) => {
                status = head.status.as_u16();
                let headers: &HeaderMap = &head.headers;
                fields = headers
                    .iter()
                    .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                    .collect();
            }
            Received::Data(data) => body.extend_from_slice(&data),
            Received::Interim(_) | Received::Trailers(_) => {}
            Received::End | Received::Switched(_) => break,
        }
    }
    let fields = sorted(fields);
    Ok(Answer {
        status,
        fields,
        body,
    })
}

/// None: it cannot make an answer of it either.
fn lenient(mut stream: &[u8]) -> Option<Answer> {
    loop {
        let mut room = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut room);
        let Ok(httparse::Status::Complete(length)) = head.parse(stream) else {
            return None;
        };
        let (status, version) = (head.code?, head.version?);
        stream = &stream[length..];
        if status == 101 || status < 100 {
            return None;
        }
        if status < 200 {
            continue;
        }
        let fields: Vec<_> = head
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
            .collect();
        let body = lenient_body(status, version, &fields, stream)?;
        let fields = sorted(fields);
        return Some(Answer {
            status,
            fields,
            body,
        });
    }
}

fn lenient_body(
    status: u16,
    version: u8,
    fields: &[(String, Vec<u8>)],
    rest: &[u8],
) -> Option<Vec<u8>> {
    if status == 204 || status == 304 {
        return Some(Vec::new());
    }
    let last = |name: &str| {
        let mut values = fields.iter().filter(|field| field.0 == name);
        values.next_back().map(|field| field.1.to_ascii_lowercase())
    };
    if let Some(codings) = last("transfer-encoding")
        && version == 1
        && codings.ends_with(b"chunked")
    {
        return lenient_chunks(rest);
    }
    let Some(length) = last("content-length") else {
        return Some(rest.to_vec());
    };
    let first = length.split(|&byte| byte == b',').next()?.trim_ascii();
    let length: usize = std::str::from_utf8(first).ok()?.parse().ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
}

fn lenient_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let feed = rest.iter().position(|&byte| byte == b'\n')?;
    let line = rest[..feed].trim_ascii();
    *rest = &rest[feed + 1..];
    Some(line)
}

fn lenient_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = lenient_line(&mut rest)?;
        let size = line.split(|&byte| byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        if !lenient_line(&mut rest)?.is_empty() {
            return None;
        }
    }
    // A line of blanks is not the blank line, not even here.
    loop {
        let before = rest;
        lenient_line(&mut rest)?;
        if before.starts_with(b"\n") || before.starts_with(b"\r\n") {
            return Some(body);
        }
    }
}

/// One of these, each as likely.
fn one_of(words: &'static [&'static [u8]]) -> impl Strategy<Value = &'static [u8]> {
    (0..words.len()).prop_map(move |index| words[index])
}

const BEFORE: &[&[u8]] = &[
    b"",
    b"",
    b"",
    b"\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 X\r\nA: b\r\n\r\n",
];

const STARTS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200\r\n",
    b"HTTP/1.1 404 \n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 X\r\n",
    b"HTTP/1.1 304 X\r\n",
];

const LINES: &[&[u8]] = &[
    b"Content-Length: 5\r\n",
    b"content-length:\t5 \n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 7\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 005\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: CHUNKED\t\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"A: b\r\n",
    b"A:\r\n",
    b"a: \xff\n",
];

const BODY: &[&[u8]] = &[
    b"hello",
    b"5\r\nhello\r\n",
    b"5;a=b\r\nhello\r\n",
    b"05 ;\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"+5\r\nhello\r\n",
    b"5\nhello\r\n",
    b"5\r\nhello\n",
    b"0\r\n\r\n",
    b"0\r\n",
    b"0\n\n",
    b"T: v\r\n\r\n",
    b"Content-Length: 3\r\n\r\n",
    b"T: v\n\n",
    b"\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
];

/// Bytes that mean something in heads and chunks.
const ODD: &[&[u8]] = &[b"\r", b"\n", b" ", b"\t", b"0", b",", b":", b";", b"\0"];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let lines = vec(one_of(LINES), 0..3);
    let body = vec(one_of(BODY), 0..5);
    (one_of(BEFORE), one_of(STARTS), lines, body).prop_map(|(before, start, lines, body)| {
        [before, start, &lines.concat(), b"\r\n", &body.concat()].concat()
    })
}

/// Both readings of one stream, held against each other. True when both accept it.
fn compare(stream: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stream);
    match (strict(stream), lenient(stream)) {
        (Ok(ours), Some(theirs)) => {
            assert_eq!(ours, theirs, "{text:?}");
            true
        }
        (Ok(ours), None) => panic!("only we accept {text:?}: {ours:?}"),
        (Err(fault), Some(theirs)) => {
            assert!(
                STRICTER.contains(&fault),
                "{fault:?} in {text:?}: {theirs:?}"
            );
            false
        }
        (Err(_), None) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn no_answer_means_two_things(stream in stream()) {
        compare(&stream);
    }

    #[test]
    fn nor_does_one_with_a_byte_changed(
        stream in stream(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![one_of(ODD).prop_map(|it| it[0]), any::<u8>()],
    ) {
        let mut stream = stream;
        let at = at.index(stream.len());
        stream[at] = byte;
        compare(&stream);
    }
}

#[test]
fn both_accept_what_is_well_formed() {
    for start in STARTS {
        for (line, body) in [
            (&b"Content-Length: 5\r\n"[..], &b"hello"[..]),
            (b"content-length: 5, 5\n", b"hello"),
            (b"", b"hello"),
        ] {
            assert!(compare(&[start, line, b"\r\n", body].concat()));
        }
    }
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        &b"0\r\n\r\n"[..],
        b"5;a\r\nhello\r\n0\r\n\r\n",
        b"5 ;a\r\nhello\r\n00;b\r\nT: v\r\n\r\n",
    ] {
        assert!(compare(&[chunked, body].concat()));
    }
}
