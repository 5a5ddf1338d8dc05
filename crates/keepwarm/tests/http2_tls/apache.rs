//! Apache httpd as Debian ships it: TLS with both protocols, its limits told with their reasons, and its tunnels.

use futures_util::future::join_all;
use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::reason::CloseReason;
use keepwarm::{Client, Config, ErrorKind, Protocol};
use rustix::process::Signal;

use crate::peer::{Both, Streams};
use crate::real_server::{IDENTITY, RealServer};
use crate::support::{Done, client, finish, ms, run};

const APACHE: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";
/// What the page says.
const PAGE: &str = "served by httpd";

/// With these modules and lines besides what every one of them has.
async fn start(modules: &[&str], lines: &str) -> RealServer {
    RealServer::start(APACHE, Signal::KILL, |place| {
        let (at, port) = (place.folder.display(), place.port);
        let loaded: String = ["mpm_event", "authz_core"]
            .iter()
            .chain(modules)
            .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
            .collect();
        place.write("index.html", PAGE);
        let file = place.write(
            "httpd.conf",
            &format!(
                "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/said\n\
                 DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\n{loaded}User www-data\nGroup www-data\n\
                 StartServers 1\nServerLimit 1\nMinSpareThreads 1\nMaxSpareThreads 32\nThreadsPerChild 32\n\
                 MaxRequestWorkers 32\nDocumentRoot {at}\n<Directory {at}>\nDirectoryIndex index.html\n\
                 </Directory>\n{lines}\n"
            )
            .replace("{at}", &at.to_string()),
        );
        // As one process, which needs no time for its end: told to end, it would wait for an open tunnel.
        vec!["-X".into(), "-f".into(), file.into()]
    })
    .await
}

/// HTTPS with HTTP/2, and with these lines.
async fn encrypted(lines: &str) -> RealServer {
    let modules = ["socache_shmcb", "ssl", "http2", "dir"];
    let tls = format!(
        "SSLEngine on\nSSLCertificateFile {{at}}/{IDENTITY}\nSSLSessionCache shmcb:{{at}}/sessions(512000)\n\
         Protocols h2 http/1.1\n{lines}"
    );
    start(&modules, &tls).await
}

async fn get(client: &Client, url: &str) -> Done {
    finish(client.get(url).send().await.expect("an answer")).await
}

#[test]
fn httpd_serves_hundreds_of_calls_on_one_connection_of_either_protocol() {
    run(async {
        let httpd = encrypted("MaxKeepAliveRequests 0").await;
        let url = httpd.url();
        let (streams, _) = client(|it| it.tls(httpd.authority.trusted()));
        assert_eq!(
            get(&streams, &url).await.connection.protocol(),
            Protocol::H2
        );
        let lanes = (0..20).map(|_| async {
            for _ in 0..25 {
                let done = get(&streams, &url).await;
                assert_eq!(done.body, PAGE.as_bytes());
                assert_eq!(done.connection.protocol(), Protocol::H2);
            }
        });
        join_all(lanes).await;
        let counts = streams.stats().total().clone();
        assert_eq!((counts.opened, counts.reused), (1, 500), "{counts:?}");

        let (single, _) = client(|it| it.http1_only().tls(httpd.authority.trusted()));
        for round in 1..=500 {
            let done = get(&single, &url).await;
            assert_eq!(done.body, PAGE.as_bytes());
            assert_eq!(done.connection.protocol(), Protocol::H1);
            assert_eq!(done.connection.requests, round);
        }
    });
}

#[test]
fn httpd_resumes_the_session_of_the_connection_before_on_either_protocol() {
    run(async {
        let httpd = encrypted("").await;
        for speak in [|it: Config| it, Config::http1_only] {
            let (client, _) = client(|it| speak(it).tls(httpd.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let done = get(&client, &httpd.url()).await;
                resumed.push(done.connection.tls().expect("https").resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true]);
        }
    });
}

#[test]
fn the_request_limit_of_httpd_is_heeded_and_told_over_tls() {
    run(async {
        let httpd = encrypted("MaxKeepAliveRequests 10").await;
        let (client, log) = client(|it| it.http1_only().tls(httpd.authority.trusted()));
        for round in 0..55 {
            let done = get(&client, &httpd.url()).await;
            assert_eq!(done.connection.requests, round % 11 + 1);
        }
        // It counts the requests after the first.
        for end in log.closed(5).await {
            assert_eq!(end.closed.reason, CloseReason::PeerSaidClose);
            assert_eq!(end.requests, 11);
        }
        let counts = client.stats().total().clone();
        assert_eq!((counts.opened, counts.sent_again()), (5, 0), "{counts:?}");
    });
}

#[test]
fn httpd_that_closes_an_idle_connection_is_seen_on_either_protocol() {
    run(async {
        let httpd = encrypted("KeepAliveTimeout 1").await;
        let idle_ends = [|it: Config| it, Config::http1_only].map(|speak| {
            let (client, log) = client(|it| speak(it).tls(httpd.authority.trusted()));
            let url = httpd.url();
            async move {
                let protocol = get(&client, &url).await.connection.protocol();
                let reason = log.closed(1).await[0].closed.reason;
                let CloseReason::PeerClosedIdle { idle, .. } = reason else {
                    panic!("{protocol:?}: {reason:?}");
                };
                assert!(idle > ms(800), "{protocol:?}: {idle:?}");
                assert_eq!(get(&client, &url).await.connection.requests, 1);
                protocol
            }
        });
        assert_eq!(join_all(idle_ends).await, [Protocol::H2, Protocol::H1]);
    });
}

#[test]
fn httpd_opens_one_tunnel_for_a_crowd_on_http2_and_says_which_port_it_forbids() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let origin = both.url();
        let port = origin.trim_end_matches('/').rsplit(':').next();
        let allowed = format!("ProxyRequests On\nAllowCONNECT {}", port.expect("a port"));
        let httpd = start(&["proxy", "proxy_connect", "dir"], &allowed).await;
        let via = format!("http://127.0.0.1:{}", httpd.port());
        let proxies = Proxies::all(Proxy::new(&via).expect("a URL"));
        let (client, log) = client(|it| it.tls(both.authority.trusted()).proxies(proxies));
        for done in join_all((0..100).map(|_| get(&client, &origin))).await {
            assert_eq!(done.connection.protocol(), Protocol::H2);
            assert_eq!(done.connection.via(), Some(via.as_str()));
        }
        let counts = client.stats().total().clone();
        assert!(counts.opened <= 2, "{counts:?}");
        assert_eq!(log.endings(), []);

        let elsewhere = format!("https://localhost:{}/", httpd.port());
        let refused = client
            .get(elsewhere)
            .send()
            .await
            .expect_err("a forbidden port");
        assert_eq!(refused.kind(), ErrorKind::Proxy);
        assert!(refused.to_string().contains("403"), "{refused}");
    });
}
