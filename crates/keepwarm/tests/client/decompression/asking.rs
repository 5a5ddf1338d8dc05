//! When compression is asked for, and that nothing else is decoded.

use http::HeaderMap;
use keepwarm::{Client, Redirects};
use keepwarm_lab::{Lab, Script};

use super::{client, coded};
use crate::common::{answering, bounded, build, ok};

/// The codings that are built in, as they are asked for.
fn names() -> Vec<&'static str> {
    let all = [
        ("gzip", cfg!(feature = "gzip")),
        ("deflate", cfg!(feature = "deflate")),
        ("br", cfg!(feature = "brotli")),
        ("zstd", cfg!(feature = "zstd")),
    ];
    all.into_iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| name)
        .collect()
}

fn asked(lab: &Lab) -> Option<String> {
    let transcript = lab.transcript();
    let requests = transcript.requests();
    let last = requests.last().expect("a request");
    assert!(last.header_count("accept-encoding") <= 1);
    last.header("accept-encoding").map(str::to_owned)
}

#[tokio::test]
async fn it_is_asked_for_when_the_client_or_the_request_wants_it() {
    bounded(async {
        let lab = Lab::start(answering(ok("plain"))).await;
        let url = lab.url("/");
        let wanted = Some(names().join(", "));
        let (quiet, asking) = (Client::new(), client());
        for (call, wanted) in [
            (quiet.get(&url), None),
            (quiet.get(&url).decompress(true), wanted.clone()),
            (asking.get(&url), wanted.clone()),
            (asking.get(&url).decompress(false), None),
            (asking.post(&url).body("x"), wanted),
        ] {
            let response = call.send().await.expect("an answer");
            assert_eq!(asked(&lab), wanted);
            assert_eq!(response.decoded_from(), None);
            assert_eq!(response.headers()["content-length"], "5");
            assert_eq!(response.text().await.expect("a body"), "plain");
        }
    })
    .await;
}

/// Bytes that no decoder takes.
const OPAQUE: &[u8] = b"\x00\x01 not coded at all";

/// Go 174 TransportRangeAndGzip: a request for a range does not ask for compression.
/// Same as Go.
#[tokio::test]
async fn c174_nothing_is_asked_for_or_decoded_when_the_caller_speaks_for_itself() {
    bounded(async {
        let lab = Lab::start(answering(coded(names()[0], OPAQUE))).await;
        let client = client();
        let get = || client.get(lab.url("/"));
        for (call, wanted) in [
            (get().header("range", "bytes=0-9"), None),
            (
                get().header("accept-encoding", "identity"),
                Some("identity"),
            ),
            (
                get().header("accept-encoding", names()[0]),
                Some(names()[0]),
            ),
            (get().decompress(false), None),
        ] {
            let response = call.send().await.expect("an answer");
            assert_eq!(asked(&lab).as_deref(), wanted);
            assert_eq!(response.headers()["content-encoding"], names()[0]);
            assert_eq!(
                response.headers()["content-length"],
                OPAQUE.len().to_string()
            );
            assert_eq!(response.bytes().await.expect("a body"), OPAQUE);
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_not_asked_for_is_given_as_it_was_sent() {
    bounded(async {
        for coding in ["compress", "identity", "gzip, br", "aes128gcm"] {
            let lab = Lab::start(answering(coded(coding, OPAQUE))).await;
            let response = client().get(lab.url("/")).send().await.expect("an answer");
            assert_eq!(response.headers()["content-encoding"], coding);
            assert_eq!(response.bytes().await.expect("a body"), OPAQUE);
        }
    })
    .await;
}

#[tokio::test]
async fn answers_without_a_body_are_left_alone() {
    bounded(async {
        let coding = names()[0];
        let script = Script::new()
            .answer(format!("HTTP/1.1 204 No Content\r\nContent-Encoding: {coding}\r\n\r\n"))
            .answer(format!("HTTP/1.1 304 Not Modified\r\nContent-Encoding: {coding}\r\nContent-Length: 9\r\n\r\n"))
            .answer(format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 9\r\n\r\n"));
        let lab = Lab::start(script).await;
        let client = client();
        let url = lab.url("/");
        for call in [client.get(&url), client.get(&url), client.head(&url)] {
            let response = call.send().await.expect("an answer");
            assert_eq!(response.headers()["content-encoding"], coding);
            assert_eq!(response.decoded_from(), None);
            assert_eq!(response.bytes().await.expect("nothing"), "");
        }
        // The last was the HEAD, which asks for nothing, as in Go.
        assert_eq!(asked(&lab), None);
        assert_eq!(client.stats().total().opened, 1);
    })
    .await;
}

#[tokio::test]
async fn the_fields_of_the_caller_stay_and_each_hop_asks() {
    bounded(async {
        let script = Script::new()
            .answer("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
            .answer(ok("there"));
        let lab = Lab::start(script).await;
        let client = build(
            Client::builder()
                .decompress(true)
                .redirects(Redirects::up_to(1)),
        );
        let mut headers = HeaderMap::new();
        headers.insert("x-kept", "1".parse().expect("a value"));
        let call = client.get(lab.url("/")).headers(headers);
        call.send().await.expect("an answer");
        for request in lab.transcript().requests() {
            assert_eq!(request.header("x-kept"), Some("1"));
            assert_eq!(
                request.header("accept-encoding"),
                Some(names().join(", ").as_str())
            );
        }
    })
    .await;
}
