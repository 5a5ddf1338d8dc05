//! squid as Debian ships it, with credentials: tunnels that stay warm, plain requests, and what it refuses.

use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::reason::CloseReason;
use keepwarm::{ErrorKind, Protocol};
use keepwarm_lab::{Lab, scenario};
use rustix::process::Signal;

use crate::peer::{Both, Streams};
use crate::real_server::RealServer;
use crate::support::{client, finish, ms, run};

const SQUID: &str = "/usr/sbin/squid";
const HELPER: &str = "/usr/lib/squid/basic_ncsa_auth";
/// Knows `me` with the password `sesame`.
const USERS: &str = "me:$apr1$keepwarm$0FG5fMv9sVUGC5YLG1.yd0\n";

async fn start() -> RealServer {
    // One process, which would take its time; its helper ends when it does.
    RealServer::start(SQUID, Signal::KILL, |place| {
        let (at, port) = (place.folder.display(), place.port);
        let users = place.write("users", USERS);
        let users = users.display();
        let file = place.write(
            "squid.conf",
            &format!(
                "http_port 127.0.0.1:{port}\npid_filename none\naccess_log none\ncache_log /dev/stderr\n\
                 cache deny all\ncoredump_dir {at}\nnetdb_filename none\n\
                 auth_param basic program {HELPER} {users}\nauth_param basic children 1 startup=1\n\
                 client_idle_pconn_timeout 1 second\n\
                 acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n"
            ),
        );
        vec!["-N".into(), "-f".into(), file.into()]
    })
    .await
}

fn proxy(squid: &RealServer) -> Proxy {
    Proxy::new(&format!("http://127.0.0.1:{}", squid.port())).expect("a URL")
}

fn known(squid: &RealServer) -> Proxies {
    let known = proxy(squid).credentials("me", "sesame");
    Proxies::all(known.expect("credentials"))
}

#[test]
fn squid_opens_one_tunnel_for_many_calls_over_http2() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let squid = start().await;
        let (client, log) = client(|it| it.tls(both.authority.trusted()).proxies(known(&squid)));
        for round in 1..=200 {
            let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
            assert_eq!(done.connection.protocol(), Protocol::H2);
            assert_eq!(done.connection.requests, round);
            let via = format!("http://127.0.0.1:{}", squid.port());
            assert_eq!(done.connection.via(), Some(via.as_str()));
        }
        let counts = client.stats().total().clone();
        assert_eq!((counts.opened, counts.reused), (1, 199), "{counts:?}");
        assert_eq!((both.handshakes(), log.endings()), (1, Vec::new()));
    });
}

#[test]
fn squid_takes_plain_requests_on_one_connection_and_its_idle_close_is_seen() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let squid = start().await;
        let (client, log) = client(|it| it.proxies(known(&squid)));
        for round in 1..=50 {
            let done = finish(client.get(lab.url("/")).send().await.expect("an answer")).await;
            assert_eq!(done.status, 200);
            assert_eq!(done.connection.requests, round);
        }
        assert_eq!(lab.connections().requests, 50);
        for request in lab.transcript().requests() {
            assert_eq!(request.header("proxy-authorization"), None);
        }
        let reason = log.closed(1).await[0].closed.reason;
        let CloseReason::PeerClosedIdle { idle, .. } = reason else {
            panic!("{reason:?}");
        };
        assert!(idle > ms(800), "{idle:?}");
    });
}

#[test]
fn squid_refuses_whom_it_does_not_know_and_the_error_says_so() {
    run(async {
        let squid = start().await;
        let wrong = proxy(&squid).credentials("me", "tahini");
        let cases = [
            (
                proxy(&squid),
                "it wants credentials, and none are set (it offers Basic)",
            ),
            (
                wrong.expect("credentials"),
                "it did not accept the credentials",
            ),
        ];
        for (proxy, wanted) in cases {
            let (client, _) = client(|it| it.proxies(Proxies::all(proxy)));
            let error = client.get("https://localhost:1/").send().await;
            let error = error.expect_err("squid does not know it");
            assert_eq!(error.kind(), ErrorKind::Proxy);
            let said = format!("{error}");
            assert!(said.contains("407") && said.contains(wanted), "{said}");
            assert!(!format!("{error:?}").contains("tahini"));
            assert_eq!(client.stats().total().opened, 0);
        }
    });
}
