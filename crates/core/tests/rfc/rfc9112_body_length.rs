//! RFC 9112 §6.3, rule by rule: how long an answer's body is, and which rule wins.

use bytes::BytesMut;
use keepwarm_core::h1::{BodyLength, Exchange, Limits, Received, RequestShape};
use keepwarm_core::reason::{CloseReason, ProtocolFault};

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};
const HEAD: RequestShape = RequestShape { head: true, ..GET };
const CONNECT: RequestShape = RequestShape {
    connect: true,
    ..GET
};

/// How the bytes behind the head are taken.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// Not at all: they are behind the answer.
    Nothing,
    /// So many bytes of a known length.
    Known(u64),
    /// As chunks.
    Chunked,
    /// All, until the server closes.
    UntilClose,
    /// They are another protocol's.
    Switched,
    /// The answer is refused.
    Refused(ProtocolFault),
}

fn taken(shape: RequestShape, head: &str) -> Taken {
    let mut exchange = Exchange::new(shape, Limits::default());
    exchange.on_head_sent();
    let answer = format!(
        "{}\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        head.replace('|', "\r\n")
    );
    let mut buffer = BytesMut::from(answer.as_bytes());
    let mut body = Vec::new();
    loop {
        match exchange.receive(&mut buffer) {
            Ok(Some(Received::Data(data))) => body.extend_from_slice(&data),
            Ok(Some(Received::Switched(_))) => return Taken::Switched,
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(fault) => return Taken::Refused(fault),
        }
    }
    if !exchange.is_complete() {
        assert!(matches!(
            exchange.receive_end(buffer.len()),
            Ok(Received::End)
        ));
        assert_eq!(body, b"4\r\nbody\r\n0\r\n\r\n");
        return Taken::UntilClose;
    }
    match body.as_slice() {
        b"" => Taken::Nothing,
        b"body" => Taken::Chunked,
        _ => {
            assert_eq!(exchange.body_hint(), Some(body.len() as u64));
            Taken::Known(body.len() as u64)
        }
    }
}

#[test]
fn rule_1_some_answers_have_no_body_whatever_they_say() {
    for fields in ["A: b", "Content-Length: 4", "Transfer-Encoding: chunked"] {
        assert_eq!(
            taken(HEAD, &format!("HTTP/1.1 200 X|{fields}")),
            Taken::Nothing
        );
        for status in [204, 304] {
            let head = format!("HTTP/1.1 {status} X|{fields}");
            assert_eq!(taken(GET, &head), Taken::Nothing);
        }
        let interim = format!("HTTP/1.1 103 X|{fields}||HTTP/1.1 200 X|Content-Length: 4");
        assert_eq!(taken(GET, &interim), Taken::Known(4));
    }
}

#[test]
fn rule_2_success_of_connect_opens_a_tunnel() {
    for fields in [
        "A: b",
        "Content-Length: 4",
        "Content-Length: 4|Transfer-Encoding: chunked",
    ] {
        assert_eq!(
            taken(CONNECT, &format!("HTTP/1.1 200 X|{fields}")),
            Taken::Switched
        );
    }
    assert_eq!(
        taken(CONNECT, "HTTP/1.1 407 X|Content-Length: 4"),
        Taken::Known(4)
    );
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Content-Length: 4"),
        Taken::Known(4)
    );
}

#[test]
fn rule_3_both_declarations_are_refused() {
    let both = "Content-Length: 4|Transfer-Encoding: chunked";
    for shape in [GET, HEAD] {
        let head = format!("HTTP/1.1 200 X|{both}");
        assert_eq!(
            taken(shape, &head),
            Taken::Refused(ProtocolFault::LengthAndChunked)
        );
    }
}

#[test]
fn rule_4_chunked_frames_itself_and_nothing_else_may() {
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Transfer-Encoding: chunked"),
        Taken::Chunked
    );
    let refused = Taken::Refused(ProtocolFault::TransferEncoding);
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Transfer-Encoding: gzip"),
        refused
    );
    assert_eq!(
        taken(GET, "HTTP/1.0 200 X|Transfer-Encoding: chunked"),
        refused
    );
}

#[test]
fn rule_5_lengths_that_cannot_be_believed_are_refused() {
    let differ = Taken::Refused(ProtocolFault::LengthsDiffer);
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Content-Length: 4|Content-Length: 5"),
        differ
    );
    let length = Taken::Refused(ProtocolFault::Length);
    assert_eq!(taken(GET, "HTTP/1.1 200 X|Content-Length: four"), length);
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Content-Length: 4, 4|Content-Length: 4"),
        Taken::Known(4)
    );
}

#[test]
fn rule_6_a_length_is_the_length() {
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Content-Length: 7"),
        Taken::Known(7)
    );
    assert_eq!(
        taken(GET, "HTTP/1.0 200 X|Content-Length: 7"),
        Taken::Known(7)
    );
    assert_eq!(
        taken(GET, "HTTP/1.1 200 X|Content-Length: 0"),
        Taken::Nothing
    );
}

#[test]
fn rule_8_without_declaration_the_close_ends_it() {
    assert_eq!(taken(GET, "HTTP/1.1 200 X|A: b"), Taken::UntilClose);
    assert_eq!(
        taken(GET, "HTTP/1.0 200 X|Connection: keep-alive"),
        Taken::UntilClose
    );
    // 205 is no exception on the receiving side (RFC 9110 §15.3.6).
    assert_eq!(taken(GET, "HTTP/1.1 205 X|A: b"), Taken::UntilClose);
}

/// The paragraphs behind the rules: what is left behind the last answer is not another answer.
#[test]
fn bytes_behind_the_answer_are_no_answer() {
    for (shape, first) in [
        (GET, "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nbody"),
        (
            GET,
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (HEAD, "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\n"),
        (GET, "HTTP/1.1 304 X\r\nContent-Length: 4\r\n\r\n"),
    ] {
        let second = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n";
        let mut exchange = Exchange::new(shape, Limits::default());
        exchange.on_head_sent();
        let mut buffer = BytesMut::from(format!("{first}{second}").as_bytes());
        let mut heads = 0;
        while let Some(received) = exchange.receive(&mut buffer).unwrap() {
            heads += usize::from(matches!(received, Received::Head(_)));
        }
        assert_eq!((heads, &buffer[..]), (1, second.as_bytes()));
        let stray = CloseReason::StrayBytes {
            bytes: second.len() as u64,
        };
        assert_eq!(exchange.verdict(buffer.len()).primary(), Some(&stray));
    }
}
