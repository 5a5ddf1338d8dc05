//! `HickoryResolver` against a name server of our own on loopback, which speaks DNS by hand.
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::common::{bounded, build, text};
use keepwarm::dial::{Dialer, HickoryResolver, IpFamily, Lookup, Resolver, TcpDialer};
use keepwarm::reason::Phase;
use keepwarm::{Client, Origin};
use keepwarm_lab::{Lab, scenario};
use tokio::net::UdpSocket;

/// The record types there are here.
const A: u16 = 1;
const AAAA: u16 = 28;

/// What the server does with a question.
#[derive(Clone)]
enum Says {
    /// These addresses, for so many seconds; none: the name is there, the record is not.
    Has(u32, Vec<IpAddr>),
    /// Nothing at all.
    Nothing,
}

#[derive(Default)]
struct Zone {
    answers: HashMap<(String, u16), Says>,
    asked: HashMap<(String, u16), usize>,
}

/// A name server. Names it does not have are NXDOMAIN.
#[derive(Clone)]
struct Server {
    zone: Arc<Mutex<Zone>>,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            zone: Arc::default(),
            address: socket.local_addr().expect("it is bound"),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            let mut packet = [0; 1500];
            while let Ok((count, from)) = socket.recv_from(&mut packet).await {
                if let Some(answer) = serving.answer(&packet[..count]) {
                    socket.send_to(&answer, from).await.expect("loopback");
                }
            }
        });
        server
    }

    fn say(&self, name: &str, kind: u16, says: Says) {
        let mut zone = self.lock();
        zone.answers.insert((name.to_owned(), kind), says);
    }

    fn asked(&self, name: &str, kind: u16) -> usize {
        let zone = self.lock();
        zone.asked
            .get(&(name.to_owned(), kind))
            .copied()
            .unwrap_or(0)
    }

    fn resolver(&self) -> HickoryResolver {
        let resolver = HickoryResolver::with_name_servers(&[self.address]);
        // What this machine's file says is no part of the test.
        resolver
            .and_then(|it| it.with_hosts(""))
            .expect("a resolver")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// RFC 1035 §4: header, question, and a pointer back to its name in each record.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let mut place = 12;
        let mut labels = Vec::new();
        while query[place] != 0 {
            let end = place + 1 + usize::from(query[place]);
            labels.push(String::from_utf8_lossy(&query[place + 1..end]).to_ascii_lowercase());
            place = end;
        }
        let question = &query[12..place + 5];
        let kind = u16::from_be_bytes([query[place + 1], query[place + 2]]);
        let key = (labels.join("."), kind);
        let mut zone = self.lock();
        *zone.asked.entry(key.clone()).or_default() += 1;
        let (code, ttl, addresses) = match zone.answers.get(&key) {
            Some(Says::Nothing) => return None,
            Some(Says::Has(ttl, addresses)) => (0, *ttl, addresses.clone()),
            None => (3, 0, Vec::new()),
        };
        let mut answer = query[..2].to_vec();
        answer.extend([
            0x81,
            0x80 | code,
            0,
            1,
            0,
            addresses.len() as u8,
            0,
            0,
            0,
            0,
        ]);
        answer.extend(question);
        for address in addresses {
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend(ttl.to_be_bytes());
            let bytes = match address {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            answer.extend((bytes.len() as u16).to_be_bytes());
            answer.extend(bytes);
        }
        Some(answer)
    }
}

fn has(ttl: u32, addresses: &[&str]) -> Says {
    let addresses = addresses.iter().map(|it| it.parse().expect("an address"));
    Says::Has(ttl, addresses.collect())
}

async fn resolve(resolver: &HickoryResolver, name: &str) -> io::Result<Vec<String>> {
    let found = resolver.resolve(name, 80).await?;
    Ok(found.iter().map(SocketAddr::to_string).collect())
}

#[tokio::test]
async fn both_families_are_asked_for_and_kept_while_they_live() {
    bounded(async {
        let server = Server::start().await;
        server.say("service.test", A, has(3600, &["192.0.2.1", "192.0.2.2"]));
        server.say("service.test", AAAA, has(3600, &["2001:db8::1"]));
        let resolver = server.resolver();
        for _ in 0..3 {
            let found = resolve(&resolver, "service.test").await.expect("an answer");
            let wanted = ["[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80"];
            assert_eq!(found, wanted);
        }
        let asked = (
            server.asked("service.test", A),
            server.asked("service.test", AAAA),
        );
        assert_eq!(asked, (1, 1));
        let Lookup::Apart { v4, v6 } = resolver.lookup("service.test", 443) else {
            panic!("the families are asked for apart");
        };
        let (v4, v6) = (v4.await.expect("kept"), v6.await.expect("kept"));
        assert_eq!((v4.addresses.len(), v6.addresses[0].port()), (2, 443));
        let left = v4.valid_for.expect("a time to live");
        assert!(
            left > Duration::from_secs(3500) && left <= Duration::from_secs(3600),
            "{left:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_asked_for_again_when_its_time_is_over() {
    bounded(async {
        let server = Server::start().await;
        server.say("short.test", A, has(1, &["192.0.2.1"]));
        server.say("short.test", AAAA, has(3600, &["2001:db8::1"]));
        let resolver = server.resolver();
        resolve(&resolver, "short.test").await.expect("an answer");
        server.say("short.test", A, has(3600, &["192.0.2.9"]));
        server.say("short.test", AAAA, has(3600, &["2001:db8::9"]));
        // Until its second is over the old answer stands; the other family's stands on.
        loop {
            let found = resolve(&resolver, "short.test").await.expect("an answer");
            assert_eq!(found[0], "[2001:db8::1]:80");
            if found[1] == "192.0.2.9:80" {
                break;
            }
            assert_eq!(
                (found[1].as_str(), server.asked("short.test", A)),
                ("192.0.2.1:80", 1)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(
            (
                server.asked("short.test", A),
                server.asked("short.test", AAAA)
            ),
            (2, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_not_there_and_one_without_addresses() {
    bounded(async {
        let server = Server::start().await;
        server.say("empty.test", A, has(60, &[]));
        server.say("empty.test", AAAA, has(60, &[]));
        let dialer = TcpDialer::of(&Client::builder().resolver(server.resolver()));
        for (url, why) in [
            (
                "http://nowhere.test/",
                "cannot resolve nowhere.test:80: no such name",
            ),
            (
                "http://empty.test/",
                "cannot resolve empty.test:80: the name has no address",
            ),
        ] {
            let origin = Origin::of(&url.parse().expect("a URL")).expect("an origin");
            let error = dialer.dial(&origin).await.unwrap_err();
            assert_eq!((error.phase, error.to_string().as_str()), (Phase::Dns, why));
        }
    })
    .await;
}

#[tokio::test]
async fn the_hosts_file_goes_before_and_nobody_is_asked() {
    bounded(async {
        let server = Server::start().await;
        server.say("listed.test", AAAA, has(3600, &["2001:db8::1"]));
        let resolver = server.resolver();
        let resolver = resolver.with_hosts("127.0.0.7 listed.test other # a comment\n");
        let resolver = resolver.expect("a hosts file");
        for name in ["listed.test", "OTHER"] {
            let found = resolve(&resolver, name).await.expect("an address");
            assert_eq!(found, ["127.0.0.7:80"]);
        }
        assert_eq!(
            (
                server.asked("listed.test", A),
                server.asked("listed.test", AAAA)
            ),
            (0, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn connecting_does_not_wait_for_ipv6_that_is_not_answered() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let server = Server::start().await;
        server.say("service.test", A, has(3600, &["127.0.0.1"]));
        server.say("service.test", AAAA, Says::Nothing);
        let client = build(Client::builder().resolver(server.resolver()));
        let url = format!("http://service.test:{}/", lab.addr().port());
        assert_eq!(text(&client, &url).await, "hello, world\n");
        assert!(server.asked("service.test", AAAA) >= 1);
    })
    .await;
}

#[tokio::test]
async fn the_family_that_is_not_wanted_is_not_asked_for() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let server = Server::start().await;
        server.say("service.test", A, has(3600, &["127.0.0.1"]));
        server.say("service.test", AAAA, has(3600, &["::1"]));
        let config = Client::builder().ip_family(IpFamily::V4);
        let client = build(config.resolver(server.resolver()));
        let url = format!("http://service.test:{}/", lab.addr().port());
        assert_eq!(text(&client, &url).await, "hello, world\n");
        assert_eq!(
            (
                server.asked("service.test", A),
                server.asked("service.test", AAAA)
            ),
            (1, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn the_time_to_live_is_known_to_the_dialer() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let server = Server::start().await;
        server.say("service.test", A, has(3600, &["127.0.0.1"]));
        server.say("service.test", AAAA, has(3600, &[]));
        let dialer = TcpDialer::of(&Client::builder().resolver(server.resolver()));
        let url = format!("http://service.test:{}/", lab.addr().port());
        let origin = Origin::of(&url.parse().expect("a URL")).expect("an origin");
        let dialed = dialer.dial(&origin).await.expect("a connection");
        let remote = dialed.remote.expect("a socket has one");
        let known = dialer.addresses(&origin).expect("it is a name");
        assert!(!known.is_gone(remote));
        assert!(known.stale_at().is_some(), "a time to live came with it");
    })
    .await;
}
