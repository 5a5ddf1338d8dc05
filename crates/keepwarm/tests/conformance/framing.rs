//! Section G of the matrix: where an answer ends.

use keepwarm::reason::{CloseReason, ProtocolFault};
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Behaviour, Chunks, Content, Framing, Lab, Pause, Script, scenario};

use crate::common::{LONG, answering, assert_quiet, bounded, build, ok, raw, settle, slugs, text};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Go 129 TransportHeadResponses: the answer to HEAD tells its length and has no body; one connection.
/// Same as Go.
/// Go 131 ClientHeadContentLength: without a length it is unknown.
/// Same as Go.
#[tokio::test]
async fn c129_and_131_the_length_of_an_answer_to_head() {
    bounded(async {
        let script = Script::new()
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n")
            .answer("HTTP/1.1 200 OK\r\n\r\n")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n");
        let lab = Lab::start(script).await;
        let client = Client::new();
        for length in [Some("123"), None, Some("123")] {
            let response = client.head(lab.url("/")).send().await.expect("a head");
            let told = response.headers().get("content-length");
            assert_eq!(told.map(|it| it.to_str().expect("digits")), length);
            assert_eq!(response.bytes().await.expect("nothing"), "");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 132 NoBodyOnChunked304Response: 304 with chunked and a stray last chunk: no body, and the next call does not read
/// the stray bytes.
/// Same as Go.
#[tokio::test]
async fn c132_a_304_with_a_stray_last_chunk() {
    bounded(async {
        let stray = "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let lab = Lab::start([answering(stray), answering(ok("own"))]).await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("a head");
        assert_eq!(response.status(), 304);
        assert_eq!(slugs(response.reuse()), ["stray-bytes"]);
        assert_eq!(response.bytes().await.expect("nothing"), "");
        assert_eq!(text(&client, &lab.url("/")).await, "own");
    })
    .await;
}

/// Answers, their bodies, and whether the connection stays.
const OLD_AND_ODD: [(&str, &str, bool); 11] = [
    (
        "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nbody",
        "body",
        false,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nbody", "body", false),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        "body",
        false,
    ),
    (
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody",
        "body",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 4\r\n\r\nbody",
        "body",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\
                 Content-Length: 4\r\n\r\nbody",
        "body",
        false,
    ),
    (
        "HTTP/1.1 200 \r\nContent-Length: 4\r\n\r\nbody",
        "body",
        true,
    ),
    ("HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", "", true),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: \t4 \r\n\r\nbody",
        "body",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        "body",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "body",
        true,
    ),
];

/// Go 143 ReadResponse: old and odd answers that can be read: the body, and whether the connection stays.
/// Differs: chunked with a length is refused, and so is a transfer coding in HTTP/1.0 (RFC 9112 6.1: faulty framing).
#[tokio::test]
async fn c143_old_and_odd_answers() {
    bounded(async {
        for (answer, body, stays) in OLD_AND_ODD {
            let script = Script::new().answer(answer);
            let ends = stays || answer.contains("Content-Length");
            let lab = Lab::start(if ends { script } else { script.close() }).await;
            let client = Client::new();
            let mut response = client.get(lab.url("/")).send().await.expect(answer);
            let mut read = Vec::new();
            while let Some(data) = response.chunk().await.expect(answer) {
                read.extend_from_slice(&data);
            }
            assert_eq!(read, body.as_bytes(), "{answer:?}");
            let verdict = response.reuse().expect("a verdict");
            assert_eq!(verdict.is_keep(), stays, "{answer:?} {verdict:?}");
        }
        let coded = "HTTP/1.0 200 OK\r\nTransfer-Encoding: bogus\r\nContent-Length: 4\r\n\r\nbody";
        let error = Client::new().get(raw(coded).await.url("/")).send().await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Protocol);
    })
    .await;
}

/// Go 141 ParseContentLength: a length is digits, up to 2^63-1.
/// Same as Go.
#[tokio::test]
async fn c141_what_is_a_length() {
    bounded(async {
        for (length, sound) in [
            ("0", true),
            ("9223372036854775807", true),
            ("007", true),
            ("", false),
            ("+3", false),
            ("-3", false),
            ("3x", false),
            ("9223372036854775808", false),
            ("18446744073709551616", false),
        ] {
            let lab = raw(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            ))
            .await;
            let client = Client::new();
            match client.head(lab.url("/")).send().await {
                Ok(response) => assert!(sound && response.status() == 200, "{length:?}"),
                Err(error) => {
                    assert!(!sound, "{length:?}");
                    let why = CloseReason::PeerBrokeProtocol(ProtocolFault::Length);
                    assert_eq!(error.reason(), Some(&why), "{length:?}");
                }
            }
        }
    })
    .await;
}

/// Go 144 ChunkInvalidInputs: a bare LF, a CR too many, and an LF behind the data are refused.
/// Same as Go.
#[tokio::test]
async fn c144_chunks_end_in_crlf_alone() {
    bounded(async {
        for body in [
            "2\nok\r\n0\r\n\r\n",
            "2\r\r\nok\r\n0\r\n\r\n",
            "2;a\nok\r\n0\r\n\r\n",
            "2\r\nok\n0\r\n\r\n",
            "2\r\nok\r0\r\n\r\n",
        ] {
            let lab = raw(format!("{CHUNKED}{body}")).await;
            let client = Client::new();
            let response = client.get(lab.url("/")).send().await.expect("a head");
            let error = response.bytes().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{body:?}");
            assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
        }
    })
    .await;
}

/// Go 145 IncompleteChunk: a chunked body cut at any byte is an error, and what came is delivered.
/// Same as Go.
#[tokio::test]
async fn c145_a_chunked_body_cut_anywhere_is_an_error() {
    bounded(async {
        let whole = "4\r\nabcd\r\n5\r\nefghi\r\n0\r\n\r\n";
        for cut in 0..whole.len() {
            let script = Script::new().answer(format!("{CHUNKED}{}", &whole[..cut]));
            let lab = Lab::start(script.close()).await;
            let client = Client::new();
            let mut response = client.get(lab.url("/")).send().await.expect("a head");
            let mut read = Vec::new();
            let error = loop {
                match response.chunk().await {
                    Ok(Some(data)) => read.extend_from_slice(&data),
                    Ok(None) => panic!("cut at {cut} it counts as whole"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Closed, "cut at {cut}: {error:?}");
            assert!(b"abcdefghi".starts_with(&read), "cut at {cut}: {read:?}");
            assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
        }
    })
    .await;
}

/// Go 147 ChunkReaderByteAtATime: 1 MiB in chunks of one byte is read.
/// Same as Go.
/// Go 148 ChunkReadingIgnoresExtensions: chunk extensions are passed over.
/// Same as Go.
#[tokio::test]
async fn c147_and_148_small_chunks_and_extensions() {
    bounded(async {
        for (size, sizes, extension) in [
            (1 << 20, vec![1], ""),
            (10_000, vec![100, 7], ";a=b;c=\"d;e\""),
        ] {
            let lab = Lab::spawn_thread(Behaviour {
                body: Content::Size(size),
                special_paths: false,
                framing: Framing::Chunked(Chunks {
                    sizes,
                    extension: extension.to_owned(),
                    trailers: Vec::new(),
                }),
                ..Behaviour::default()
            });
            let client = Client::new();
            let response = client.get(lab.url("/")).send().await.expect("a head");
            let body = response.bytes().await.expect("a body");
            let size = usize::try_from(size).expect("small");
            assert!(body == keepwarm_lab::alphabet(0, size), "{size}");
            assert_eq!(assert_quiet(&client).idle, 1);
        }
    })
    .await;
}

/// Go 149 ChunkReadPartial: what has arrived of a chunk is delivered without waiting for its end; an end that is none
/// is an error then.
/// Same as Go.
#[tokio::test]
async fn c149_a_chunk_is_delivered_before_its_end() {
    bounded(async {
        let script = Script::new()
            .answer(format!("{CHUNKED}7\r\n1234567"))
            .wait_for("the end")
            .send("xx0\r\n\r\n");
        let lab = Lab::start(script).await;
        let client = Client::new();
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let data = response.chunk().await.expect("a body").expect("data");
        assert_eq!(data, "1234567");
        lab.open("the end");
        let error = response.chunk().await.unwrap_err();
        let why = CloseReason::PeerBrokeProtocol(ProtocolFault::ChunkEnd);
        assert_eq!(error.reason(), Some(&why));
        assert_quiet(&client);
    })
    .await;
}

/// Go 152 BodyReadBadTrailer: the end of the connection in a trailer is an error.
/// Same as Go.
#[tokio::test]
async fn c152_a_trailer_cut_short_is_an_error() {
    bounded(async {
        for cut in ["0\r\n", "0\r\nX: y", "0\r\nX: y\r\n"] {
            let script = Script::new().answer(format!("{CHUNKED}2\r\nok\r\n{cut}"));
            let lab = Lab::start(script.close()).await;
            let client = Client::new();
            let response = client.get(lab.url("/")).send().await.expect("a head");
            let error = response.bytes().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{cut:?}");
            assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
        }
    })
    .await;
}

/// Go 155 MissingStatusNoPanic: a status line that ends behind the status is read, and panics nothing.
/// Same as Go.
#[tokio::test]
async fn c155_a_missing_reason_phrase_panics_nothing() {
    bounded(async {
        let lab = raw("HTTP/1.1 400\r\nContent-Length: 0\r\n\r\n").await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.status(), 400);
        assert_quiet(&client);
    })
    .await;
}

/// Go 137 HandlerWritesTooMuch: only what the length says is delivered; the connection does not serve again.
/// Same as Go.
#[tokio::test]
async fn c137_only_what_the_length_says_is_delivered() {
    bounded(async {
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n123x";
        let lab = Lab::start([answering(long), answering(ok("own"))]).await;
        let client = Client::new();
        assert_eq!(text(&client, &lab.url("/")).await, "123");
        assert_eq!(assert_quiet(&client).closed_as("stray-bytes"), 1);
        assert_eq!(text(&client, &lab.url("/")).await, "own");
    })
    .await;
}

/// Go 161 TransportResponseBodyDrainReadAndClose: read in part or not at all, then dropped: the connection stays if and
/// only if the body ends well.
/// Same as Go.
#[tokio::test]
async fn c161_a_dropped_body_keeps_its_connection_only_if_it_ends_well() {
    bounded(async {
        for (rest, ends_well) in [("3\r\ndef\r\n0\r\n\r\n", true), ("3\r\nd", false)] {
            for reads in [false, true] {
                let script = Script::new()
                    .answer(format!("{CHUNKED}3\r\nabc\r\n"))
                    .wait_for("rest")
                    .send(rest);
                let script = if ends_well {
                    script.answer(ok("next"))
                } else {
                    script.close()
                };
                let lab = Lab::start(script).await;
                let client = build(Client::builder().drain_time(LONG));
                let mut response = client.get(lab.url("/")).send().await.expect("a head");
                if reads {
                    let data = response.chunk().await.expect("a body").expect("data");
                    assert_eq!(data, "abc");
                }
                drop(response);
                lab.open("rest");
                let counts = settle(&client, crate::common::is_quiet).await;
                assert_eq!(counts.idle, usize::from(ends_well), "{rest:?} {reads}");
                if ends_well {
                    assert_eq!(text(&client, &lab.url("/")).await, "next");
                }
                assert_eq!(assert_quiet(&client).opened, 1);
            }
        }
    })
    .await;
}

/// Go 9 TransportNotReadToEndConnectionReuse: a call made while a body is still being drained opens a connection of its
/// own.
/// Same as Go.
#[tokio::test]
async fn c009_a_call_during_a_drain_does_not_wait_for_it() {
    bounded(async {
        let script = Script::new()
            .answer(format!("{CHUNKED}3\r\nabc\r\n"))
            .wait_for("rest")
            .send("0\r\n\r\n");
        let lab = Lab::start([script, answering(ok("own"))]).await;
        let client = build(Client::builder().drain_time(LONG));
        drop(client.get(lab.url("/")).send().await.expect("a head"));
        assert_eq!(text(&client, &lab.url("/")).await, "own");
        lab.open("rest");
        let counts = settle(&client, |now| now.idle == 2).await;
        assert_eq!(counts.opened, 2);
    })
    .await;
}

/// Go 162 TransportResponseBodyDrainDropsTrailers: draining consumes the trailers, and the connection serves again.
/// Same as Go.
#[tokio::test]
async fn c162_draining_consumes_the_trailers() {
    bounded(async {
        let body = format!("{CHUNKED}2\r\nok\r\n");
        let script = Script::new()
            .answer(body)
            .wait_for("trailers")
            .send("0\r\nX-Trailer: yes\r\n\r\n")
            .answer(ok("next"));
        let lab = Lab::start(script).await;
        let client = build(Client::builder().drain_time(LONG));
        drop(client.get(lab.url("/")).send().await.expect("a head"));
        lab.open("trailers");
        settle(&client, |now| now.idle == 1).await;
        assert_eq!(text(&client, &lab.url("/")).await, "next");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 164 Issue3644: a large body before a close is delivered whole.
/// Same as Go.
#[tokio::test]
async fn c164_a_large_body_before_a_close_is_whole() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            body: Content::Size(20_000),
            ..scenario::peer_said_close()
        })
        .await;
        let body = text(&Client::new(), &lab.url("/")).await;
        assert!(body.as_bytes() == keepwarm_lab::alphabet(0, 20_000));
    })
    .await;
}

/// Go 168 WriteHeaderNoCodeCheck_h1hijack: a body in several late writes is one body.
/// Same as Go.
#[tokio::test]
async fn c168_a_body_in_late_pieces_is_one_body() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            body: Content::Bytes(b"foobar".to_vec()),
            ..scenario::slow_body(3, Pause::gate("rest"))
        })
        .await;
        let client = Client::new();
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let first = response.chunk().await.expect("a body").expect("data");
        lab.open("rest");
        let rest = response.bytes().await.expect("the rest");
        assert_eq!([&first[..], &rest[..]].concat(), b"foobar");
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}
