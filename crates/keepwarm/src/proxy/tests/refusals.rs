//! CONNECT refused: the proxy's answer is shown, safely.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Refused;
use super::{connect_answered, handshake, pair, proxy, route, target};
use crate::error::{Error, ErrorKind};

fn refused(error: &Error) -> &Refused {
    let source = error.source().expect("the proxy's answer");
    source.downcast_ref().expect("the proxy's answer")
}

#[tokio::test(start_paused = true)]
async fn status_fields_and_body_are_shown() {
    let answer =
        b"HTTP/1.1 403 Nope\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 25\r\n\r\n\
                   <h1>Not\r\nfor you.</h1>\n..";
    let (result, _, _) = connect_answered(&proxy("http://u:p@p:3128"), answer).await;
    let error = result.expect_err("refused");
    assert_eq!(
        (error.kind(), error.phase().slug()),
        (ErrorKind::Proxy, "connect")
    );
    assert!(error.is_connect() && error.is_safe_to_retry() && !error.is_timeout());
    assert_eq!(
        error.to_string(),
        "the proxy http://p:3128 answered CONNECT example.com:443 with 403 Forbidden"
    );
    let refused = refused(&error);
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["x-squid-error"], "ERR_ACCESS_DENIED 0");
    assert_eq!(refused.body_start(), "<h1>Not\nfor you.</h1>\n..");
    assert_eq!(
        refused.to_string(),
        "HTTP/1.1 403 Forbidden\nx-squid-error: ERR_ACCESS_DENIED 0\ncontent-length: 25\n\n\
         <h1>Not\nfor you.</h1>\n.."
    );
}

#[tokio::test(start_paused = true)]
async fn every_status_but_2xx_is_a_refusal() {
    for status in [
        300, 302, 304, 400, 401, 403, 404, 407, 429, 500, 502, 503, 504, 599, 999,
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let (result, _, _) = connect_answered(&proxy("p"), answer.as_bytes()).await;
        let error = result.expect_err("refused");
        assert_eq!(refused(&error).status().as_u16(), status);
        assert!(
            error.to_string().contains(&format!("with {status}")),
            "{error}"
        );
        assert_eq!(refused(&error).body_start(), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_407_says_whether_credentials_lack_or_were_refused_and_which_are_taken() {
    let answer = b"HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\n\
                   Proxy-Authenticate: Digest realm=\"a, b c\", nonce=\"x\", Basic realm=\"y\"\r\n\
                   Content-Length: 0\r\n\r\n";
    let (result, _, _) = connect_answered(&proxy("p"), answer).await;
    let error = result.expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the proxy http://p:80 answered CONNECT example.com:443 with 407 Proxy Authentication Required: \
         it wants credentials, and none are set (it offers Negotiate, Digest, Basic)"
    );
    assert_eq!(refused(&error).schemes(), ["Negotiate", "Digest", "Basic"]);
    let (result, _, _) = connect_answered(&proxy("u:p@p"), answer).await;
    let said = result.expect_err("refused").to_string();
    assert!(
        said.contains(": it did not accept the credentials (it offers"),
        "{said}"
    );
    let bare = b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n";
    let (result, _, _) = connect_answered(&proxy("p"), bare).await;
    let said = result.expect_err("refused").to_string();
    assert!(
        said.ends_with("it wants credentials, and none are set"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn at_most_a_kibibyte_of_the_body_is_read() {
    let head = b"HTTP/1.1 502 x\r\nContent-Length: 100000\r\n\r\n".to_vec();
    let answer = [head, vec![b'y'; 100_000]].concat();
    let (result, _, _) = connect_answered(&proxy("p"), &answer).await;
    let error = result.expect_err("refused");
    assert_eq!(refused(&error).body_start(), "y".repeat(1024));
    let chunked =
        b"HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (result, _, _) = connect_answered(&proxy("p"), chunked).await;
    assert_eq!(refused(&result.expect_err("refused")).body_start(), "abcde");
    let broken = b"HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n";
    let (result, _, _) = connect_answered(&proxy("p"), broken).await;
    assert_eq!(refused(&result.expect_err("refused")).body_start(), "abc");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_wait_long_for_its_body() {
    // (when the head comes, how long the whole takes): half a second more, but never beyond the limit.
    for (head_at, end_at) in [(0, 500), (9_900, 10_000)] {
        let (mut stream, mut peer) = pair();
        let script = async {
            peer.hears_head().await;
            tokio::time::sleep(Duration::from_millis(head_at)).await;
            peer.says(b"HTTP/1.1 503 x\r\nContent-Length: 100\r\n\r\nsorry")
                .await;
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        let (route, target, settings) =
            (route(&proxy("p")), target("example.com", 443), handshake());
        let error = tokio::select! {
            result = route.negotiate(&mut stream, &target, &settings) => result.expect_err("refused"),
            () = script => unreachable!("it waits for ever"),
        };
        assert_eq!(refused(&error).body_start(), "sorry");
        assert_eq!(began.elapsed(), Duration::from_millis(end_at));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_cannot_act_on_a_terminal() {
    let body = "\u{1b}[2Jcleared\u{7}\u{9b}31m\r\u{8}\0\tk\u{202e}x\u{200b}\u{2066}\u{7f}\r\nend";
    let answer = [
        format!(
            "HTTP/1.1 500 x\r\nContent-Length: {}\r\nA: \u{9b}1m\r\n\r\n{body}",
            body.len() + 1
        )
        .as_bytes(),
        b"\xff",
    ]
    .concat();
    let (result, _, _) = connect_answered(&proxy("p"), &answer).await;
    let error = result.expect_err("refused");
    let shown = "\u{fffd}[2Jcleared\u{fffd}\u{fffd}31m\
        \u{fffd}\u{fffd}\u{fffd}\tk\u{fffd}x\u{fffd}\u{fffd}\u{fffd}\nend\u{fffd}";
    assert_eq!(refused(&error).body_start(), shown);
    let text = refused(&error).to_string();
    assert!(
        text.chars()
            .all(|character| character == '\n' || character == '\t' || !character.is_control())
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_the_proxy_repeats_are_hidden() {
    let proxy = proxy("http://harry:opensesame@p");
    let token = "aGFycnk6b3BlbnNlc2FtZQ==";
    assert_eq!(proxy.authorization().unwrap(), format!("Basic {token}"));
    let padding = "z".repeat(1024 - 10);
    for body in [
        format!("You sent Proxy-Authorization: Basic {token} ({token}), password opensesame."),
        // What is shown ends within the secret.
        format!("{padding}{token}"),
        format!("{padding}opensesame!"),
    ] {
        let answer = format!(
            "HTTP/1.1 407 x\r\nX-Echo: Basic {token}\r\nX-Pass: opensesame\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (result, _, _) = connect_answered(&proxy, answer.as_bytes()).await;
        let error = result.expect_err("refused");
        let refused = refused(&error);
        assert_eq!(refused.headers()["x-echo"], "Basic ***");
        assert!(refused.body_start().contains("***"));
        let text = format!(
            "{error} {error:?} {refused} {refused:?} {}",
            refused.body_start()
        );
        for secret in ["aGFycnk6", "opensesa"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
