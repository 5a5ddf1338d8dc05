//! CONNECT with proxies that agree, tear, stall, talk too much or break HTTP. Refusals are next door.

use std::time::Duration;

use keepwarm_core::h1;
use keepwarm_core::reason::Limit;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

use super::{Handshake, connect_answered, handshake, in_time, pair, proxy, route, target};
use crate::error::{Error, ErrorKind};

const AGREED: &[u8] = b"HTTP/1.1 200 Connection established\r\nProxy-agent: x\r\n\r\n";

/// Go 181 TransportProxyConnectHeader: header fields of one's own go with CONNECT.
/// Same as Go.
#[tokio::test(start_paused = true)]
async fn the_request_names_the_target_the_credentials_and_the_fields() {
    let plain = proxy("http://p");
    let (result, _, head) = connect_answered(&plain, AGREED).await;
    result.expect("a tunnel");
    assert_eq!(
        head,
        "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nuser-agent: keepwarm/test\r\n\r\n"
    );
    let full = proxy("http://Aladdin:open%20sesame@p")
        .connect_header("X-A", "1")
        .and_then(|proxy| proxy.connect_header("x-a", "2"))
        .unwrap();
    let (result, _, head) = connect_answered(&full, AGREED).await;
    result.expect("a tunnel");
    assert_eq!(
        head,
        "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nuser-agent: keepwarm/test\r\n\
         x-a: 1\r\nx-a: 2\r\nproxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
    );
    let bearer = full
        .connect_header("proxy-authorization", "Bearer t")
        .unwrap();
    let (result, _, head) = connect_answered(&bearer, AGREED).await;
    result.expect("a tunnel");
    assert!(head.contains("proxy-authorization: Bearer t\r\n") && !head.contains("Basic"));
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_target_keeps_its_brackets() {
    let (mut stream, mut peer) = pair();
    let target = target("[2001:db8::1]", 8443);
    let route = route(&proxy("p"));
    let settings = Handshake {
        user_agent: None,
        ..handshake()
    };
    let script = async {
        let head = peer.hears_head().await;
        peer.says(AGREED).await;
        head
    };
    let (result, head) = tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
    result.expect("a tunnel");
    assert_eq!(
        head,
        "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nhost: [2001:db8::1]:8443\r\n\r\n"
    );
}

#[tokio::test(start_paused = true)]
async fn any_2xx_opens_the_tunnel_and_its_length_means_nothing() {
    for answer in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 204 x\r\n\r\n",
        "HTTP/1.1 299 x\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (result, _, _) = connect_answered(&proxy("p"), answer.as_bytes()).await;
        result.unwrap_or_else(|error| panic!("{answer:?}: {error}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_torn_anywhere_and_the_stream_goes_on_behind_it() {
    let target = target("example.com", 443);
    let route = route(&proxy("p"));
    let byte_by_byte: Vec<&[u8]> = AGREED.chunks(1).collect();
    let torn = (1..AGREED.len()).map(|cut| vec![&AGREED[..cut], &AGREED[cut..]]);
    for pieces in torn.chain([byte_by_byte]) {
        let (mut stream, mut peer) = pair();
        let client = async {
            let settings = handshake();
            route.negotiate(&mut stream, &target, &settings).await?;
            stream.write_all(b"ping").await.expect("a tunnel");
            let mut pong = [0; 4];
            stream.read_exact(&mut pong).await.expect("a tunnel");
            Ok::<_, Error>(pong)
        };
        let script = async {
            peer.hears_head().await;
            peer.says_torn(&pieces).await;
            peer.hears(b"ping").await;
            peer.says(b"pong").await;
        };
        let (pong, ()) = in_time(async { tokio::join!(client, script) }).await;
        assert_eq!(&pong.expect("a tunnel"), b"pong");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_agreement_are_refused() {
    let answer = [AGREED, b"220 smtp ready\r\n"].concat();
    let (result, _, _) = connect_answered(&proxy("p"), &answer).await;
    let error = result.expect_err("stray bytes");
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert_eq!(
        error.to_string(),
        "the proxy http://p:80 sent 16 stray bytes behind its agreement to a tunnel"
    );
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hangs_up_is_told_of() {
    for said in [&b""[..], b"HTTP", b"HTTP/1.1 200 OK\r\nA:"] {
        let (mut stream, mut peer) = pair();
        let target = target("example.com", 443);
        let script = async move {
            peer.hears_head().await;
            peer.says(said).await;
        };
        let route = route(&proxy("http://p:3128"));
        let settings = handshake();
        let (result, ()) = tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
        let error = result.expect_err("no answer");
        assert_eq!(
            (error.kind(), error.phase().slug()),
            (ErrorKind::Proxy, "connect")
        );
        assert!(error.is_safe_to_retry() && error.is_connect());
        assert_eq!(
            error.to_string(),
            "the proxy http://p:3128 closed the connection before it agreed"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_told_of() {
    for (answer, part) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], "it does not speak HTTP/1"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "it answered in TLS"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "an HTTP version"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "white space before"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "folded"),
        (b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", "control byte"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "start line"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "not asked for"),
    ] {
        let (result, _, _) = connect_answered(&proxy("p"), answer).await;
        let error = result.expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Proxy, "{part}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

/// Go 185 ProxyWithInfiniteHeader: an answer to CONNECT that never ends is cut at the limit on heads.
/// Same as Go.
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_given_up_at_the_limit() {
    let line = b"a: bcdefghijklmnopqrstuvwxyz\r\n";
    let long_line = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'x'; 100_000]].concat();
    let many_lines = [
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        line.repeat(300),
        b"\r\n".to_vec(),
    ]
    .concat();
    let interim = b"HTTP/1.1 103 x\r\n\r\n".repeat(100);
    let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), line.repeat(10_000)].concat();
    for (answer, limit) in [
        (long_line, Limit::HeadBytes),
        (endless, Limit::HeadBytes),
        (many_lines, Limit::HeaderCount),
        (interim, Limit::Interim),
    ] {
        let (result, _, _) = connect_answered(&proxy("p"), &answer).await;
        let error = result.expect_err("too much");
        assert_eq!(
            (error.kind(), error.limit()),
            (ErrorKind::Proxy, Some(limit))
        );
    }
    // The client's own limit holds here too.
    let (mut stream, mut peer) = pair();
    let settings = Handshake {
        heads: h1::Limits {
            head_bytes: 64,
            ..h1::Limits::default()
        },
        ..handshake()
    };
    let target = target("example.com", 443);
    let route = route(&proxy("p"));
    let script = async {
        peer.hears_head().await;
        peer.says(&[b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'x'; 80]].concat())
            .await;
    };
    let (result, ()) = tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
    assert_eq!(
        result.expect_err("too much").limit(),
        Some(Limit::HeadBytes)
    );
}

/// X9: a CONNECT that stalls ends at a limit of its own.
#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_or_too_slowly_is_given_up_in_time() {
    let slowly = b"HTTP/1.1 200 OK\r\nA: bcdefghijkl";
    for bytes in [&b""[..], slowly] {
        let (mut stream, mut peer) = pair();
        let target = target("example.com", 443);
        let route = route(&proxy("p"));
        let settings = handshake();
        let script = async {
            peer.hears_head().await;
            for byte in bytes {
                peer.says(&[*byte]).await;
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        let error = tokio::select! {
            result = route.negotiate(&mut stream, &target, &settings) => result.expect_err("too late"),
            () = script => unreachable!("it waits for ever"),
        };
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        assert_eq!(error.limit(), Some(Limit::ProxyHandshake));
        assert!(error.is_timeout() && error.is_connect());
        assert_eq!(error.to_string(), "the proxy handshake timeout ran out");
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_does_not_even_read_is_given_up_in_time() {
    let (mut stream, _peer) = duplex(8);
    let began = Instant::now();
    let route = route(&proxy("p"));
    let target = target("example.com", 443);
    let result = route.negotiate(&mut stream, &target, &handshake()).await;
    let error = result.expect_err("nobody reads");
    assert_eq!(error.limit(), Some(Limit::ProxyHandshake));
    assert_eq!(began.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn without_a_time_limit_it_waits() {
    for timeout in [None, Some(Duration::MAX)] {
        let (mut stream, mut peer) = pair();
        let settings = Handshake {
            timeout,
            ..handshake()
        };
        let script = async {
            peer.hears_head().await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            peer.says(AGREED).await;
        };
        let route = route(&proxy("p"));
        let target = target("example.com", 443);
        let (result, ()) = tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
        result.expect("a tunnel");
    }
}

#[tokio::test(start_paused = true)]
async fn direct_and_forwarded_connections_need_no_words() {
    let (mut stream, peer) = pair();
    let target = target("example.com", 80);
    for route in [super::Route::Direct, super::Route::Forward(proxy("p"))] {
        let result = route.negotiate(&mut stream, &target, &handshake()).await;
        result.expect("nothing to do");
    }
    drop(stream);
    assert_eq!(peer.rest().await, b"");
}
