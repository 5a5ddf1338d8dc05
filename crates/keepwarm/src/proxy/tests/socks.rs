//! SOCKS5 with proxies that agree, refuse, tear, stall and speak something else.

use std::time::Duration;

use keepwarm_core::reason::Limit;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::{handshake, in_time, pair, proxy, route, target};
use crate::error::{Error, ErrorKind};

const HELLO: &[u8] = &[5, 1, 0];
const HELLO_WITH_LOGIN: &[u8] = &[5, 2, 0, 2];
/// Connect to `example.com:443`, by name.
const ASK: &[u8] = b"\x05\x01\x00\x03\x0bexample.com\x01\xbb";
const AGREED: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90];

/// What the proxy hears, and what it says then.
type Line<'a> = (&'a [u8], &'a [u8]);

/// What becomes of a handshake in which the proxy hears and says these, one after the other, and then hangs up.
async fn played(url: &str, host: &str, script: &[Line<'_>]) -> Result<(), Error> {
    let (mut stream, mut peer) = pair();
    let proxy = proxy(url);
    let (route, target, settings) = (route(&proxy), target(host, 443), handshake());
    let play = async move {
        for (hears, says) in script {
            peer.hears(hears).await;
            peer.says(says).await;
        }
    };
    let (result, ()) = tokio::join!(route.negotiate(&mut stream, &target, &settings), play);
    result
}

async fn fails(url: &str, script: &[Line<'_>]) -> String {
    let error = played(url, "example.com", script)
        .await
        .expect_err("no connection");
    assert_eq!(
        (error.kind(), error.phase().slug()),
        (ErrorKind::Proxy, "connect")
    );
    assert!(error.is_connect() && error.is_safe_to_retry());
    let said = error.to_string();
    let prefix = "the proxy socks5h://p:1080 ";
    said.strip_prefix(prefix).expect(&said).to_owned()
}

#[tokio::test(start_paused = true)]
async fn names_go_as_names_and_addresses_as_addresses() {
    let ipv6 = [
        &[5, 1, 0, 4, 0x20, 0x01, 0x0d, 0xb8][..],
        &[0; 11],
        &[1, 1, 0xbb],
    ]
    .concat();
    for (host, ask) in [
        ("example.com", ASK),
        ("192.0.2.7", &[5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb]),
        ("[2001:db8::1]", &ipv6),
    ] {
        let script = [(HELLO, &[5, 0][..]), (ask, AGREED)];
        played("socks5h://p", host, &script).await.expect(host);
    }
    let longest = "a".repeat(255);
    let ask = [
        b"\x05\x01\x00\x03\xff".as_slice(),
        longest.as_bytes(),
        b"\x01\xbb",
    ]
    .concat();
    let script = [(HELLO, &[5, 0][..]), (&ask, AGREED)];
    played("socks5h://p", &longest, &script)
        .await
        .expect("the longest name");
}

#[tokio::test(start_paused = true)]
async fn user_name_and_password_are_told_when_they_are_asked_for() {
    let url = "socks5h://me:s%3Acret@p";
    let login = (&b"\x01\x02me\x06s:cret"[..], &[1, 0][..]);
    let script = [(HELLO_WITH_LOGIN, &[5, 2][..]), login, (ASK, AGREED)];
    played(url, "example.com", &script).await.expect("asked");
    let script = [(HELLO_WITH_LOGIN, &[5, 0][..]), (ASK, AGREED)];
    played(url, "example.com", &script)
        .await
        .expect("not asked");
    let script = [
        (HELLO_WITH_LOGIN, &[5, 2][..]),
        (b"\x01\x02me\x00", &[1, 0]),
        (ASK, AGREED),
    ];
    played("socks5h://me@p", "example.com", &script)
        .await
        .expect("an empty password");
}

#[tokio::test(start_paused = true)]
async fn every_reply_code_is_told_in_words() {
    for (code, words) in [
        (1, "general failure (code 1)"),
        (2, "its rules do not allow it (code 2)"),
        (3, "the network is unreachable (code 3)"),
        (4, "the host is unreachable (code 4)"),
        (5, "the connection was refused (code 5)"),
        (6, "the time to live expired (code 6)"),
        (7, "it does not know the command (code 7)"),
        (8, "it does not know this type of address (code 8)"),
        (9, "unknown reply code 9"),
        (255, "unknown reply code 255"),
    ] {
        let expected = format!("did not connect to example.com:443: {words}");
        // Some end their refusal there, others tell an address all the same.
        for reply in [&[5, code][..], &[5, code, 0, 1, 0, 0, 0, 0, 0, 0]] {
            let script = [(HELLO, &[5, 0][..]), (ASK, reply)];
            assert_eq!(fails("socks5h://p", &script).await, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_says_whether_credentials_lack_or_were_refused() {
    let none = [(HELLO, &[5, 0xff][..])];
    assert_eq!(
        fails("socks5h://p", &none).await,
        "wants credentials, and none are set"
    );
    let neither = [(HELLO_WITH_LOGIN, &[5, 0xff][..])];
    assert_eq!(
        fails("socks5h://u:sesame@p", &neither).await,
        "takes neither calls without login nor those with user name and password"
    );
    for status in [1, 0xff] {
        let login = b"\x01\x01u\x06sesame";
        let script = [(HELLO_WITH_LOGIN, &[5, 2][..]), (login, &[1, status])];
        let said = fails("socks5h://u:sesame@p", &script).await;
        assert_eq!(said, "did not accept the credentials");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_socks5_is_told_of() {
    let cases: &[(&[Line<'_>], &str)] = &[
        (&[(HELLO, &[4, 0])], "does not speak SOCKS5 (version 4)"),
        (
            &[(HELLO, b"HTTP/1.1 400 Bad Request\r\n\r\n")],
            "speaks HTTP, not SOCKS5",
        ),
        (
            &[(HELLO, &[5, 1])],
            "chose a way to log in that was not offered (1)",
        ),
        // A proxy must not make us log in with what we do not have.
        (
            &[(HELLO, &[5, 2])],
            "chose a way to log in that was not offered (2)",
        ),
        (
            &[(HELLO, &[5, 0]), (ASK, &[4, 0])],
            "does not speak SOCKS5 (version 4)",
        ),
        (
            &[(HELLO, &[5, 0]), (ASK, &[5, 0, 0, 9])],
            "told its address in an unknown form (9)",
        ),
    ];
    for (script, expected) in cases {
        assert_eq!(fails("socks5h://p", script).await, *expected);
    }
    let script = [
        (HELLO_WITH_LOGIN, &[5, 2][..]),
        (b"\x01\x01u\x01p", &[5, 0]),
    ];
    assert_eq!(
        fails("socks5h://u:p@p", &script).await,
        "answered the login in an unknown version (5)"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_torn_anywhere_and_what_is_behind_it_is_left_in_the_stream() {
    let named = [&[5, 0, 0, 3, 4][..], b"gate", &[1, 2]].concat();
    let ipv6 = [&[5, 0, 0, 4][..], &[0; 18]].concat();
    let unnamed = [5, 0, 0, 3, 0, 1, 2];
    for reply in [AGREED, &named, &ipv6, &unnamed] {
        let all = [&[5, 0], reply, b"hello"].concat();
        let byte_by_byte: Vec<&[u8]> = all.chunks(1).collect();
        let torn = (1..all.len()).map(|cut| vec![&all[..cut], &all[cut..]]);
        for pieces in torn.chain([byte_by_byte, vec![&all[..]]]) {
            let (mut stream, mut peer) = pair();
            let proxy = proxy("socks5h://p");
            let (route, target, settings) =
                (route(&proxy), target("example.com", 443), handshake());
            let client = async {
                route
                    .negotiate(&mut stream, &target, &settings)
                    .await
                    .expect("a connection");
                let mut hello = [0; 5];
                stream
                    .read_exact(&mut hello)
                    .await
                    .expect("the server's words");
                hello
            };
            let played = async { tokio::join!(client, peer.says_torn(&pieces)) };
            let (hello, ()) = in_time(played).await;
            assert_eq!(&hello, b"hello");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hangs_up_anywhere_is_told_of() {
    let all = [&[5, 2, 1, 0][..], AGREED].concat();
    for said in 0..all.len() {
        let (mut stream, mut peer) = pair();
        let proxy = proxy("socks5h://u:p@p");
        let (route, target, settings) = (route(&proxy), target("example.com", 443), handshake());
        // All of what we say is taken first, so that nothing fails by being written too late.
        let script = async {
            peer.hears(HELLO_WITH_LOGIN).await;
            peer.says(&all[..said.min(2)]).await;
            if said >= 2 {
                peer.hears(b"\x01\x01u\x01p").await;
                peer.says(&all[2..said.clamp(2, 4)]).await;
            }
            if said >= 4 {
                peer.hears(ASK).await;
                peer.says(&all[4..said]).await;
            }
            drop(peer);
        };
        let (result, ()) = tokio::join!(route.negotiate(&mut stream, &target, &settings), script);
        let error = result.expect_err("no connection");
        assert_eq!(error.kind(), ErrorKind::Proxy);
        assert_eq!(
            error.to_string(),
            "the proxy socks5h://p:1080 closed the connection before it agreed",
            "after {said} bytes"
        );
    }
}

/// X9: a SOCKS5 handshake that stalls ends at a limit of its own.
#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_or_too_slowly_is_given_up_in_time() {
    let endless = [&[5, 0, 5, 0, 0, 3, 255][..], &[b'x'; 100]].concat();
    for bytes in [&[][..], &[5][..], &endless] {
        let (mut stream, mut peer) = pair();
        let proxy = proxy("socks5h://p");
        let (route, target, settings) = (route(&proxy), target("example.com", 443), handshake());
        let script = async {
            for byte in bytes {
                peer.says(&[*byte]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        let error = tokio::select! {
            result = route.negotiate(&mut stream, &target, &settings) => result.expect_err("too late"),
            () = script => unreachable!("it waits for ever"),
        };
        assert_eq!(error.limit(), Some(Limit::ProxyHandshake));
        assert!(error.is_timeout());
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }
}
