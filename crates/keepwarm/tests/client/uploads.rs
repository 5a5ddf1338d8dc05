//! Request bodies, and the request as it reaches the server byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::dialers::Tapped;
use crate::common::{Feed, assert_quiet, bounded, build, fed, settle, text};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{Empty, Full};
use keepwarm::reason::{Again, CloseReason, Phase, Retry};
use keepwarm::{Client, ErrorKind, RequestBody, RetryPolicy};
use keepwarm_lab::{Behaviour, Lab, Request, alphabet, body_hash, scenario};

const AGENT: &str = concat!("user-agent: keepwarm/", env!("CARGO_PKG_VERSION"), "\r\n");

async fn good_lab() -> Lab {
    Lab::start(scenario::well_behaved()).await
}

async fn post(client: &Client, lab: &Lab, body: impl Into<RequestBody>) -> Request {
    let call = client.post(lab.url("/")).body(body);
    let response = call.send().await.expect("an answer");
    response.bytes().await.expect("a body");
    let transcript = lab.transcript();
    transcript
        .requests()
        .last()
        .map(|it| (*it).clone())
        .expect("it")
}

#[tokio::test]
async fn a_get_is_four_lines_and_nothing_else() {
    bounded(async {
        let lab = good_lab().await;
        text(&Client::new(), &lab.url("/x/y?z=1&w=%20")).await;
        let head = format!(
            "GET /x/y?z=1&w=%20 HTTP/1.1\r\nhost: {}\r\n{AGENT}\r\n",
            lab.addr()
        );
        let seen = lab.transcript().request(1, 1).head.clone();
        assert_eq!(String::from_utf8(seen).expect("text"), head);
    })
    .await;
}

#[tokio::test]
async fn a_url_without_a_path_asks_for_the_root() {
    bounded(async {
        let lab = good_lab().await;
        text(&Client::new(), &format!("http://{}?q", lab.addr())).await;
        text(&Client::new(), &format!("http://{}", lab.addr())).await;
        let transcript = lab.transcript();
        let targets: Vec<_> = transcript.requests().iter().map(|it| &*it.target).collect();
        assert_eq!(targets, ["/?q", "/"]);
    })
    .await;
}

/// Go 104 H12_RequestContentLength_None: no body: length 0 where a body is expected, nothing elsewhere.
/// Same as Go.
#[tokio::test]
async fn an_empty_body_is_announced_where_a_body_is_expected() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        for (method, announced) in [
            (Method::POST, Some("0")),
            (Method::PUT, Some("0")),
            (Method::PATCH, Some("0")),
            (Method::GET, None),
            (Method::DELETE, None),
            (Method::OPTIONS, None),
        ] {
            let call = client.request(method.clone(), lab.url("/"));
            call.send().await.expect("an answer");
            let transcript = lab.transcript();
            let last = *transcript.requests().last().expect("it");
            assert_eq!(last.header("content-length"), announced, "{method}");
            assert_eq!(last.header("transfer-encoding"), None);
        }
    })
    .await;
}

/// Go 104 H12_RequestContentLength_Known: a known length is said.
/// Same as Go.
#[tokio::test]
async fn small_bytes_go_out_with_their_length() {
    bounded(async {
        let lab = good_lab().await;
        let tapped = Tapped::default();
        let client = build(Client::builder().dialer(tapped.clone()));
        let request = post(&client, &lab, "warm").await;
        assert_eq!(
            (&*request.body, request.body_complete),
            (&b"warm"[..], true)
        );
        let host = lab.addr();
        let wire =
            format!("POST / HTTP/1.1\r\nhost: {host}\r\n{AGENT}content-length: 4\r\n\r\nwarm");
        assert_eq!(String::from_utf8(tapped.written()).expect("text"), wire);
    })
    .await;
}

#[tokio::test]
async fn five_mebibytes_arrive_byte_for_byte() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        let body = alphabet(3, 5 << 20);
        for kind in [
            RequestBody::from(body.clone()),
            RequestBody::stream(Full::new(Bytes::from(body.clone()))),
        ] {
            let request = post(&client, &lab, kind).await;
            assert_eq!(request.header("content-length"), Some("5242880"));
            assert_eq!(request.body_bytes, 5 << 20);
            assert_eq!(request.body_hash, body_hash(&body));
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn every_size_around_the_buffers_arrives() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        for size in [
            1, 4095, 4096, 4097, 8191, 8192, 8193, 65_535, 65_536, 65_537,
        ] {
            let body = alphabet(0, size);
            let request = post(&client, &lab, body.clone()).await;
            assert_eq!(request.body_bytes, size as u64);
            assert_eq!(request.body_hash, body_hash(&body), "{size}");
            let (feed, stream) = fed(None);
            feed.data(body.clone());
            drop(feed);
            let request = post(&client, &lab, RequestBody::stream(stream)).await;
            assert_eq!(request.body_hash, body_hash(&body), "{size} chunked");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 59 TransportBodyAltRewind: a second sending has the whole body.
/// Same as Go.
#[tokio::test]
async fn a_replayable_body_is_made_anew_for_each_sending() {
    bounded(async {
        let lab = Lab::start(scenario::close_instead_of_answer(2)).await;
        let client = build(Client::builder().retry(RetryPolicy::Rfc));
        let made = Arc::new(AtomicUsize::new(0));
        for round in 1..=2 {
            let made = Arc::clone(&made);
            let body = RequestBody::replayable(move || {
                made.fetch_add(1, Ordering::SeqCst);
                Full::new(Bytes::from_static(b"again and again"))
            });
            let call = client.put(lab.url("/")).body(body);
            let response = call.send().await.expect("an answer");
            let retries = response.retries().to_vec();
            response.bytes().await.expect("a body");
            if round == 2 {
                assert_eq!(retries, [Retry::Again(Again::IdleCloseRace)]);
            }
        }
        assert_eq!(made.load(Ordering::SeqCst), 3);
        let transcript = lab.transcript();
        let requests = transcript.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|it| it.body == b"again and again"));
    })
    .await;
}

/// Go 104 H12_RequestContentLength_Unknown: an unknown length goes out chunked.
/// Same as Go.
#[tokio::test]
async fn a_stream_of_unknown_length_goes_out_chunked() {
    bounded(async {
        let lab = good_lab().await;
        let tapped = Tapped::default();
        let client = build(Client::builder().dialer(tapped.clone()));
        let (feed, stream) = fed(None);
        feed.data("hello");
        feed.data("");
        feed.data(", chunked world!");
        drop(feed);
        let request = post(&client, &lab, RequestBody::stream(stream)).await;
        assert_eq!(request.body, b"hello, chunked world!");
        let (host, written) = (lab.addr(), tapped.written());
        let wire = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\n{AGENT}transfer-encoding: chunked\r\n\r\n\
             5\r\nhello\r\n10\r\n, chunked world!\r\n0\r\n\r\n"
        );
        assert_eq!(String::from_utf8(written).expect("text"), wire);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_known_length_goes_out_with_it() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        let (feed, stream) = fed(Some(9));
        feed.data("four");
        feed.data(" five");
        // The hand is still open: what was declared is all there is to wait for.
        let request = post(&client, &lab, RequestBody::stream(stream)).await;
        assert_eq!(request.header("content-length"), Some("9"));
        assert_eq!(request.body, b"four five");
        assert_eq!(assert_quiet(&client).idle, 1);
        drop(feed);
    })
    .await;
}

#[tokio::test]
async fn an_empty_stream_is_no_body() {
    bounded(async {
        let lab = good_lab().await;
        let body = RequestBody::stream(Empty::<Bytes>::new());
        let request = post(&Client::new(), &lab, body).await;
        assert_eq!(request.header("content-length"), Some("0"));
        let (feed, stream) = fed(None);
        drop(feed);
        let request = post(&Client::new(), &lab, RequestBody::stream(stream)).await;
        assert_eq!(request.header("transfer-encoding"), Some("chunked"));
        assert_eq!((request.body_bytes, request.body_complete), (0, true));
    })
    .await;
}

/// Go 105 TrailersClientToServer: trailers given while streaming arrive.
/// Differs: trailers need no announcing; framing fields among them are left out.
#[tokio::test]
async fn trailers_go_out_behind_the_last_chunk_and_framing_fields_do_not() {
    bounded(async {
        let lab = good_lab().await;
        let tapped = Tapped::default();
        let client = build(Client::builder().dialer(tapped.clone()));
        let (feed, stream) = fed(None);
        feed.data("abc");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", HeaderValue::from_static("900150983cd24fb0"));
        trailers.insert("content-length", HeaderValue::from_static("3"));
        feed.trailers(trailers);
        drop(feed);
        post(&client, &lab, RequestBody::stream(stream)).await;
        let written = String::from_utf8(tapped.written()).expect("text");
        let end = "\r\n\r\n3\r\nabc\r\n0\r\nx-checksum: 900150983cd24fb0\r\n\r\n";
        assert!(written.ends_with(end), "{written}");
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

/// Sends a body that breaks its word: the error, and what reached the lab.
async fn broken(declared: Option<u64>, feeding: impl FnOnce(Feed)) -> (keepwarm::Error, Request) {
    let lab = Lab::start([Behaviour::default()]).await;
    let client = Client::new();
    let (feed, stream) = fed(declared);
    feeding(feed);
    let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
    let error = call.send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::Usage, Phase::Send)
    );
    assert_eq!(error.reason(), Some(&CloseReason::RequestNotSent));
    assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
    lab.wait_for(|it| it.counters().accepted == 1 && it.counters().open == 0)
        .await;
    assert_eq!(text(&client, &lab.url("/next")).await, "hello, world\n");
    let request = lab.transcript().request(1, 1).clone();
    assert!(!request.body_complete);
    (error, request)
}

/// Go 98 TransportPersistConnLeakShortBody: a body that is not as long as declared is an error and leaks nothing.
/// Same as Go.
#[tokio::test]
async fn a_body_shorter_than_declared_is_a_usage_error() {
    bounded(async {
        let (error, request) = broken(Some(10), |feed| feed.data("five5")).await;
        assert!(error.to_string().contains("10 bytes"), "{error}");
        assert_eq!(request.body, b"five5");
    })
    .await;
}

#[tokio::test]
async fn a_piece_longer_than_declared_is_a_usage_error_and_is_not_sent() {
    bounded(async {
        let (_, request) = broken(Some(10), |feed| {
            feed.data("five5");
            feed.data("six666");
        })
        .await;
        assert_eq!(request.body, b"five5");
    })
    .await;
}

/// Go 98 TransportPersistConnLeakShortBody: what exceeds the declared length is never sent.
/// Same as Go.
#[tokio::test]
async fn what_follows_the_declared_bytes_is_never_sent() {
    bounded(async {
        let lab = good_lab().await;
        let tapped = Tapped::default();
        let client = build(Client::builder().dialer(tapped.clone()));
        let (feed, stream) = fed(Some(5));
        feed.data("five5");
        feed.data("GET /smuggled HTTP/1.1\r\n\r\n");
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        match call.send().await {
            Ok(response) => assert_eq!(response.status(), 200),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Usage),
        }
        settle(&client, crate::common::is_quiet).await;
        assert_eq!(text(&client, &lab.url("/next")).await, "hello, world\n");
        let written = String::from_utf8(tapped.written()).expect("text");
        assert!(!written.contains("smuggled"), "{written}");
        assert_eq!(lab.transcript().requests().len(), 2);
    })
    .await;
}

/// Go 95 TransportClosesBodyOnError: the error of the body is the source of the call's; the server sees a truncated
/// upload.
/// Same as Go.
#[tokio::test]
async fn a_body_that_fails_fails_the_call_and_its_connection() {
    bounded(async {
        for declared in [None, Some(100)] {
            let (error, request) = broken(declared, |feed| {
                feed.data("some");
                feed.fail("the disk is gone");
            })
            .await;
            let source = std::error::Error::source(&error).expect("a source");
            assert_eq!(source.to_string(), "the disk is gone");
            assert_eq!(request.body, b"some");
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_caller_says_of_host_agent_and_length_is_not_said_twice() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        let call = client.post(lab.url("/")).body("four");
        let call = call
            .header("Host", "other.test")
            .header("User-Agent", "mine/1")
            .header("Content-Length", "4")
            .header("Transfer-Encoding", "chunked")
            .header("X-Twice", "a")
            .header("X-Twice", "b");
        let response = call.send().await.expect("an answer");
        response.bytes().await.expect("a body");
        let request = lab.transcript().request(1, 1).clone();
        for (name, value) in [
            ("host", "other.test"),
            ("user-agent", "mine/1"),
            ("content-length", "4"),
        ] {
            assert_eq!(request.header_count(name), 1, "{name}");
            assert_eq!(request.header(name), Some(value));
        }
        assert_eq!(request.header_count("transfer-encoding"), 0);
        assert_eq!(request.header_count("x-twice"), 2);
        assert_eq!(request.body, b"four");
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_content_length_of_the_caller_does_not_reach_the_wire() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        for (lie, body) in [("99", "four"), ("2", "four"), ("7", "")] {
            let call = client.post(lab.url("/")).header("content-length", lie);
            let sent = call.body(body).send().await;
            sent.expect("an answer").bytes().await.expect("a body");
            let transcript = lab.transcript();
            let last = *transcript.requests().last().expect("it");
            let length = body.len().to_string();
            assert_eq!(last.header("content-length"), Some(&*length));
            assert_eq!(last.header_count("content-length"), 1);
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 4 TransportConnectionCloseOnRequest: a request marked close says so and its connection is not used again.
/// Same as Go.
#[tokio::test]
async fn connection_close_is_said_once_and_kept() {
    bounded(async {
        let lab = good_lab().await;
        let client = Client::new();
        for call in [
            client.get(lab.url("/")).close(),
            client.get(lab.url("/")).header("Connection", "Close"),
        ] {
            let mut response = call.send().await.expect("an answer");
            while response.chunk().await.expect("a body").is_some() {}
            let first = response.reuse().and_then(|it| it.primary());
            assert_eq!(first, Some(&CloseReason::WeSaidClose));
        }
        let transcript = lab.transcript();
        for request in transcript.requests() {
            assert_eq!(request.header_count("connection"), 1);
        }
        assert_eq!(lab.connections().accepted, 2);
    })
    .await;
}

/// Go 5 TransportConnectionCloseOnRequestDisableKeepAlive: with keep-alive off every request says close.
/// Same as Go.
#[tokio::test]
async fn without_keep_alive_every_request_says_close() {
    bounded(async {
        let lab = good_lab().await;
        let config = Client::builder().keep_alive(false).user_agent(None);
        let client = build(config);
        text(&client, &lab.url("/")).await;
        let head = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            lab.addr()
        );
        let seen = lab.transcript().request(1, 1).head.clone();
        assert_eq!(String::from_utf8(seen).expect("text"), head);
    })
    .await;
}
