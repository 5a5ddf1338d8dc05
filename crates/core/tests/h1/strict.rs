//! What a peer must not send is refused with its exact name, however it is torn apart.

use bytes::BytesMut;
use keepwarm_core::h1::{BodyLength, Exchange, Limits, Received, RequestShape};
use keepwarm_core::reason::{CloseReason, Limit, ProtocolFault as Fault};

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

/// The fault, when the answer comes in these pieces; what the buffer held at most beside.
fn fault_in(shape: RequestShape, limits: Limits, pieces: &[&[u8]]) -> Option<Fault> {
    let mut exchange = Exchange::new(shape, limits);
    exchange.on_head_sent();
    let mut buffer = BytesMut::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match exchange.receive(&mut buffer) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(exchange.receive(&mut buffer).unwrap_err(), fault);
                    assert_eq!(
                        exchange.verdict(0).primary(),
                        Some(&CloseReason::PeerBrokeProtocol(fault))
                    );
                    return Some(fault);
                }
            }
        }
    }
    None
}

fn refuses_shape(shape: RequestShape, limits: Limits, answer: &[u8], fault: Fault) {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
    assert_eq!(fault_in(shape, limits, &[answer]), Some(fault), "{text:?}");
    let bytes: Vec<_> = answer.chunks(1).collect();
    assert_eq!(
        fault_in(shape, limits, &bytes),
        Some(fault),
        "{text:?} byte by byte"
    );
    for at in 0..answer.len().min(200) {
        let (front, back) = answer.split_at(at);
        let found = fault_in(shape, limits, &[front, back]);
        assert_eq!(found, Some(fault), "{text:?} torn at {at}");
    }
}

fn refuses(answer: &[u8], fault: Fault) {
    refuses_shape(GET, Limits::default(), answer, fault);
}

fn refuses_body(body: &[u8], fault: Fault) {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    answer.extend_from_slice(body);
    refuses(&answer, fault);
}

#[test]
fn not_http() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"\nHTTP/1.1 200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"<html>",
        b"\0",
    ] {
        refuses(garbage, Fault::NotHttp);
    }
}

#[test]
fn an_answer_in_tls_is_told_from_other_garbage() {
    refuses(b"\x15\x03\x01\x00\x02\x02F", Fault::TlsInstead);
    refuses(b"\x16\x03\x03\x00\x7a", Fault::TlsInstead);
    refuses(b"\x17\x03\x03", Fault::NotHttp);
}

#[test]
fn garbage_is_refused_with_its_first_wrong_byte() {
    assert_eq!(fault_in(GET, Limits::default(), &[b"HTT"]), None);
    assert_eq!(
        fault_in(GET, Limits::default(), &[b"HTTX"]),
        Some(Fault::NotHttp)
    );
    assert_eq!(
        fault_in(GET, Limits::default(), &[b"HTT", b"X"]),
        Some(Fault::NotHttp)
    );
}

#[test]
fn version() {
    for answer in [
        &b"HTTP/2.0 200 OK\r\n\r\n"[..],
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1 200 OK\r\n\r\n",
        b"HTTP/ 200 OK\r\n\r\n",
    ] {
        refuses(answer, Fault::Version);
    }
}

#[test]
fn start_line() {
    for answer in [
        &b"HTTP/1.1\r\n\r\n"[..],
        b"HTTP/1.1 \r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.11 200 OK\r\n\r\n",
    ] {
        refuses(answer, Fault::StartLine);
    }
}

fn refuses_line(line: &[u8], fault: Fault) {
    let answer = [
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        line,
        b"\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat();
    refuses(&answer, fault);
}

#[test]
fn bare_cr() {
    refuses_line(b"B: c\rd", Fault::BareCr);
    refuses_line(b"B: c\r", Fault::BareCr);
    refuses_line(b"B\rC: d", Fault::BareCr);
    refuses_line(b"\rB: c", Fault::BareCr);
    refuses(b"HTTP/1.1 200 O\rK\r\n\r\n", Fault::BareCr);
}

#[test]
fn space_before_colon() {
    refuses_line(b"B : c", Fault::SpaceBeforeColon);
    refuses_line(b"B\t : c", Fault::SpaceBeforeColon);
    refuses_line(b"Content-Length : 5", Fault::SpaceBeforeColon);
    refuses_line(b"Transfer-Encoding\t: chunked", Fault::SpaceBeforeColon);
}

#[test]
fn obs_fold() {
    refuses_line(b" folded", Fault::ObsFold);
    refuses_line(b"\tfolded: too", Fault::ObsFold);
    refuses(
        b"HTTP/1.1 200 OK\r\n Content-Length: 0\r\n\r\n",
        Fault::ObsFold,
    );
}

#[test]
fn control_byte() {
    refuses_line(b"B: c\0d", Fault::ControlByte);
    refuses_line(b"B: \x7f", Fault::ControlByte);
    refuses_line(b"B: \x1b[31m", Fault::ControlByte);
    refuses_line(b"B\x00: c", Fault::ControlByte);
    refuses(b"HTTP/1.1 200 \x01\r\n\r\n", Fault::ControlByte);
}

#[test]
fn header_line() {
    refuses_line(b"no colon", Fault::HeaderLine);
    refuses_line(b"nocolon", Fault::HeaderLine);
    refuses_line(b": no name", Fault::HeaderLine);
    refuses_line(b"B(c): d", Fault::HeaderLine);
    refuses_line(b"B c: d", Fault::HeaderLine);
    refuses_line(b"B\xc3\xa4: c", Fault::HeaderLine);
}

#[test]
fn length() {
    for value in [
        "",
        "+3",
        "-3",
        "0x3",
        "3 3",
        "3,",
        "9223372036854775808",
        "1e3",
    ] {
        refuses_line(format!("Content-Length: {value}").as_bytes(), Fault::Length);
    }
}

#[test]
fn lengths_differ_whatever_the_status() {
    for status in ["200", "204", "304", "103"] {
        for lines in [
            "Content-Length: 5\r\nContent-Length: 6",
            "content-length: 5, 6",
        ] {
            let answer = format!("HTTP/1.1 {status} X\r\n{lines}\r\n\r\n");
            refuses(answer.as_bytes(), Fault::LengthsDiffer);
            let head = RequestShape { head: true, ..GET };
            refuses_shape(
                head,
                Limits::default(),
                answer.as_bytes(),
                Fault::LengthsDiffer,
            );
        }
    }
}

#[test]
fn length_and_chunked() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: x",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
        refuses(answer.as_bytes(), Fault::LengthAndChunked);
    }
}

#[test]
fn transfer_encoding() {
    for lines in [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;x=y",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
    ] {
        if lines.contains('\x0b') {
            let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
            refuses(answer.as_bytes(), Fault::ControlByte);
        } else {
            let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
            refuses(answer.as_bytes(), Fault::TransferEncoding);
        }
    }
    refuses(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fault::TransferEncoding,
    );
}

#[test]
fn chunk_size() {
    for line in [
        "\r\n",
        "x\r\n",
        "+5\r\n",
        "-5\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "0x5\r\n",
        "5\n",
        "5\r\r\n",
        "5;a\n",
        "5;a\0b\r\n",
        "5;a\rb\r\n",
        "5 a\r\n",
        "5a;\x7f\r\n",
        ";a\r\n",
        "8000000000000000\r\n",
        "00000000000000005\r\n",
        "5,5\r\n",
    ] {
        refuses_body(line.as_bytes(), Fault::ChunkSize);
    }
    // And behind a first chunk as well.
    refuses_body(b"1\r\nx\r\n2g\r\n", Fault::ChunkSize);
}

#[test]
fn chunk_end() {
    for body in [
        "5\r\nhelloX",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
    ] {
        refuses_body(body.as_bytes(), Fault::ChunkEnd);
    }
}

#[test]
fn trailer() {
    for trailers in [
        "Content-Length: 5\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n",
        "Host: x\r\n\r\n",
        "Trailer: x\r\n\r\n",
        "Connection: close\r\n\r\n",
        "no colon\r\n\r\n",
        "a : b\r\n\r\n",
        "a: b\r\n c\r\n\r\n",
        "a: b\0\r\n\r\n",
        "a: b\n\r\n",
        "a: b\n\n",
        "a: b\rc: d\r\n\r\n",
        "\n",
        "\rx",
    ] {
        refuses_body(format!("0\r\n{trailers}").as_bytes(), Fault::Trailer);
    }
}

#[test]
fn unasked_switch() {
    refuses(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        Fault::UnaskedSwitch,
    );
}

#[test]
fn head_bytes() {
    let limits = Limits {
        head_bytes: 100,
        ..Limits::default()
    };
    let fault = Fault::TooMuch(Limit::HeadBytes);
    let answer = |filler: usize| {
        let filler = "x".repeat(filler);
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: {filler}\r\n\r\n").into_bytes()
    };
    let room = 100 - answer(0).len();
    refuses_shape(GET, limits, &answer(room + 1), fault);
    assert_eq!(fault_in(GET, limits, &[&answer(room)]), None);
    // A head that never ends, and one interim head after the other: each head counts for itself.
    refuses_shape(
        GET,
        limits,
        &[b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &[b'x'; 90]].concat(),
        fault,
    );
    let many = b"HTTP/1.1 103 X\r\nA: bcdefghijklmnopqrstuvwxyz\r\n\r\n".repeat(10);
    assert_eq!(fault_in(GET, limits, &[&many]), None);
}

#[test]
fn header_count() {
    let answer = |count: usize| {
        let lines: String = (0..count).map(|n| format!("A{n}: b\r\n")).collect();
        format!("HTTP/1.1 204 OK\r\n{lines}\r\n").into_bytes()
    };
    let fault = Fault::TooMuch(Limit::HeaderCount);
    for limit in [0, 3, 63, 64, 65, 256] {
        let limits = Limits {
            header_fields: limit,
            ..Limits::default()
        };
        assert_eq!(fault_in(GET, limits, &[&answer(limit)]), None, "{limit}");
        assert_eq!(
            fault_in(GET, limits, &[&answer(limit + 1)]),
            Some(fault),
            "{limit}"
        );
        let whole = answer(limit + 1);
        let bytes: Vec<_> = whole.chunks(1).collect();
        assert_eq!(fault_in(GET, limits, &bytes), Some(fault), "{limit}");
    }
    let mut exchange = Exchange::new(GET, Limits::default());
    let mut buffer = BytesMut::from(&answer(200)[..]);
    let Ok(Some(Received::Head(head))) = exchange.receive(&mut buffer) else {
        panic!("200 fields are within the limit");
    };
    assert_eq!(head.headers.len(), 200);
    assert_eq!(head.headers["a199"], "b");
}

#[test]
fn chunk_line() {
    let limits = Limits {
        chunk_line: 20,
        ..Limits::default()
    };
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = |extension: usize| format!("{head}1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(extension));
    assert_eq!(fault_in(GET, limits, &[answer(16).as_bytes()]), None);
    let fault = Fault::TooMuch(Limit::ChunkLine);
    refuses_shape(GET, limits, answer(17).as_bytes(), fault);
    refuses_shape(
        GET,
        limits,
        format!("{head}{}", "1".repeat(20)).as_bytes(),
        fault,
    );
}

#[test]
fn chunk_overhead() {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let honest = answer.len();
    for _ in 0..300 {
        answer.extend_from_slice(format!("1;{}\r\nx\r\n", "e".repeat(100)).as_bytes());
    }
    let fault = Fault::TooMuch(Limit::ChunkOverhead);
    assert_eq!(fault_in(GET, Limits::default(), &[&answer]), Some(fault));
    // One byte per chunk is honest, and so is one long extension.
    answer.truncate(honest);
    answer.extend_from_slice(&b"1\r\nx\r\n".repeat(100_000));
    answer.extend_from_slice(format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(4_000)).as_bytes());
    assert_eq!(fault_in(GET, Limits::default(), &[&answer]), None);
}

#[test]
fn interim() {
    let limits = Limits {
        interim: 3,
        ..Limits::default()
    };
    let one = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    assert_eq!(fault_in(GET, limits, &[&one.repeat(3)]), None);
    refuses_shape(GET, limits, &one.repeat(4), Fault::TooMuch(Limit::Interim));
}

#[test]
fn trailer_bytes() {
    let limits = Limits {
        trailer_bytes: 20,
        ..Limits::default()
    };
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let answer = |filler: usize| format!("{head}A: {}\r\n\r\n", "t".repeat(filler));
    assert_eq!(fault_in(GET, limits, &[answer(13).as_bytes()]), None);
    let fault = Fault::TooMuch(Limit::TrailerBytes);
    refuses_shape(GET, limits, answer(14).as_bytes(), fault);
    refuses_shape(
        GET,
        limits,
        format!("{head}A: {}", "t".repeat(17)).as_bytes(),
        fault,
    );
    let limits = Limits {
        header_fields: 2,
        ..Limits::default()
    };
    let three = format!("{head}A: b\r\nA: b\r\nA: b\r\n\r\n");
    assert_eq!(
        fault_in(GET, limits, &[three.as_bytes()]),
        Some(Fault::TooMuch(Limit::HeaderCount))
    );
}

#[test]
fn ended_in_head_and_ended_in_body() {
    let end = |answer: &[u8]| {
        let mut exchange = Exchange::new(GET, Limits::default());
        exchange.on_head_sent();
        let mut buffer = BytesMut::from(answer);
        while exchange.receive(&mut buffer).unwrap().is_some() {}
        exchange.receive_end(buffer.len()).map(|_| ())
    };
    assert_eq!(end(b""), Err(Fault::EndedInHead));
    assert_eq!(
        end(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Err(Fault::EndedInHead)
    );
    assert_eq!(
        end(b"HTTP/1.1 200 OK\r\nContent-Le"),
        Err(Fault::EndedInHead)
    );
    assert_eq!(
        end(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
        Err(Fault::EndedInBody { left: Some(4) })
    );
    for body in [
        "",
        "5",
        "5\r\nhel",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "0\r\n",
        "0\r\nA: b\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(
            end(answer.as_bytes()),
            Err(Fault::EndedInBody { left: None })
        );
    }
    assert_eq!(end(b"HTTP/1.1 200 OK\r\n\r\nhello"), Ok(()));
    assert_eq!(end(b"HTTP/1.1 204 OK\r\n\r\n"), Ok(()));
}
