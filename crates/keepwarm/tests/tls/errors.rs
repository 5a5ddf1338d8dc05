//! Every way in which a handshake fails, in words that say whose fault it is.

use std::time::Duration;

use keepwarm::reason::{CloseReason, Limit, Phase, ProtocolFault};
use keepwarm::tls::{Tls, TlsVersion};
use keepwarm::{Error, ErrorKind};
use rcgen::{
    CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::version;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::authority::{Authority, Identity, far_ahead, long_expired, self_signed};
use crate::server::{TlsServer, config, config_of, head};
use crate::support::{client, ms, run};

/// What a call to a server with this certificate fails with.
async fn refused(identity: &Identity, tls: Tls) -> Error {
    let server = TlsServer::hello(config(identity)).await;
    failing(&server.url("/"), tls).await
}

async fn failing(url: &str, tls: Tls) -> Error {
    let (client, _) = client(|config| config.tls(tls));
    let error = client.get(url).send().await.expect_err("it must fail");
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(error.phase(), Phase::Tls, "{error}");
    assert_eq!(error.bytes_written(), 0);
    error
}

#[track_caller]
fn says(error: &Error, words: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("TLS with localhost:"), "{text}");
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    let source = std::error::Error::source(error).expect("a source");
    assert!(!source.to_string().is_empty());
}

#[test]
fn an_expired_certificate_says_since_when() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue_with(&["localhost"], long_expired);
        let error = refused(&identity, authority.trusted()).await;
        says(&error, &["certificate expired", "days ago"]);
    });
}

#[test]
fn a_certificate_that_is_not_valid_yet_says_for_how_long() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue_with(&["localhost"], far_ahead);
        let error = refused(&identity, authority.trusted()).await;
        says(&error, &["not valid yet", "days", "clock"]);
    });
}

#[test]
fn a_certificate_for_another_name_says_for_which() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue(&["a.example", "*.b.example", "192.0.2.7"]);
        let error = refused(&identity, authority.trusted()).await;
        says(
            &error,
            &["is not for localhost but for a.example, *.b.example, 192.0.2.7"],
        );
    });
}

#[test]
fn an_authority_nobody_knows_is_an_unknown_issuer() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let error = refused(&identity, Authority::new().trusted()).await;
        says(&error, &["unknown issuer", "add its root"]);
    });
}

#[test]
fn a_certificate_signed_by_itself_is_told_from_an_unknown_issuer() {
    run(async {
        let identity = self_signed(&["localhost"]);
        let error = refused(&identity, Authority::new().trusted()).await;
        says(&error, &["self-signed"]);
    });
}

/// A root of the same name with a key of another kind is no reason to speak of signatures.
#[test]
fn a_namesake_of_another_kind_is_an_unknown_issuer() {
    run(async {
        let named = |kind: &'static SignatureAlgorithm| {
            let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
            params
                .distinguished_name
                .push(DnType::CommonName, "localhost");
            let key = KeyPair::generate_for(kind).expect("a key");
            let certificate = params.self_signed(&key).expect("a certificate");
            Identity { certificate, key }
        };
        let (shown, trusted) = (named(&PKCS_ECDSA_P256_SHA256), named(&PKCS_RSA_SHA256));
        let tls = Tls::new().roots(trusted.certificate.pem());
        let error = refused(&shown, tls.only_these_roots(true)).await;
        says(&error, &["signed by itself", "not trusted here"]);
        let text = error.to_string();
        assert!(!text.contains("algorithm"), "{text}");
    });
}

#[test]
fn the_platform_does_not_trust_our_authority_either() {
    run(async {
        let authority = Authority::new();
        // The root beside it is another's: with one there, the platform may have none of its own.
        let tls = Tls::new().roots(Authority::new().pem());
        let error = refused(&authority.issue(&["localhost"]), tls).await;
        says(&error, &["unknown issuer"]);
    });
}

#[test]
fn versions_without_one_in_common_are_named_as_that() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let server = TlsServer::hello(config_of(&identity, &[&version::TLS12])).await;
        let tls = authority.trusted().lowest_version(TlsVersion::V1_3);
        says(
            &failing(&server.url("/"), tls).await,
            &["no common TLS version"],
        );
        let server = TlsServer::hello(config_of(&identity, &[&version::TLS13])).await;
        let tls = authority.trusted().highest_version(TlsVersion::V1_2);
        says(
            &failing(&server.url("/"), tls).await,
            &["no common TLS version"],
        );
    });
}

#[test]
fn protocols_without_one_in_common_are_named_as_that() {
    run(async {
        let authority = Authority::new();
        let mut config = config(&authority.issue(&["localhost"]));
        config.alpn_protocols = vec![b"h3".to_vec()];
        let server = TlsServer::hello(config).await;
        let error = failing(&server.url("/"), authority.trusted()).await;
        says(&error, &["no_application_protocol"]);
    });
}

/// A server that sends this whatever comes.
async fn blunt(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                drop(socket.readable().await);
                drop(socket.write_all(answer).await);
                // Until the client goes: an early close would cut the answer.
                drop(head(&mut socket).await);
            });
        }
    });
    port
}

/// Go 167 HTTPSClientDetectsHTTPServer: a server that speaks plain HTTP where TLS was meant is named as that.
/// Same as Go.
#[test]
fn plain_http_on_a_tls_port_is_named_as_that() {
    run(async {
        for answer in [
            &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
            b"<html>400</html>",
        ] {
            let port = blunt(answer).await;
            let url = format!("https://localhost:{port}/");
            let error = failing(&url, Authority::new().trusted()).await;
            says(
                &error,
                &["the server answered with plain HTTP on a TLS port"],
            );
        }
        let port = blunt(b"SSH-2.0-OpenSSH\r\n").await;
        let url = format!("https://localhost:{port}/");
        let error = failing(&url, Authority::new().trusted()).await;
        says(&error, &["does not speak TLS"]);
    });
}

#[test]
fn tls_on_a_plain_port_is_named_as_that() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (client, log) = client(|config| config);
        let url = server.url("/").replace("https", "http");
        let error = client.get(url).send().await.expect_err("no HTTP there");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("https"), "{error}");
        assert_eq!(
            log.closed(1).await[0].closed.reason,
            CloseReason::PeerBrokeProtocol(ProtocolFault::TlsInstead)
        );
    });
}

#[test]
fn a_server_that_closes_within_the_handshake_is_named_as_that() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            // Read first: a close with unread bytes is a reset.
            let mut hello = [0; 16 * 1024];
            drop(tokio::io::AsyncReadExt::read(&mut socket, &mut hello).await);
        });
        let url = format!("https://localhost:{port}/");
        let error = failing(&url, Authority::new().trusted()).await;
        says(&error, &["closed the connection during the handshake"]);
    });
}

/// Go 42 TransportTLSHandshakeTimeout: a handshake that stalls ends in time and is named.
/// Same as Go.
#[test]
fn a_silent_server_meets_the_handshake_timeout() {
    run(async {
        // Connections wait in its queue: nobody ever accepts them.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (client, _) = client(|config| config.tls_handshake_timeout(ms(150)));
        let began = std::time::Instant::now();
        let url = format!("https://localhost:{port}/");
        let error = client.get(url).send().await.expect_err("nobody answers");
        assert!(began.elapsed() >= Duration::from_millis(150));
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.limit(), Some(Limit::TlsHandshake));
        assert_eq!(error.phase(), Phase::Tls);
        assert!(error.is_timeout() && error.is_connect() && error.is_safe_to_retry());
        assert!(error.to_string().contains("TLS handshake"), "{error}");
    });
}
