//! Whatever a peer sends: no panic, no answer that depends on how it was torn apart, and no more
//! memory than the limits allow.

use bytes::BytesMut;
use keepwarm_core::h1::{BodyLength, Conversation, Exchange, Limits, Received, RequestShape, Seen};
use keepwarm_core::reason::{Limit, ProtocolFault};
use proptest::collection::vec;
use proptest::prelude::*;

const SMALL: Limits = Limits {
    head_bytes: 200,
    header_fields: 6,
    chunk_line: 40,
    chunk_overhead: 100,
    interim: 3,
    trailer_bytes: 80,
};

/// No limit lets more than this wait in the buffer.
const MOST_BUFFERED: usize = 200;

/// Pieces that lead deep into the engine when strung together.
const WORDS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 304 X\n",
    b"HTTP/1.1 101 X\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 3\r\n",
    b"Connection: close\r\n",
    b"Keep-Alive: timeout=5, max=3\r\n",
    b"A: b\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\n",
    b"a;x=y\r\n",
    b"ffffffffffffffff\r\n",
    b"hello",
    b"T: v\r\n",
    b"GET / HTTP/1.1\r\n",
    b"POST /x HTTP/1.1\r\n",
    b"CONNECT h:1 HTTP/1.1\r\n",
    b"Upgrade: x\r\n",
    b"Connection: upgrade\r\n",
    b"Expect: 100-continue\r\n",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let word = (0..WORDS.len()).prop_map(|index| WORDS[index].to_vec());
    let piece = prop_oneof![8 => word, 1 => vec(any::<u8>(), 0..8)];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn shape() -> impl Strategy<Value = RequestShape> {
    let body = prop_oneof![
        Just(BodyLength::Empty),
        Just(BodyLength::Known(3)),
        Just(BodyLength::Chunked)
    ];
    (any::<[bool; 5]>(), body).prop_map(
        |([head, connect, close, upgrade, expect_continue], body)| RequestShape {
            head,
            connect,
            close,
            upgrade,
            expect_continue,
            body,
        },
    )
}

/// What an exchange makes of the bytes, body pieces joined, and how it ends.
fn play(shape: RequestShape, bytes: &[u8], cuts: &[usize]) -> (String, Result<(), ProtocolFault>) {
    let mut exchange = Exchange::new(shape, SMALL);
    exchange.on_head_sent();
    let mut buffer = BytesMut::new();
    let mut seen = String::new();
    let mut body = 0_usize;
    let mut from = 0;
    let ends = cuts.iter().copied().chain([bytes.len()]);
    for end in ends {
        buffer.extend_from_slice(&bytes[from..end]);
        from = end;
        loop {
            let received = match exchange.receive(&mut buffer) {
                Ok(Some(received)) => received,
                Ok(None) => break,
                Err(fault) => return (format!("{seen} {body}"), Err(fault)),
            };
            match received {
                Received::Interim(head) => seen.push_str(&format!("i{} ", head.status)),
                Received::Head(head) => {
                    seen.push_str(&format!("{} {:?} ", head.status, head.headers));
                }
                Received::Data(data) => body += data.len(),
                Received::Trailers(trailers) => seen.push_str(&format!("{trailers:?} ")),
                Received::End => seen.push_str("end "),
                Received::Switched(_) => seen.push_str("switched "),
            }
        }
        if !exchange.is_complete() {
            assert!(buffer.len() <= MOST_BUFFERED, "{} bytes wait", buffer.len());
        }
    }
    let end = exchange.receive_end(buffer.len()).map(|_| ());
    if end.is_ok() {
        let verdict = exchange.verdict(buffer.len());
        seen.push_str(&format!("{} left, {:?}", buffer.len(), verdict));
    }
    (format!("{seen} {body}"), end)
}

/// A head that is never whole is refused when its fault is seen; which fault that is depends on how
/// much of it came at once. Any other end is the same end.
fn agree(
    one: &(String, Result<(), ProtocolFault>),
    other: &(String, Result<(), ProtocolFault>),
) -> bool {
    let endless = |end: &Result<(), ProtocolFault>| {
        matches!(
            end,
            Err(ProtocolFault::EndedInHead | ProtocolFault::TooMuch(Limit::HeadBytes))
        )
    };
    one.0 == other.0 && (one.1 == other.1 || endless(&one.1) || endless(&other.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn an_answer_is_the_same_however_it_is_torn(
        shape in shape(),
        bytes in stream(),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let single: Vec<_> = (0..bytes.len()).collect();
        let whole = play(shape, &bytes, &[]);
        let torn = play(shape, &bytes, &cuts);
        prop_assert!(agree(&torn, &whole), "{torn:?} but {whole:?}");
        let torn = play(shape, &bytes, &single);
        prop_assert!(agree(&torn, &whole), "{torn:?} but {whole:?}");
    }

    #[test]
    fn random_bytes_do_no_harm(shape in shape(), bytes in vec(any::<u8>(), 0..600)) {
        let (_, _) = play(shape, &bytes, &[]);
        let mut behind = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        behind.extend_from_slice(&bytes);
        let (_, _) = play(shape, &behind, &[]);
    }

    #[test]
    fn an_overheard_conversation_does_no_harm(
        passes in vec((any::<bool>(), stream()), 0..8),
        ends in any::<[bool; 2]>(),
    ) {
        let mut conversation = Conversation::new(SMALL);
        for (client, bytes) in &passes {
            if *client {
                conversation.on_client_bytes(bytes);
            } else {
                conversation.on_server_bytes(bytes);
            }
        }
        if ends[0] {
            conversation.on_client_end();
        }
        if ends[1] {
            conversation.on_server_end();
        }
        let mut open = 0_i64;
        let mut answered = 0;
        while let Some(seen) = conversation.next_seen() {
            if let Seen::Request { .. } = seen {
                open += 1;
            } else if let Seen::ResponseEnd { number, .. } = seen {
                prop_assert!(number > answered, "answers keep their order");
                answered = number;
                open -= 1;
            }
            prop_assert!(open >= 0, "no answer without its request");
        }
    }
}
