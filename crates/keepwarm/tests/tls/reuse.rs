//! Reuse and resumption over TLS.

use std::sync::Arc;
use std::time::Duration;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::reason::Miss;
use keepwarm::tls::TlsVersion;
use keepwarm::{Client, Origin, Stream};
use rustls::version;

use crate::authority::Authority;
use crate::server::{End, TlsServer, config, config_of};
use crate::support::{bounded, client, finish, join, run, runtime, spawn};

#[test]
fn a_thousand_requests_share_one_encrypted_connection() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        for round in 1..=1000 {
            let call = client.get(server.url("/")).send().await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.requests, round);
        }
        assert_eq!(server.seen().len(), 1);
        drop(client);
        assert_eq!(server.end(0).await, End::CloseNotify);
    });
}

/// Go 193 TLSHandshakeTrace: the handshake is told.
/// Differs: on the answer, as `Timings::tls` and `ConnectionInfo::tls`, not as events.
/// Go 197 ResponseSetsTLSConnectionState: an answer tells of its encryption.
/// Same as Go.
#[test]
fn an_answer_tells_of_its_encryption() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        let mut response = client.get(server.url("/")).send().await.expect("an answer");
        while response.chunk().await.expect("a body").is_some() {}
        let info = response.connection();
        let tls = info.tls().expect("https");
        assert_eq!(tls.version, TlsVersion::V1_3);
        assert!(tls.cipher.starts_with("TLS_AES_"), "{tls:?}");
        assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(tls.server_name, "localhost");
        assert!(!tls.resumed);
        let text = info.to_string();
        let port = server.address.port();
        assert!(
            text.ends_with(&format!("h1, TLS 1.3, 127.0.0.1:{port}")),
            "{text}"
        );
        let timings = response.timings();
        assert!(timings.tls.expect("a handshake") > Duration::ZERO);
        assert!(timings.connect.is_some());
        let seen = &server.seen()[0];
        assert_eq!(seen.server_name.as_deref(), Some("localhost"));
        assert_eq!(seen.alpn.as_deref(), Some("http/1.1"));
        let again = client.get(server.url("/")).send().await.expect("an answer");
        assert_eq!(again.timings().tls, None, "no handshake of its own");
    });
}

#[test]
fn a_second_handshake_resumes_the_session_in_both_versions() {
    run(async {
        let authority = Authority::new();
        for only in [&version::TLS12, &version::TLS13] {
            let identity = authority.issue(&["localhost"]);
            let server = TlsServer::hello(config_of(&identity, &[only])).await;
            let (client, _) = client(|config| config.tls(authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let call = client.get(server.url("/")).send().await;
                let done = finish(call.expect("an answer")).await;
                resumed.push(done.connection.tls().expect("https").resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{:?}", only.version);
            let seen: Vec<bool> = server.seen().iter().map(|seen| seen.resumed).collect();
            assert_eq!(seen, resumed);
            assert_eq!(server.seen()[0].version, only.version);
        }
    });
}

#[test]
fn without_sessions_every_handshake_is_a_full_one() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (client, _) = client(|config| config.tls(authority.trusted().max_sessions(0)));
        for _ in 0..2 {
            let call = client.get(server.url("/")).send().await;
            drop(finish(call.expect("an answer")).await);
            client.close_idle();
        }
        assert!(server.seen().iter().all(|seen| !seen.resumed));
        assert_eq!(server.seen().len(), 2);
    });
}

#[test]
fn a_hundred_cold_calls_at_once_make_at_most_a_hundred_handshakes() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let calls: Vec<_> = (0..100)
            .map(|_| spawn(client.get(server.url("/"))))
            .collect();
        for done in join(calls).await {
            assert_eq!(done.body, b"hello");
        }
        assert!(server.seen().len() <= 100, "{}", server.seen().len());
        assert!(log.dialed_for().len() <= 100);
    });
}

#[test]
fn an_origin_of_an_ip_address_is_verified_and_sends_no_name() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["127.0.0.1"]))).await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        let url = format!("https://{}/", server.address);
        let response = client.get(url).send().await.expect("an answer");
        let name = &response.connection().tls().expect("https").server_name;
        assert_eq!(name, "127.0.0.1");
        assert_eq!(server.seen()[0].server_name, None);
    });
}

/// Opens what the usual dialer does not know how to look at.
struct Foreign(TcpDialer);

impl Dialer for Foreign {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async {
            let mut dialed = self.0.dial(origin).await?;
            dialed.stream = Stream::new(dialed.stream);
            Ok(dialed)
        })
    }
}

/// Go 40 TransportDialTLS: a dialer of one's own may serve https.
/// Differs: it gives the plain stream, and TLS is laid over it with the client's own settings.
#[test]
fn a_foreign_stream_gets_tls_on_top() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let dialer = Foreign(TcpDialer::default());
        let (client, log) = client(|config| config.tls(authority.trusted()).dialer(dialer));
        for round in 1..=3 {
            let call = client.get(server.url("/")).send().await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(done.connection.requests, round);
            assert!(done.connection.tls().is_some());
        }
        assert_eq!(log.dialed_for(), [Miss::FirstForOrigin]);
        client.close_idle();
        assert_eq!(server.end(0).await, End::CloseNotify);
    });
}

#[test]
fn one_client_serves_http_and_https_on_connections_of_their_own() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let lab = keepwarm_lab::Lab::start(keepwarm_lab::scenario::well_behaved()).await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        for _ in 0..2 {
            let plain = client.get(lab.url("/")).send().await.expect("an answer");
            assert!(finish(plain).await.connection.tls().is_none());
            let call = client.get(server.url("/")).send().await;
            assert!(
                finish(call.expect("an answer"))
                    .await
                    .connection
                    .tls()
                    .is_some()
            );
        }
        let stats = client.stats();
        assert_eq!(stats.total().idle, 2);
    });
}

#[test]
fn connections_close_politely_although_their_runtime_is_gone() {
    let authority = Arc::new(Authority::new());
    let (servers, clients) = (runtime(), runtime());
    let identity = authority.issue(&["localhost"]);
    let server = servers.block_on(TlsServer::hello(config(&identity)));
    let client: Client = client(|config| config.tls(authority.trusted())).0;
    let url = server.url("/");
    let serving =
        std::thread::spawn(move || servers.block_on(bounded(async move { server.end(0).await })));
    clients.block_on(async {
        let call = client.get(url).send().await;
        drop(finish(call.expect("an answer")).await);
    });
    drop(clients);
    drop(client);
    assert_eq!(serving.join().expect("no panic"), End::CloseNotify);
}
