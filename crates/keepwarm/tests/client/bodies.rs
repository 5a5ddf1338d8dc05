//! Response bodies: every framing, byte for byte, and what their ends say of the connection.

use std::time::Duration;

use crate::common::{assert_quiet, bounded, build, ok, raw, settle, slugs, text};
use bytes::Bytes;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use keepwarm::reason::{CloseReason, ProtocolFault};
use keepwarm::{Client, ErrorKind, Response};
use keepwarm_lab::{
    Behaviour, Chunks, Content, Fault, FaultKind, FaultPoint, Framing, Lab, Pause, Script, Which,
    alphabet, scenario,
};

async fn get(client: &Client, url: String) -> Response {
    client.get(url).send().await.expect("an answer")
}

#[tokio::test]
async fn a_body_with_a_length_is_read_to_its_end_and_the_connection_kept() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let mut response = get(&client, lab.url("/")).await;
        assert_eq!(response.headers()["content-length"], "13");
        let data = response.chunk().await.expect("a body");
        assert_eq!(data.as_deref(), Some(&b"hello, world\n"[..]));
        assert!(response.reuse().expect("a verdict").is_keep());
        for _ in 0..3 {
            assert_eq!(response.chunk().await.expect("an end"), None);
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.idle, counts.opened), (1, 1));
    })
    .await;
}

/// The answer in two pieces with a pause between, parted at each place in turn, has this body; one connection serves
/// all.
async fn is_the_same_at_every_split(answer: &str, body: &str) {
    let mut script = Script::new();
    for split in 1..answer.len() {
        let (first, second) = answer.split_at(split);
        let pause = Duration::from_millis(1);
        script = script.answer(first).delay(pause).send(second);
    }
    let lab = Lab::start(script).await;
    let client = Client::new();
    for split in 1..answer.len() {
        let read = text(&client, &lab.url("/")).await;
        assert_eq!(read, body, "split at {split}");
    }
    assert_eq!(lab.connections().accepted, 1);
}

#[tokio::test]
async fn a_chunked_answer_is_the_same_at_every_split() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;a=b\r\nhello\r\n00a\r\n, chunked \r\n5\r\nworld\r\n0\r\nx-t: v\r\n\r\n";
    bounded(is_the_same_at_every_split(answer, "hello, chunked world")).await;
}

#[tokio::test]
async fn an_answer_with_a_length_is_the_same_at_every_split() {
    bounded(is_the_same_at_every_split(
        &ok("hello, length"),
        "hello, length",
    ))
    .await;
}

#[tokio::test]
async fn an_answer_that_drips_byte_by_byte_is_read() {
    bounded(async {
        let behaviour = Behaviour {
            write_size: Some(1),
            ..scenario::chunked([1, 2, 3])
        };
        let lab = Lab::start(behaviour).await;
        let client = Client::new();
        for _ in 0..3 {
            assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        }
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

/// Go 157 TrailersServerToClient: trailers come behind the body.
/// Differs: they are a frame of the body; announced names are not listed beforehand.
/// Go 158 ServerUndeclaredTrailers: trailers that were not announced are accepted.
/// Same as Go.
#[tokio::test]
async fn trailers_are_frames_behind_the_data() {
    bounded(async {
        // Once with everything in one write, once with the trailers held back.
        for pause in [Pause::None, Pause::For(Duration::from_millis(2))] {
            let behaviour = Behaviour {
                between_pieces: pause,
                ..scenario::chunked([4])
            };
            let lab = Lab::start(behaviour).await;
            let client = Client::new();
            let mut body = get(&client, lab.url("/")).await.into_body();
            let (mut data, mut trailers) = (Vec::new(), None);
            while let Some(frame) = body.frame().await {
                match frame.expect("a frame").into_data() {
                    Ok(bytes) => data.extend_from_slice(&bytes),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                }
            }
            assert_eq!(data, b"hello, world\n");
            assert_eq!(trailers.expect("trailers")["x-trailer"], "yes");
            assert!(body.is_end_stream());
            assert_eq!(assert_quiet(&client).idle, 1);
        }
    })
    .await;
}

/// Go 138 IdentityTransferEncoding: a body until the end of the connection is read, and the connection not used
/// again.
/// Same as Go.
#[tokio::test]
async fn a_body_without_a_length_ends_with_the_connection() {
    bounded(async {
        let lab = Lab::start(scenario::close_delimited()).await;
        let client = Client::new();
        let mut response = get(&client, lab.url("/")).await;
        let hint = HttpBody::size_hint(response.body_mut());
        assert_eq!(hint.exact(), None);
        let mut all = Vec::new();
        while let Some(data) = response.chunk().await.expect("a body") {
            all.extend_from_slice(&data);
        }
        assert_eq!(all, b"hello, world\n");
        assert_eq!(slugs(response.reuse()), ["close-delimited"]);
        assert_eq!(assert_quiet(&client).closed_as("close-delimited"), 1);
    })
    .await;
}

/// Go 17 TransportReuseConnEmptyResponseBody: the connection is parked when `send` returns.
/// Same as Go.
#[tokio::test]
async fn an_answer_without_a_body_is_over_before_send_returns() {
    bounded(async {
        let lab = Lab::start(Behaviour::with_body("")).await;
        let client = Client::new();
        let mut response = get(&client, lab.url("/")).await;
        assert!(response.reuse().expect("a verdict").is_keep());
        assert!(HttpBody::is_end_stream(response.body_mut()));
        assert_eq!(assert_quiet(&client).idle, 1);
        assert_eq!(response.text().await.expect("nothing"), "");
    })
    .await;
}

/// Go 129 TransportHeadResponses: HEAD with a length: no body, and the connection serves again.
/// Same as Go.
/// Go 130 TransportHeadChunkedResponse: HEAD with chunked: ignored.
/// Same as Go.
/// Go 134 304Responses: 304 has no body.
/// Same as Go.
#[tokio::test]
async fn head_and_204_and_304_have_no_body_whatever_they_declare() {
    bounded(async {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        ];
        let mut script = Script::new();
        for answer in answers {
            script = script.answer(answer);
        }
        script = script
            .answer("HTTP/1.1 204 No Content\r\nContent-Length: 99\r\n\r\n")
            .answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"x\"\r\n\r\n");
        let lab = Lab::start(script).await;
        let client = Client::new();
        for _ in answers {
            let response = client.head(lab.url("/")).send().await.expect("a head");
            assert_eq!(response.status(), 200);
            assert_eq!(response.bytes().await.expect("nothing"), Bytes::new());
        }
        for status in [204, 304] {
            let response = get(&client, lab.url("/")).await;
            assert_eq!(response.status(), status);
            assert_eq!(response.bytes().await.expect("nothing"), Bytes::new());
        }
        assert_eq!(lab.connections().accepted, 1);
        assert_eq!(assert_quiet(&client).reused, 4);
    })
    .await;
}

#[tokio::test]
async fn bodies_of_1_mib_and_20_mib_arrive_byte_for_byte() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::well_behaved());
        let client = Client::new();
        for size in [1 << 20, 20 << 20] {
            let expected = alphabet(0, size);
            for kind in ["bytes", "chunked"] {
                let response = get(&client, lab.url(&format!("/{kind}/{size}"))).await;
                let body = response.bytes().await.expect("a body");
                assert!(body == expected, "{kind} of {size} differs");
            }
        }
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

#[tokio::test]
async fn a_long_body_without_a_length_arrives_byte_for_byte() {
    bounded(async {
        let behaviour = Behaviour {
            body: Content::Size(3 << 20),
            ..scenario::close_delimited()
        };
        let lab = Lab::spawn_thread(behaviour);
        let response = get(&Client::new(), lab.url("/")).await;
        let body = response.bytes().await.expect("a body");
        assert!(body == alphabet(0, 3 << 20));
    })
    .await;
}

#[tokio::test]
async fn text_replaces_what_is_no_utf8() {
    bounded(async {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n".to_vec();
        answer.extend_from_slice(b"a\xffb");
        let lab = raw(answer).await;
        assert_eq!(text(&Client::new(), &lab.url("/")).await, "a\u{fffd}b");
    })
    .await;
}

#[tokio::test]
async fn a_body_longer_than_asked_for_is_an_error_that_says_limit() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for path in ["/bytes/100000", "/chunked/100000", "/bytes/13"] {
            let body = get(&client, lab.url(path)).await.into_body();
            let error = body.bytes_up_to(12).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{path}");
        }
        let body = get(&client, lab.url("/bytes/13")).await.into_body();
        assert_eq!(body.bytes_up_to(13).await.expect("it fits").len(), 13);
        let body = get(&client, lab.url("/bytes/100000")).await.into_body();
        assert_eq!(
            body.bytes_up_to(100_000).await.expect("it fits").len(),
            100_000
        );
        settle(&client, crate::common::is_quiet).await;
        assert_quiet(&client);
    })
    .await;
}

#[cfg(feature = "json")]
#[tokio::test]
async fn json_goes_out_and_comes_back() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let value = serde_json::json!({"warm": [1, 2, 3]});
        let call = client.post(lab.url("/echo")).json(&value);
        let response = call.send().await.expect("an answer");
        let back: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!(back, value);
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header("content-type"), Some("application/json"));
        let response = get(&client, lab.url("/")).await;
        let error = response.json::<Vec<u32>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn the_size_hint_counts_down_to_the_end() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(5, Pause::gate("rest"))).await;
        let client = Client::new();
        let mut body = get(&client, lab.url("/")).await.into_body();
        assert_eq!(HttpBody::size_hint(&body).exact(), Some(13));
        assert!(!body.is_end_stream() && body.reuse().is_none());
        let frame = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), "hello");
        assert_eq!(HttpBody::size_hint(&body).exact(), Some(8));
        lab.open("rest");
        let rest = body.chunk().await.expect("a body").expect("data");
        let left = 8 - rest.len() as u64;
        assert_eq!(HttpBody::size_hint(&body).exact(), Some(left));
        let rest = body.bytes().await.expect("the rest");
        assert_eq!(rest.len() as u64, left);
    })
    .await;
}

/// Go 151 FinalChunkedBodyReadEOF: the end is known with the last bytes.
/// Same as Go.
#[tokio::test]
async fn a_body_is_at_its_end_with_its_last_byte() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(12, Pause::gate("rest"))).await;
        let client = Client::new();
        let mut body = get(&client, lab.url("/")).await.into_body();
        body.chunk().await.expect("a body");
        lab.open("rest");
        assert_eq!(
            body.chunk().await.expect("a body").as_deref(),
            Some(&b"\n"[..])
        );
        assert!(body.is_end_stream());
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

/// Go 135 H12_HandlerWritesTooLittle: a short body is an error after the bytes that came.
/// Same as Go.
/// Go 136 ResponseContentLengthShortBody: the error says how much is missing.
/// Same as Go.
#[tokio::test]
async fn a_body_shorter_than_its_length_is_an_error() {
    bounded(async {
        let lab = Lab::start(scenario::length_too_long(10)).await;
        let client = Client::new();
        let mut response = get(&client, lab.url("/")).await;
        assert_eq!(
            response.chunk().await.expect("data").expect("some").len(),
            13
        );
        let error = response.chunk().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        let fault = ProtocolFault::EndedInBody { left: Some(10) };
        let why = CloseReason::PeerBrokeProtocol(fault);
        assert_eq!(error.reason(), Some(&why));
        assert_eq!(response.reuse().and_then(|it| it.primary()), Some(&why));
        assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
        assert_eq!(response.chunk().await.expect("an end"), None);
    })
    .await;
}

/// Go 145 IncompleteChunk: a chunked body cut short is an error.
/// Same as Go.
#[tokio::test]
async fn a_chunked_body_that_is_cut_is_an_error() {
    bounded(async {
        let fault = Fault {
            at: FaultPoint::AfterBodyBytes(7),
            what: FaultKind::Close,
            which: Which::All,
        };
        let behaviour = Behaviour {
            framing: Framing::Chunked(Chunks::default()),
            fault: Some(fault),
            ..Behaviour::default()
        };
        let lab = Lab::start(behaviour).await;
        let client = Client::new();
        let response = get(&client, lab.url("/")).await;
        let error = response.text().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        let fault = ProtocolFault::EndedInBody { left: None };
        assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
        assert_quiet(&client);
    })
    .await;
}

/// Go 159 InterruptWithPanic: a reset in the body is an error of its reader.
/// Same as Go.
#[tokio::test]
async fn a_reset_in_a_body_is_an_error() {
    bounded(async {
        let lab = Lab::start(scenario::reset_in_body(5)).await;
        let client = Client::new();
        let response = get(&client, lab.url("/")).await;
        let error = response.text().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let kind = std::io::ErrorKind::ConnectionReset;
        assert_eq!(error.reason(), Some(&CloseReason::IoError { kind }));
        assert_eq!(assert_quiet(&client).closed_as("io-error"), 1);
    })
    .await;
}

/// Go 143 ReadResponse: HTTP/1.0 closes, unless it says keep-alive.
/// Same as Go.
#[tokio::test]
async fn http10_keeps_the_connection_only_when_it_says_so() {
    bounded(async {
        let client = Client::new();
        let lab = Lab::start(scenario::http10()).await;
        for _ in 0..2 {
            let mut response = get(&client, lab.url("/")).await;
            assert_eq!(response.version(), http::Version::HTTP_10);
            while response.chunk().await.expect("a body").is_some() {}
            assert_eq!(slugs(response.reuse()), ["http10"]);
        }
        assert_eq!(lab.connections().accepted, 2);
        let lab = Lab::start(scenario::http10_keep_alive()).await;
        for _ in 0..3 {
            assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        }
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

#[tokio::test]
async fn an_http10_answer_without_a_length_has_both_reasons() {
    bounded(async {
        let lab = Lab::start(Script::new().answer("HTTP/1.0 200 OK\r\n\r\nold").close()).await;
        let mut response = get(&Client::new(), lab.url("/")).await;
        let data = response.chunk().await.expect("a body").expect("data");
        assert_eq!(data, "old");
        assert_eq!(response.chunk().await.expect("an end"), None);
        assert_eq!(slugs(response.reuse()), ["http10", "close-delimited"]);
    })
    .await;
}

#[tokio::test]
async fn a_thousand_answers_of_any_framing_share_one_connection() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::well_behaved());
        let client = build(Client::builder());
        for round in 0..1000_usize {
            let kind = ["bytes", "chunked"][round % 2];
            let size = (round * 37) % 20_000;
            let response = get(&client, lab.url(&format!("/{kind}/{size}"))).await;
            let body = response.bytes().await.expect("a body");
            assert!(body == alphabet(0, size), "{kind} of {size}");
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.reused), (1, 999));
    })
    .await;
}
