//! A conversation overheard: the passive role sees what both sides mean, however their bytes are torn apart.

use keepwarm_core::h1::{Conversation, Limits, Seen, Side};
use keepwarm_core::reason::{Limit, ProtocolFault};

/// What passes, in order.
#[derive(Clone, Copy)]
enum Pass {
    Client(&'static [u8]),
    Server(&'static [u8]),
    ClientEnd,
    ServerEnd,
}
use Pass::{Client, ClientEnd, Server, ServerEnd};

/// A transcript: one word for each thing, body pieces joined.
fn transcript(passes: &[Pass], piece: usize, limits: Limits) -> String {
    let mut conversation = Conversation::new(limits);
    let mut words: Vec<String> = Vec::new();
    for pass in passes {
        match pass {
            Client(bytes) => {
                for piece in bytes.chunks(piece) {
                    conversation.on_client_bytes(piece);
                }
            }
            Server(bytes) => {
                for piece in bytes.chunks(piece) {
                    conversation.on_server_bytes(piece);
                }
            }
            ClientEnd => conversation.on_client_end(),
            ServerEnd => conversation.on_server_end(),
        }
        while let Some(seen) = conversation.next_seen() {
            let word = word(&seen);
            let (kind, data) = word.split_once('=').unwrap_or((&word, ""));
            match words.last_mut() {
                Some(last) if !data.is_empty() && last.starts_with(&format!("{kind}=")) => {
                    last.push_str(data);
                }
                Some(_) | None => words.push(word),
            }
        }
    }
    words.join(" ")
}

fn word(seen: &Seen) -> String {
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    let letter = |side: &Side| match side {
        Side::Client => 'c',
        Side::Server => 's',
    };
    match seen {
        Seen::Request { number, head } => {
            format!("{number}>{}{}", head.method, text(&head.target))
        }
        Seen::RequestBody { number, data } => format!("{number}>body={}", text(data)),
        Seen::RequestEnd { number } => format!("{number}>."),
        Seen::Interim { number, head } => format!("{number}<i{}", head.status.as_u16()),
        Seen::Response { number, head } => format!("{number}<{}", head.status.as_u16()),
        Seen::ResponseBody { number, data } => format!("{number}<body={}", text(data)),
        Seen::ResponseEnd { number, reuse } => {
            let slugs: Vec<_> = reuse.reasons().iter().map(|reason| reason.slug()).collect();
            format!("{number}<.[{}]", slugs.join(","))
        }
        Seen::Trailers {
            side,
            number,
            trailers,
        } => {
            format!("{number}{}trailers:{}", letter(side), trailers.len())
        }
        Seen::Switched { number, head } => format!("{number}<switched:{}", head.status.as_u16()),
        Seen::Foreign { side, data } => format!("foreign:{}={}", letter(side), text(data)),
        Seen::Stray { data } => format!("stray={}", text(data)),
        Seen::Fault { side, fault } => format!("fault:{}:{}", letter(side), fault.slug()),
        Seen::Ended { side } => format!("ended:{}", letter(side)),
    }
}

fn check(passes: &[Pass], expected: &str) {
    for piece in (1..40).chain([10_000]) {
        assert_eq!(
            transcript(passes, piece, Limits::default()),
            expected,
            "pieces of {piece}"
        );
    }
}

#[test]
fn requests_and_answers_take_turns() {
    check(
        &[
            Client(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Client(
                b"\r\nPOST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n",
            ),
            Server(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: x\r\n\r\n",
            ),
            Client(b"HEAD /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n"),
            ServerEnd,
            ClientEnd,
        ],
        "1>GET/a 1>. 1<200 1<body=ok 1<.[] \
         2>POST/b 2>body=abcde 2ctrailers:1 2>. 2<200 2<body=x 2strailers:1 2<.[] \
         3>HEAD/c 3>. 3<200 3<.[we-said-close,peer-said-close] ended:s ended:c",
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    check(
        &[
            Client(b"GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
            Server(
                b"HTTP/1.1 204 X\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n\
                HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n!",
            ),
        ],
        "1>GET/a 1>. 2>HEAD/b 2>. 3>GET/c 3>. 1<204 1<.[] 2<200 2<.[] 3<200 3<body=! 3<.[]",
    );
}

#[test]
fn expect_continue_is_followed_both_ways() {
    let request = Client(b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    check(
        &[
            request,
            Server(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Client(b"abc"),
            Server(b"HTTP/1.1 204 X\r\n\r\n"),
        ],
        "1>PUT/a 1<i100 1>body=abc 1>. 1<204 1<.[]",
    );
    check(
        &[
            request,
            Server(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"),
        ],
        "1>PUT/a 1<417 1<.[no-continue]",
    );
    // The client's patience ended: it sends without being asked.
    check(
        &[request, Client(b"abc"), Server(b"HTTP/1.1 204 X\r\n\r\n")],
        "1>PUT/a 1>body=abc 1>. 1<204 1<.[]",
    );
}

#[test]
fn an_answer_during_the_upload_says_so() {
    check(
        &[
            Client(b"PUT /a HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
            Server(b"HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n"),
            ClientEnd,
        ],
        "1>PUT/a 1>body=abc 1<413 1<.[request-not-sent] fault:c:ended-in-body ended:c",
    );
}

#[test]
fn a_switch_hands_both_directions_over() {
    check(
        &[
            Client(b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello"),
            Client(b"ping"),
            Server(b"pong"),
            ServerEnd,
            ClientEnd,
        ],
        "1>GET/ws 1>. 1<switched:101 foreign:s=hello foreign:c=ping foreign:s=pong ended:s ended:c",
    );
    // The client does not wait for the answer to CONNECT.
    check(
        &[
            Client(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03\x01"),
            Server(b"HTTP/1.1 200 OK\r\n\r\n"),
        ],
        "1>CONNECTh:443 1>. 1<switched:200 foreign:c=\u{16}\u{3}\u{1}",
    );
    // A switch refused: HTTP goes on.
    check(
        &[
            Client(b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204 X\r\n\r\n"),
        ],
        "1>GET/ws 1>. 1<404 2>GET/b 2>. 1<.[] 2<204 2<.[]",
    );
}

#[test]
fn stray_bytes_are_never_an_answer() {
    check(
        &[
            Client(b"GET /a HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 204 X\r\n\r\n"),
            Server(b"HTTP/1.1 408 Timeout\r\n\r\n"),
            ServerEnd,
        ],
        "1>GET/a 1>. 1<204 1<.[] stray=HTTP/1.1 408 Timeout\r\n\r\n ended:s",
    );
    let together = transcript(
        &[
            Client(b"GET /a HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 204 X\r\n\r\nstray"),
        ],
        1_000,
        Limits::default(),
    );
    assert_eq!(together, "1>GET/a 1>. 1<204 1<.[stray-bytes] stray=stray");
}

#[test]
fn old_clients_and_old_servers() {
    check(
        &[
            Client(b"GET /a HTTP/1.0\r\n\r\n"),
            Server(b"HTTP/1.0 200 OK\r\n\r\nbody"),
            ServerEnd,
        ],
        "1>GET/a 1>. 1<200 1<body=body 1<.[we-said-close,http10,close-delimited] ended:s",
    );
    check(
        &[
            Client(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            Server(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"),
        ],
        "1>GET/a 1>. 1<200 1<.[]",
    );
}

#[test]
fn a_server_that_ends_early_is_at_fault() {
    let request = Client(b"GET /a HTTP/1.1\r\n\r\n");
    check(
        &[request, ServerEnd],
        "1>GET/a 1>. fault:s:ended-in-head ended:s",
    );
    check(
        &[
            request,
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            ServerEnd,
        ],
        "1>GET/a 1>. 1<200 1<body=abc fault:s:ended-in-body ended:s",
    );
    check(&[ServerEnd, ServerEnd, ClientEnd], "ended:s ended:c");
}

#[test]
fn requests_are_read_as_strictly_as_answers() {
    let fault = |request: &'static [u8], expected: ProtocolFault| {
        let expected = format!("fault:c:{}", expected.slug());
        for piece in [1, 2, 7, 10_000] {
            let seen = transcript(&[Client(request)], piece, Limits::default());
            assert_eq!(
                seen,
                expected,
                "{} in {piece}",
                String::from_utf8_lossy(request)
            );
        }
    };
    fault(b"\x16\x03\x01\x02\x00\x01\x00", ProtocolFault::NotHttp);
    fault(b"GET / HTTP/2.0\r\n\r\n", ProtocolFault::Version);
    fault(b"PRI * HTTP/2.0\r\n\r\n", ProtocolFault::Version);
    fault(b"GET /\r\n\r\n", ProtocolFault::StartLine);
    fault(b"GET  / HTTP/1.1\r\n\r\n", ProtocolFault::StartLine);
    fault(b"GET /a b HTTP/1.1\r\n\r\n", ProtocolFault::StartLine);
    fault(
        b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
        ProtocolFault::SpaceBeforeColon,
    );
    fault(
        b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        ProtocolFault::ObsFold,
    );
    fault(b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", ProtocolFault::BareCr);
    fault(
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ProtocolFault::LengthAndChunked,
    );
    fault(
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ProtocolFault::LengthsDiffer,
    );
    fault(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        ProtocolFault::TransferEncoding,
    );
    fault(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ProtocolFault::TransferEncoding,
    );
}

#[test]
fn behind_a_fault_a_side_is_not_believed_any_more() {
    check(
        &[
            Client(b"GET /a HTTP/1.1\r\n\r\n\x00"),
            Client(b"GET /b HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 204 X\r\n\r\n"),
            Server(b"HTTP/1.1 400 Bad\r\n\r\n"),
            ClientEnd,
            ServerEnd,
        ],
        "1>GET/a 1>. fault:c:not-http 1<204 1<.[] ended:c ended:s",
    );
}

#[test]
fn unanswered_requests_and_held_bytes_are_limited() {
    let mut conversation = Conversation::new(Limits::default());
    conversation.on_client_bytes(&b"GET / HTTP/1.1\r\n\r\n".repeat(2_000));
    let mut requests = 0;
    let mut faults = Vec::new();
    while let Some(seen) = conversation.next_seen() {
        if let Seen::Request { .. } = seen {
            requests += 1;
        } else if let Seen::Fault {
            side: Side::Client,
            fault,
        } = seen
        {
            faults.push(fault);
        }
    }
    assert_eq!(requests, 1_024);
    assert_eq!(faults, [ProtocolFault::TooMuch(Limit::QueueLength)]);

    let limits = Limits {
        head_bytes: 100,
        ..Limits::default()
    };
    let held: &'static [u8] = &[b'x'; 101];
    let seen = transcript(
        &[Client(b"CONNECT h:1 HTTP/1.1\r\n\r\n"), Client(held)],
        10,
        limits,
    );
    assert_eq!(seen, "1>CONNECTh:1 1>. fault:c:head-bytes");
}
