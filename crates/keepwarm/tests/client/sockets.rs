//! How connections are opened: Unix sockets, local addresses, resolvers, and dialers of one's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::dialers::Pipes;
use crate::common::{assert_quiet, bounded, build, ok, settle, text};
use keepwarm::dial::{BoxFuture, Resolver};
use keepwarm::reason::Phase;
use keepwarm::{Client, ErrorKind, TcpKeepalive};
use keepwarm_lab::{Lab, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[tokio::test]
async fn a_unix_socket_serves_whatever_the_url_says() {
    bounded(async {
        let name = format!("keepwarm-sockets-{}.sock", std::process::id());
        let path: PathBuf = std::env::temp_dir().join(name);
        let lab = Lab::listen(path.clone(), scenario::well_behaved()).await;
        let lab = lab.expect("a socket in the temporary directory");
        let client = build(Client::builder().unix_socket(path));
        for round in 1..=3 {
            let call = client.get("http://any.test/path");
            let response = call.send().await.expect("an answer");
            let info = response.connection().clone();
            assert_eq!((info.local(), info.remote()), (None, None));
            assert_eq!(info.requests, round);
            assert_eq!(response.text().await.expect("a body"), "hello, world\n");
        }
        let seen = lab.transcript().request(1, 1).clone();
        assert_eq!(seen.header("host"), Some("any.test"));
        lab.stop().await;
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("peer-closed-idle"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_a_connect_error() {
    bounded(async {
        let client = build(Client::builder().unix_socket(PathBuf::from("/nowhere/at/all")));
        let error = client.get("http://any.test/").send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Connect)
        );
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
        assert_quiet(&client);
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_come_from_the_local_address() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let local = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let client = build(Client::builder().local_address(local));
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        let seen = response.connection().local().expect("an address");
        assert_eq!(seen.ip(), local);
        assert_eq!(lab.transcript().connection(1).peer, seen.to_string());
    })
    .await;
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_a_connect_error() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let client = build(Client::builder().local_address(local));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert!(error.is_connect());
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert_quiet(&client);
    })
    .await;
}

/// Answers every name with these addresses, or fails; notes what it was asked.
#[derive(Clone, Default)]
struct Fixed {
    addresses: Vec<SocketAddr>,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Resolver for Fixed {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let mut asked = self.asked.lock().expect("no panic");
        asked.push((host.to_owned(), port));
        let answer = if host == "unknown.test" {
            Err(io::Error::other("no such name"))
        } else {
            Ok(self.addresses.clone())
        };
        Box::pin(std::future::ready(answer))
    }
}

/// Go 192 TransportEventTraceRealDNS: a name that cannot be resolved fails in its phase, with no connecting.
/// Same as Go.
#[tokio::test]
async fn a_resolver_is_asked_for_names_and_only_for_them() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let resolver = Fixed {
            addresses: vec![lab.addr()],
            ..Fixed::default()
        };
        let client = build(Client::builder().resolver(resolver.clone()));
        for _ in 0..3 {
            let body = text(&client, "http://service.test:8080/").await;
            assert_eq!(body, "hello, world\n");
        }
        text(&client, &lab.url("/")).await;
        let asked = resolver.asked.lock().expect("no panic").clone();
        assert_eq!(asked, [("service.test".to_owned(), 8080)]);
        let seen = lab.transcript().request(1, 1).clone();
        assert_eq!(seen.header("host"), Some("service.test:8080"));
        let error = client.get("http://unknown.test/").send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Dns)
        );
        assert!(error.to_string().contains("no such name"), "{error}");
        assert!(error.is_connect() && error.is_safe_to_retry());
    })
    .await;
}

#[tokio::test]
async fn a_name_without_addresses_is_an_error_of_its_phase() {
    bounded(async {
        let client = build(Client::builder().resolver(Fixed::default()));
        let error = client.get("http://empty.test/").send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Dns)
        );
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn addresses_are_tried_in_order_until_one_answers() {
    bounded(async {
        let dead = Lab::start(scenario::refuse()).await;
        let lab = Lab::start(scenario::well_behaved()).await;
        let resolver = Fixed {
            addresses: vec![dead.addr(), lab.addr()],
            ..Fixed::default()
        };
        let client = build(Client::builder().resolver(resolver));
        let call = client.get("http://service.test/");
        let response = call.send().await.expect("an answer");
        assert_eq!(response.connection().remote(), Some(lab.addr()));
    })
    .await;
}

#[tokio::test]
async fn an_address_given_by_hand_comes_before_the_resolver() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let resolver = Fixed::default();
        let config =
            Client::builder()
                .resolver(resolver.clone())
                .resolve("Service.Test", 8080, lab.addr());
        let client = build(config);
        let body = text(&client, "http://SERVICE.test:8080/").await;
        assert_eq!(body, "hello, world\n");
        assert!(resolver.asked.lock().expect("no panic").is_empty());
        // Another port is another matter.
        let other = client.get("http://service.test:8081/").send().await;
        assert_eq!(other.unwrap_err().phase(), Phase::Dns);
    })
    .await;
}

/// Reads one request from a pipe and answers it.
async fn serve(pipe: &mut DuplexStream, body: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let count = pipe.read_buf(&mut request).await.expect("a request");
        assert!(count > 0, "the client went away");
    }
    let answer = ok(body);
    pipe.write_all(answer.as_bytes()).await.expect("it is open");
    String::from_utf8(request).expect("text")
}

#[tokio::test]
async fn a_dialer_may_return_any_stream() {
    bounded(async {
        let (dialer, mut ends) = Pipes::new();
        let client = build(Client::builder().dialer(dialer));
        let calls = async {
            assert_eq!(text(&client, "http://pipe.test/1").await, "one");
            assert_eq!(text(&client, "http://pipe.test/2").await, "two");
        };
        let server = async {
            let mut pipe = ends.recv().await.expect("a connection");
            let request = serve(&mut pipe, "one").await;
            assert!(request.starts_with("GET /1 HTTP/1.1\r\nhost: pipe.test\r\n"));
            serve(&mut pipe, "two").await;
            pipe
        };
        let ((), pipe) = tokio::join!(calls, server);
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle, counts.reused), (1, 1, 1));
        // The other end goes: the idle connection is found closed without any call.
        drop(pipe);
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("peer-closed-idle"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_ones_own_is_looked_at_before_it_is_used() {
    bounded(async {
        let (dialer, mut ends) = Pipes::new();
        let client = build(Client::builder().dialer(dialer));
        let server = async {
            let mut pipe = ends.recv().await.expect("a connection");
            serve(&mut pipe, "one").await;
            pipe
        };
        let (body, mut pipe) = tokio::join!(text(&client, "http://pipe.test/"), server);
        assert_eq!(body, "one");
        pipe.write_all(ok("wrong").as_bytes())
            .await
            .expect("it is open");
        // At once: no task has run between the stray bytes and this call.
        let server = async {
            let mut pipe = ends.recv().await.expect("a second connection");
            serve(&mut pipe, "two").await;
            pipe
        };
        let (body, _pipe) = tokio::join!(text(&client, "http://pipe.test/"), server);
        assert_eq!(body, "two");
        assert_eq!(assert_quiet(&client).closed_as("stray-bytes"), 1);
    })
    .await;
}

#[tokio::test]
async fn every_tcp_option_can_be_set_and_left_out() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let keepalive = TcpKeepalive {
            idle: Duration::from_secs(3),
            interval: Duration::from_secs(2),
            count: 4,
        };
        for config in [
            Client::builder()
                .tcp_nodelay(true)
                .tcp_keepalive(keepalive)
                .tcp_user_timeout(Duration::from_secs(7)),
            Client::builder()
                .tcp_nodelay(false)
                .tcp_keepalive(None)
                .tcp_user_timeout(None),
        ] {
            assert_eq!(text(&build(config), &lab.url("/")).await, "hello, world\n");
        }
    })
    .await;
}
