//! The request side: what would frame, split or end a request cannot be put into one. It is refused before a
//! connection is opened, or no value can be made that holds it.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Empty;
use keepwarm::{Client, Error, ErrorKind, RequestBody};
use keepwarm_lab::{Lab, scenario};
use tower_service::Service;

use crate::common::{assert_quiet, bounded, build, fed, text};

/// All control bytes: those of ASCII, and DEL.
fn controls() -> impl Iterator<Item = u8> {
    (0..0x20).chain([0x7f])
}

/// What breaks a line if it gets through, and each control byte alone.
fn splitters() -> Vec<String> {
    let alone = controls().map(|byte| char::from(byte).to_string());
    let lines = [
        "\r\nEvil: yes",
        "\nEvil: yes",
        "\rEvil: yes",
        "\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n",
        " HTTP/1.1\r\nEvil: yes\r\n\r\n",
    ];
    alone.chain(lines.map(str::to_owned)).collect()
}

async fn good() -> Lab {
    Lab::start(scenario::well_behaved()).await
}

/// Refused as a usage error, and nothing was opened for it.
fn assert_refused(error: &Error, client: &Client, lab: &Lab, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Usage, "{what:?}: {error:?}");
    assert_eq!(error.bytes_written(), 0, "{what:?}");
    assert_eq!(assert_quiet(client).opened, 0, "{what:?}");
    assert_eq!(lab.connections().accepted, 0, "{what:?}");
    let message = error.to_string();
    assert!(!message.contains(['\r', '\n', '\0']), "{message:?}");
}

/// The raw heads that arrived, each of which must be this many lines, the blank one included.
fn assert_heads(lab: &Lab, heads: usize, lines: usize) {
    let transcript = lab.transcript();
    let requests = transcript.requests();
    assert_eq!(requests.len(), heads);
    for request in requests {
        let ends = request.head.windows(2).filter(|pair| pair == b"\r\n");
        assert_eq!(ends.count(), lines, "{request:?}");
        let feeds = request.head.iter().filter(|byte| **byte == b'\n');
        assert_eq!(feeds.count(), lines, "{request:?}");
        assert!(!request.head.contains(&0), "{request:?}");
    }
}

#[tokio::test]
async fn urls_with_control_bytes_are_refused() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let address = lab.addr();
        for evil in splitters() {
            for url in [
                format!("http://{address}/a{evil}b"),
                format!("http://{address}/{evil}"),
                format!("http://{address}/?{evil}"),
                format!("http://{address}/a?b=c{evil}d"),
                format!("http://{address}{evil}/"),
                format!("http://127.0.0.1{evil}:{}/", address.port()),
                format!("http://{evil}{address}/"),
                format!("http://user{evil}@{address}/"),
                format!("http{evil}://{address}/"),
                format!("{evil}http://{address}/"),
            ] {
                let error = client.get(&url).send().await.unwrap_err();
                assert_refused(&error, &client, &lab, &url);
                let warmed = client.prewarm(&url, 1).unwrap_err();
                assert_refused(&warmed, &client, &lab, &url);
            }
        }
        let url = format!("http://a b:{}/", address.port());
        let error = client.get(&url).send().await.unwrap_err();
        assert_refused(&error, &client, &lab, &url);
    })
    .await;
}

/// A blank is encoded: written as it is, it would end the target and begin a version.
#[tokio::test]
async fn blanks_in_urls_are_encoded() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for (text, target) in [
            ("/a b", "/a%20b"),
            ("/a?b c", "/a?b%20c"),
            ("/ HTTP/1.1", "/%20HTTP/1.1"),
        ] {
            let url = format!("http://{}{text}", lab.addr());
            let response = client.get(&url).send().await.expect("an answer");
            response.bytes().await.expect("a body");
            assert_eq!(lab.transcript().requests_for(target), 1, "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_fragment_never_leaves() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let mut sent = 0;
        for evil in splitters() {
            let call = client.get(format!("http://{}/p?q#a{evil}b", lab.addr()));
            match call.send().await {
                Ok(_) => sent += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Usage, "{evil:?}"),
            }
        }
        assert_heads(&lab, sent, 4);
        let transcript = lab.transcript();
        assert!(transcript.requests().iter().all(|it| it.target == "/p?q"));
    })
    .await;
}

#[test]
fn no_url_part_can_be_made_that_holds_a_control_byte() {
    for evil in splitters() {
        let path = format!("/a{evil}b");
        PathAndQuery::try_from(path.as_str()).unwrap_err();
        PathAndQuery::from_maybe_shared(Bytes::from(path.clone())).unwrap_err();
        PathAndQuery::try_from(format!("/?{path}")).unwrap_err();
        Authority::try_from(format!("a{evil}b")).unwrap_err();
        Authority::from_maybe_shared(Bytes::from(format!("a{evil}b:80"))).unwrap_err();
        Uri::from_maybe_shared(Bytes::from(format!("http://a{path}"))).unwrap_err();
        let parts = Uri::builder().scheme("http").authority("a");
        parts.path_and_query(path).build().unwrap_err();
    }
}

#[test]
fn no_method_can_be_made_that_holds_more_than_a_token() {
    for byte in (0..=u8::MAX).filter(|byte| *byte <= b' ' || *byte >= 0x7f) {
        for method in [vec![byte], vec![b'G', byte, b'T'], vec![b'G', b'E', byte]] {
            Method::from_bytes(&method).unwrap_err();
            let request = Request::builder().method(&method[..]).body(());
            request.unwrap_err();
        }
    }
    for method in ["", "GET /evil HTTP/1.1\r\nA: b", "GET,", "G:T", "(GET)"] {
        Method::from_bytes(method.as_bytes()).unwrap_err();
    }
}

#[tokio::test]
async fn header_names_that_are_no_tokens_are_refused() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let mut names: Vec<_> = splitters()
            .iter()
            .flat_map(|evil| {
                [
                    evil.clone(),
                    format!("{evil}x"),
                    format!("x{evil}"),
                    format!("x{evil}y"),
                ]
            })
            .collect();
        names.extend(
            [
                "",
                " ",
                "x ",
                " x",
                "x:",
                ":",
                "x: y",
                "x\u{e9}",
                "transfer-encoding:",
            ]
            .map(str::to_owned),
        );
        for name in names {
            HeaderName::from_bytes(name.as_bytes()).unwrap_err();
            let call = client.get(lab.url("/")).header(name.as_str(), "value");
            assert_refused(&call.send().await.unwrap_err(), &client, &lab, &name);
            // The first mistake stays, whatever follows it.
            let call = client.get(lab.url("/")).header(name.as_str(), "value");
            let call = call.header("x", "y").headers(HeaderMap::new()).body("z");
            assert_refused(&call.send().await.unwrap_err(), &client, &lab, &name);
            let request = Request::builder().header(name.as_str(), "value").body(());
            request.unwrap_err();
        }
    })
    .await;
}

#[tokio::test]
async fn header_values_with_control_bytes_are_refused() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        // A tab is white space (RFC 9110 §5.5); it is sent below.
        for evil in splitters().into_iter().filter(|evil| evil != "\t") {
            for value in [
                evil.clone(),
                format!("{evil}x"),
                format!("x{evil}"),
                format!("x{evil}y"),
            ] {
                HeaderValue::from_bytes(value.as_bytes()).unwrap_err();
                HeaderValue::from_maybe_shared(Bytes::from(value.clone())).unwrap_err();
                for name in [
                    "x",
                    "host",
                    "connection",
                    "expect",
                    "upgrade",
                    "user-agent",
                    "content-length",
                ] {
                    let call = client
                        .post(lab.url("/"))
                        .header(name, value.as_str())
                        .body("z");
                    let error = call.send().await.unwrap_err();
                    assert_refused(&error, &client, &lab, &value);
                    let call = client.get(lab.url("/")).header(name, value.as_bytes());
                    let error = call.send().await.unwrap_err();
                    assert_refused(&error, &client, &lab, &value);
                }
                let request = Request::builder().header("x", value.as_str()).body(());
                request.unwrap_err();
            }
        }
    })
    .await;
}

#[test]
fn a_user_agent_with_control_bytes_builds_no_client() {
    for evil in splitters().into_iter().filter(|evil| evil != "\t") {
        let config = Client::builder().user_agent(format!("agent{evil}"));
        let error = config.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{evil:?}");
        assert!(error.to_string().contains("user_agent"), "{error}");
    }
}

#[tokio::test]
async fn what_is_legal_stays_on_its_line() {
    bounded(async {
        let lab = good().await;
        let client = build(Client::builder().user_agent("an\tagent of \u{e9}".to_owned()));
        let call = client.get(lab.url("/%0d%0aEvil:%20yes?%00%0a\u{e9}"));
        let call = call.header("x-tab", "\ta\tb\t");
        let call = call.header("x-latin", &b"\xe9\xff\x80"[..]);
        let call = call.header("x-empty", "");
        let call = call.header("x-odd", "a: b, GET / HTTP/1.1");
        call.send().await.expect("an answer");
        assert_heads(&lab, 1, 8);
        let target = lab.transcript().request(1, 1).target.clone();
        assert!(
            target.starts_with("/%0d%0aEvil:%20yes?%00%0a"),
            "{target:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn framing_is_ours_whatever_the_caller_says() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let lies = [
            ("content-length", "0"),
            ("content-length", "5, 6"),
            ("content-length", "-1"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked, identity"),
            ("transfer-encoding", "\tchunked"),
        ];
        for (name, value) in lies {
            for second in lies {
                let call = client.post(lab.url("/echo")).header(name, value);
                let call = call.header(second.0, second.1).body("four");
                let answer = call.send().await.expect("an answer");
                assert_eq!(answer.text().await.expect("a body"), "four");
                // Without a body nothing of it is said.
                let call = client.get(lab.url("/")).header(name, value);
                call.header(second.0, second.1)
                    .send()
                    .await
                    .expect("an answer");
            }
        }
        let transcript = lab.transcript();
        for request in transcript.requests() {
            let length = (request.method == "POST").then_some("4");
            assert_eq!(request.header("content-length"), length, "{request:?}");
            assert!(request.header_count("content-length") <= 1);
            assert_eq!(request.header_count("transfer-encoding"), 0, "{request:?}");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_looks_like_the_end_and_a_request_is_a_body() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let evil = "\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n";
        let call = client.post(lab.url("/echo")).body(evil);
        assert_eq!(
            call.send().await.expect("it").text().await.expect("it"),
            evil
        );
        // Chunked, in pieces that tear the line ends apart.
        for size in [1, 2, 3, 7, evil.len()] {
            let (feed, stream) = fed(None);
            for piece in evil.as_bytes().chunks(size) {
                feed.data(Bytes::copy_from_slice(piece));
                feed.data(Bytes::new());
            }
            drop(feed);
            let call = client
                .post(lab.url("/echo"))
                .body(RequestBody::stream(stream));
            assert_eq!(
                call.send().await.expect("it").text().await.expect("it"),
                evil
            );
        }
        assert_eq!(lab.transcript().requests_for("/evil"), 0);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn trailers_are_lines_or_cannot_be_made() {
    bounded(async {
        let mut trailers = HeaderMap::new();
        for evil in splitters().into_iter().filter(|evil| evil != "\t") {
            // A trailer map holds the same names and values as a header map: none of these can be made.
            HeaderValue::from_str(&format!("a{evil}b")).unwrap_err();
            HeaderName::from_bytes(format!("x{evil}").as_bytes()).unwrap_err();
            HeaderName::try_from(evil.as_str()).unwrap_err();
        }
        trailers.insert("x-sum", HeaderValue::from_static("\t0\t"));
        trailers.insert("x-empty", HeaderValue::from_static(""));
        let lab = good().await;
        let client = Client::new();
        let (feed, stream) = fed(None);
        feed.data("data");
        feed.trailers(trailers);
        drop(feed);
        let call = client
            .post(lab.url("/echo"))
            .body(RequestBody::stream(stream));
        assert_eq!(
            call.send().await.expect("it").text().await.expect("it"),
            "data"
        );
        assert_eq!(text(&client, &lab.url("/next")).await, "hello, world\n");
        assert_eq!(lab.transcript().requests().len(), 2);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_service_refuses_what_names_no_origin() {
    bounded(async {
        let lab = good().await;
        let mut client = Client::new();
        let requests = [
            (Method::GET, "/only/a/path".to_owned()),
            (Method::OPTIONS, "*".to_owned()),
            (Method::GET, lab.addr().to_string()),
            (Method::CONNECT, lab.addr().to_string()),
            (Method::CONNECT, lab.url("/")),
            (Method::GET, format!("ftp://{}/", lab.addr())),
            (Method::GET, format!("http://user:secret@{}/", lab.addr())),
        ];
        for (method, uri) in requests {
            let request = Request::builder().method(method).uri(&uri);
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            // A client is always ready.
            let error = client.call(request).await.unwrap_err();
            assert_refused(&error, &client, &lab, &uri);
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_has_one_host_line() {
    bounded(async {
        let lab = good().await;
        let client = Client::new();
        let call = client
            .get(lab.url("/"))
            .header("host", "a")
            .header("Host", "b");
        let error = call.send().await.unwrap_err();
        assert_refused(&error, &client, &lab, "two hosts");
    })
    .await;
}
