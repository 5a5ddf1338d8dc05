//! However the bytes of an answer are torn apart on their way, it is the same answer with the same verdict.

use bytes::BytesMut;
use keepwarm_core::h1::{BodyLength, Exchange, Limits, Received, RequestShape};
use keepwarm_core::reason::ProtocolFault;

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

/// An answer, whether the server closes behind it, and what must be seen.
struct Case {
    shape: RequestShape,
    answer: &'static [u8],
    closes: bool,
    seen: &'static str,
    verdict: &'static str,
}

fn corpus() -> Vec<Case> {
    let mut cases = of_known_end();
    cases.extend(that_use_their_connection_up());
    cases
}

/// To a GET, on a connection that is kept.
fn keep(answer: &'static [u8], seen: &'static str) -> Case {
    Case {
        shape: GET,
        answer,
        closes: false,
        seen,
        verdict: "",
    }
}

fn of_known_end() -> Vec<Case> {
    vec![
        keep(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello",
            "200[2] hello .",
        ),
        keep(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200[1] ."),
        // Bare line feeds end lines of heads too (RFC 9112 §2.2), and a reason may be missing.
        keep(b"HTTP/1.1 200\nContent-Length: 2\n\nok", "200[1] ok ."),
        keep(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              5;a=b;c=\"d\"\r\nhello\r\n7 \t;x\r\n, world\r\n000\r\n\r\n",
            "200[1] hello, world .",
        ),
        keep(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
              A\r\n0123456789\r\n0;last\r\nDigest: x\r\nDigest: y\r\n\r\n",
            "200[1] 0123456789 trailers[2] .",
        ),
        keep(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n\
              HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            "i100 i103 200[1] x .",
        ),
        Case {
            shape: RequestShape { head: true, ..GET },
            ..keep(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "200[1] .")
        },
        Case {
            shape: RequestShape { head: true, ..GET },
            ..keep(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200[1] .")
        },
        keep(b"HTTP/1.1 204 No Content\r\n\r\n", "204[0] ."),
        keep(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304[1] ."),
        keep(
            b"HTTP/1.0 200 OK\r\nConnection: foo\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nold",
            "200[3] old .",
        ),
    ]
}

fn that_use_their_connection_up() -> Vec<Case> {
    vec![
        Case {
            closes: true,
            verdict: "close-delimited",
            ..keep(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nuntil the end", "200[1] until the end .")
        },
        Case {
            closes: true,
            verdict: "http10 close-delimited",
            ..keep(b"HTTP/1.0 200 OK\r\n\r\nold", "200[0] old .")
        },
        Case {
            verdict: "http10",
            ..keep(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", "200[1] old .")
        },
        Case {
            verdict: "peer-said-close",
            ..keep(
                b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nold",
                "200[2] old .",
            )
        },
        Case {
            verdict: "peer-said-close",
            ..keep(
                b"HTTP/1.1 500 Oh no\r\nconnection: x, Close\r\ncontent-length: 1, 1\r\n\r\n!",
                "500[2] ! .",
            )
        },
        Case {
            shape: RequestShape { close: true, ..GET },
            verdict: "we-said-close",
            ..keep(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!", "200[1] ! .")
        },
        Case {
            shape: RequestShape { upgrade: true, ..GET },
            verdict: "switched-protocols",
            ..keep(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x81\x00raw",
                "switched[2] left:5",
            )
        },
        Case {
            shape: RequestShape { connect: true, ..GET },
            verdict: "switched-protocols",
            ..keep(
                b"HTTP/1.1 200 Fine\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\n\r\n\x16\x03",
                "switched[2] left:2",
            )
        },
        Case {
            verdict: "stray-bytes",
            ..keep(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Too slow\r\n\r\n",
                "200[1] ok . left:25",
            )
        },
    ]
}

/// Feeds the pieces and writes down what was seen; body pieces are joined.
fn play(case: &Case, pieces: &[&[u8]]) -> Result<(String, String), ProtocolFault> {
    let mut exchange = Exchange::new(case.shape, Limits::default());
    exchange.on_head_sent();
    let mut buffer = BytesMut::new();
    let mut seen: Vec<String> = Vec::new();
    let mut in_data = false;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(received) = exchange.receive(&mut buffer)? {
            note(&mut seen, &mut in_data, &received);
        }
    }
    if case.closes {
        assert!(!exchange.is_complete(), "only the close may end it");
        let received = exchange.receive_end(buffer.len())?;
        note(&mut seen, &mut in_data, &received);
    }
    if !buffer.is_empty() {
        seen.push(format!("left:{}", buffer.len()));
    }
    assert!(exchange.is_complete());
    assert_eq!(exchange.body_left(), Some(0));
    let verdict = exchange.verdict(buffer.len());
    let slugs: Vec<_> = verdict
        .reasons()
        .iter()
        .map(|reason| reason.slug())
        .collect();
    Ok((seen.join(" "), slugs.join(" ")))
}

fn note(seen: &mut Vec<String>, in_data: &mut bool, received: &Received) {
    let was_data = std::mem::replace(in_data, false);
    match received {
        Received::Interim(head) => seen.push(format!("i{}", head.status.as_u16())),
        Received::Head(head) => {
            seen.push(format!("{}[{}]", head.status.as_u16(), head.headers.len()));
        }
        Received::Data(data) => {
            assert!(!data.is_empty());
            let text = String::from_utf8_lossy(data);
            match seen.last_mut() {
                Some(last) if was_data => last.push_str(&text),
                Some(_) | None => seen.push(text.into_owned()),
            }
            *in_data = true;
        }
        Received::Trailers(trailers) => seen.push(format!("trailers[{}]", trailers.len())),
        Received::End => seen.push(".".to_owned()),
        Received::Switched(head) => seen.push(format!("switched[{}]", head.headers.len())),
    }
}

fn check(case: &Case, pieces: &[&[u8]]) {
    let answer = String::from_utf8_lossy(case.answer);
    let expected = (case.seen.to_owned(), case.verdict.to_owned());
    let sizes: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
    assert_eq!(
        play(case, pieces),
        Ok(expected),
        "{answer} in pieces {sizes:?}"
    );
}

#[test]
fn an_answer_in_one_piece() {
    for case in corpus() {
        check(&case, &[case.answer]);
    }
}

#[test]
fn an_answer_torn_at_each_place() {
    for case in corpus() {
        for at in 0..=case.answer.len() {
            let (front, back) = case.answer.split_at(at);
            check(&case, &[front, back]);
        }
    }
}

#[test]
fn an_answer_torn_at_each_two_places() {
    for case in corpus() {
        for second in 0..=case.answer.len() {
            for first in 0..=second {
                let (front, back) = case.answer.split_at(second);
                let (front, middle) = front.split_at(first);
                check(&case, &[front, middle, back]);
            }
        }
    }
}

#[test]
fn an_answer_byte_by_byte() {
    for case in corpus() {
        let pieces: Vec<_> = case.answer.chunks(1).collect();
        check(&case, &pieces);
    }
}

#[test]
fn an_answer_cut_short_never_counts_as_whole() {
    for case in corpus() {
        if case.closes || case.verdict == "switched-protocols" || case.verdict == "stray-bytes" {
            continue;
        }
        for at in 0..case.answer.len() {
            let mut exchange = Exchange::new(case.shape, Limits::default());
            exchange.on_head_sent();
            let mut buffer = BytesMut::from(&case.answer[..at]);
            while exchange.receive(&mut buffer).unwrap().is_some() {}
            assert!(!exchange.is_complete());
            assert!(
                exchange
                    .verdict(buffer.len())
                    .reasons()
                    .iter()
                    .any(|reason| reason.slug() == "body-not-read")
            );
            let fault = exchange.receive_end(buffer.len()).unwrap_err();
            assert!(
                matches!(
                    fault,
                    ProtocolFault::EndedInHead | ProtocolFault::EndedInBody { .. }
                ),
                "{fault:?}"
            );
        }
    }
}

#[test]
fn the_last_byte_of_a_known_body_completes_the_answer_at_once() {
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ];
    for answer in answers {
        let mut exchange = Exchange::new(GET, Limits::default());
        exchange.on_head_sent();
        let mut buffer = BytesMut::from(answer);
        let mut last = None;
        while !exchange.is_complete() {
            last = exchange.receive(&mut buffer).unwrap();
        }
        assert!(matches!(last, Some(Received::Data(_) | Received::Head(_))));
        assert!(exchange.verdict(buffer.len()).is_keep());
        assert!(matches!(
            exchange.receive(&mut buffer),
            Ok(Some(Received::End))
        ));
        assert!(matches!(exchange.receive(&mut buffer), Ok(None)));
    }
}
