//! Names and their addresses, over real sockets on loopback: which is tried, in what order, and what is remembered.
//!
//! Time that matters is virtual, in `dial/racing/tests.rs`; here is what sockets say.

use std::error::Error as _;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::common::{assert_quiet, bounded, build, settle, text, totals};
use keepwarm::dial::{
    Addresses, Answer, BoxFuture, DialError, Dialed, Dialer, IpFamily, Lookup, ONE_ANSWER,
    Resolver, TcpDialer,
};
use keepwarm::reason::Phase;
use keepwarm::{Client, Config, ErrorKind, Origin};
use keepwarm_lab::{Lab, Pause, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

/// What a name has; it may change.
#[derive(Clone, Default)]
struct Zone(Arc<Mutex<Vec<SocketAddr>>>);

impl Zone {
    fn of(addresses: &[SocketAddr]) -> Self {
        let zone = Self::default();
        zone.set(addresses);
        zone
    }

    fn set(&self, addresses: &[SocketAddr]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses.to_vec();
    }

    fn has(&self) -> Vec<SocketAddr> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Resolver for Zone {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Ok(self.has())))
    }
}

/// The same, as a resolver that asks for the families apart; the answer about IPv6 never comes.
struct NoIpv6Answer(Zone);

impl Resolver for NoIpv6Answer {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.0.resolve(host, port)
    }

    fn lookup<'a>(&'a self, _: &'a str, _: u16) -> Lookup<'a> {
        let answer = Answer::from(self.0.has());
        Lookup::Apart {
            v4: Box::pin(std::future::ready(Ok(answer))),
            v6: Box::pin(std::future::pending()),
        }
    }
}

fn loopback(family: IpFamily) -> SocketAddr {
    match family {
        IpFamily::V6 => (Ipv6Addr::LOCALHOST, 0).into(),
        IpFamily::Any | IpFamily::V4 => (Ipv4Addr::LOCALHOST, 0).into(),
    }
}

/// A port that is taken, and refuses until it listens.
fn refusing(family: IpFamily) -> (TcpSocket, SocketAddr) {
    let address = loopback(family);
    let socket = match family {
        IpFamily::V6 => TcpSocket::new_v6(),
        IpFamily::Any | IpFamily::V4 => TcpSocket::new_v4(),
    };
    let socket = socket.expect("a socket");
    socket.bind(address).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

async fn listening(family: IpFamily) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(loopback(family)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn origin() -> Origin {
    Origin::of(&"http://service.test/".parse().expect("a URL")).expect("an origin")
}

async fn dial(dialer: &TcpDialer) -> Result<SocketAddr, DialError> {
    let dialed: Dialed = dialer.dial(&origin()).await?;
    Ok(dialed.remote.expect("a socket has one"))
}

fn dialer(config: Config, zone: &Zone) -> TcpDialer {
    TcpDialer::of(&config.resolver(zone.clone()))
}

#[tokio::test]
async fn ipv4_is_used_at_once_when_ipv6_refuses() {
    bounded(async {
        let (_six, dead) = refusing(IpFamily::V6);
        let (_four, alive) = listening(IpFamily::V4).await;
        let zone = Zone::of(&[dead, alive]);
        // One after the other: only a failure can start the second. And none has to wait its turn.
        for delay in [None, Some(Duration::from_secs(2))] {
            let start = Instant::now();
            let dialer = dialer(Client::builder().attempt_delay(delay), &zone);
            assert_eq!(dial(&dialer).await.expect("IPv4 answers"), alive);
            assert!(start.elapsed() < Duration::from_secs(2));
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_never_comes_holds_nothing_up() {
    bounded(async {
        let (_four, alive) = listening(IpFamily::V4).await;
        let resolver = NoIpv6Answer(Zone::of(&[alive]));
        let config = Client::builder().resolution_delay(Duration::from_millis(20));
        let dialer = TcpDialer::of(&config.resolver(resolver));
        let dialed = dialer.dial(&origin()).await.expect("IPv4 answers");
        assert_eq!(dialed.remote, Some(alive));
        // Waiting for that answer was resolving, not connecting.
        assert!(
            dialed.resolved_in >= Duration::from_millis(20),
            "{dialed:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn when_all_refuse_the_error_lists_all() {
    bounded(async {
        let (_first, one) = refusing(IpFamily::V6);
        let (_second, two) = refusing(IpFamily::V4);
        let (_third, three) = refusing(IpFamily::V4);
        let zone = Zone::of(&[one, two, three]);
        let error = dial(&dialer(Client::builder(), &zone)).await.unwrap_err();
        assert_eq!((error.phase, error.timed_out()), (Phase::Connect, false));
        assert_eq!(error.error.kind(), io::ErrorKind::ConnectionRefused);
        let tried: Vec<_> = error.attempts().iter().map(|it| it.address).collect();
        assert_eq!(tried, [one, two, three]);
        let first = error.source().and_then(|list| list.source());
        let first = first.and_then(|first| first.downcast_ref::<io::Error>());
        let first = first.expect("the first address's failure");
        assert_eq!(first.kind(), io::ErrorKind::ConnectionRefused);
        assert!(first.raw_os_error().is_some(), "as the system said it");

        let client = build(Client::builder().resolver(zone));
        let error = client.get("http://service.test/").send().await.unwrap_err();
        let told = error.to_string();
        let place = |address: SocketAddr| told.find(&format!("{address}: ")).expect(&told);
        assert!(
            place(one) < place(two) && place(two) < place(three),
            "{told}"
        );
        assert!(
            told.starts_with("cannot connect to service.test:80: "),
            "{told}"
        );
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Connect)
        );
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn one_address_that_refuses_is_told_as_such() {
    bounded(async {
        let (_socket, dead) = refusing(IpFamily::V4);
        let error = dial(&dialer(Client::builder(), &Zone::of(&[dead])))
            .await
            .unwrap_err();
        assert_eq!(
            (error.target.clone(), error.attempts().len()),
            (dead.to_string(), 0)
        );
        assert!(error.error.raw_os_error().is_some());
    })
    .await;
}

#[tokio::test]
async fn the_address_that_worked_goes_first_next_time() {
    bounded(async {
        let (socket, first) = refusing(IpFamily::V4);
        let (_listener, second) = listening(IpFamily::V4).await;
        let zone = Zone::of(&[first, second]);
        let dialer = dialer(Client::builder(), &zone);
        assert_eq!(dial(&dialer).await.expect("the second"), second);
        // The first one is back, but this dialer has a better one; a new dialer follows the resolver.
        let _back = socket.listen(8).expect("a listener");
        assert_eq!(dial(&dialer).await.expect("the second"), second);
        let fresh = self::dialer(Client::builder(), &zone);
        assert_eq!(dial(&fresh).await.expect("the first"), first);
        assert_eq!(dial(&fresh).await.expect("still the first"), first);
        // Once the name does not have it any more, it is forgotten.
        zone.set(&[first, loopback(IpFamily::V4)]);
        assert_eq!(dial(&dialer).await.expect("the first"), first);
    })
    .await;
}

#[tokio::test]
async fn only_the_wanted_family_is_used() {
    bounded(async {
        let (_four, four) = listening(IpFamily::V4).await;
        let (_six, six) = listening(IpFamily::V6).await;
        let both = Zone::of(&[six, four]);
        for (family, wanted) in [(IpFamily::Any, six), (IpFamily::V4, four), (IpFamily::V6, six)] {
            let dialer = dialer(Client::builder().ip_family(family), &both);
            assert_eq!(dial(&dialer).await.expect("an address"), wanted);
        }
        let only = Zone::of(&[four]);
        let six_only = Client::builder().ip_family(IpFamily::V6);
        let error = dial(&dialer(six_only.clone(), &only)).await.unwrap_err();
        assert_eq!(error.phase, Phase::Dns);
        let told = "cannot resolve service.test:80: the name has no address of the wanted family (1 other)";
        assert_eq!(error.to_string(), told);
        // A literal address is what the user wants.
        let lab = Lab::start(scenario::well_behaved()).await;
        assert_eq!(text(&build(six_only), &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

/// X18: on request (`spread_addresses`) connections are spread evenly over the addresses of a name.
#[tokio::test]
async fn dials_are_spread_evenly() {
    bounded(async {
        let (_one, one) = listening(IpFamily::V4).await;
        let (_two, two) = listening(IpFamily::V4).await;
        let zone = Zone::of(&[one, two]);
        let spread = dialer(Client::builder().spread_addresses(true), &zone);
        let plain = dialer(Client::builder(), &zone);
        let mut counts = [0, 0];
        for _ in 0..10 {
            let address = dial(&spread).await.expect("both answer");
            counts[usize::from(address == two)] += 1;
            assert_eq!(dial(&plain).await.expect("both answer"), one);
        }
        assert_eq!(counts, [5, 5]);
    })
    .await;
}

/// Three servers of one name, each on a loopback address of its own, and a client that spreads over them.
async fn three_of_a_name() -> ([Lab; 3], Client) {
    let lab = async |last| {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        let lab = Lab::listen(address, scenario::slow_head(Pause::gate("answer"))).await;
        lab.expect("a free port")
    };
    let labs = [lab(1).await, lab(2).await, lab(3).await];
    let zone = Zone::of(&[labs[0].addr(), labs[1].addr(), labs[2].addr()]);
    let config = Client::builder().spread_addresses(true).resolver(zone);
    // One at a time, so that the order of the dials is the order of their turns.
    (labs, build(config.max_dials_per_host(1)))
}

/// Six calls at once, and how many each server got.
async fn six_calls(labs: &[Lab; 3], client: &Client) -> [u64; 3] {
    let call = || tokio::spawn(client.get("http://service.test/").send());
    let calls: Vec<_> = (0..6).map(|_| call()).collect();
    let got = || labs.each_ref().map(|lab| lab.connections().requests);
    settle(client, |_| got().iter().sum::<u64>() == 6).await;
    for lab in labs {
        lab.open("answer");
    }
    for call in calls {
        let response = call.await.expect("no panic").expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "hello, world\n");
    }
    got()
}

#[tokio::test]
async fn connections_are_spread_over_the_addresses_and_reused_all_the_same() {
    bounded(async {
        let (labs, client) = three_of_a_name().await;
        assert_eq!(six_calls(&labs, &client).await, [2, 2, 2]);
        for _ in 0..3 {
            let response = client.get("http://service.test/").send().await;
            let response = response.expect("an answer");
            assert!(
                response.connection().reused,
                "a turn is a dial's, not a call's"
            );
            response.bytes().await.expect("a body");
        }
        let accepted = labs.each_ref().map(|lab| lab.connections().accepted);
        assert_eq!(accepted, [2, 2, 2]);
    })
    .await;
}

/// Each dial races for all addresses, whichever it begins with.
#[tokio::test]
async fn an_address_that_refuses_costs_no_call_when_it_has_its_turn() {
    bounded(async {
        let (labs, client) = three_of_a_name().await;
        labs[1].stop_listening().await;
        assert_eq!(six_calls(&labs, &client).await, [2, 0, 4]);
        assert_eq!(totals(&client).opened, 6);
    })
    .await;
}

#[tokio::test]
async fn a_resolver_that_hangs_is_told_as_resolving() {
    struct Hangs;
    impl Resolver for Hangs {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(std::future::pending())
        }
    }
    bounded(async {
        let config = Client::builder().connect_timeout(Duration::from_millis(30));
        let dialer = TcpDialer::of(&config.resolver(Hangs));
        let error = dial(&dialer).await.unwrap_err();
        assert_eq!((error.phase, error.timed_out()), (Phase::Dns, true));
        assert!(error.attempts().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_resolved_is_known_and_what_was_given_is_not() {
    bounded(async {
        let (_one, one) = listening(IpFamily::V4).await;
        let zone = Zone::of(&[one]);
        let resolved = dialer(Client::builder(), &zone);
        let known = resolved.addresses(&origin()).expect("it is a name");
        let elsewhere: SocketAddr = "127.0.0.9:80".parse().expect("an address");
        dial(&resolved).await.expect("it answers");
        // Two more answers, as dials of the seconds to come would bring them.
        let now = Instant::now();
        let moved = Answer::from(vec![elsewhere]);
        known.record(now + ONE_ANSWER * 2, IpFamily::Any, &moved);
        assert!(!known.is_gone(one));
        known.record(now + ONE_ANSWER * 4, IpFamily::Any, &moved);
        assert!(known.is_gone(one), "the dial's own answer was noted");

        let by_hand = Client::builder().resolve("service.test", 80, one);
        let by_hand = dialer(by_hand, &zone);
        let known = by_hand.addresses(&origin()).expect("it is a name");
        dial(&by_hand).await.expect("it answers");
        known.record(now + ONE_ANSWER * 2, IpFamily::Any, &moved);
        known.record(now + ONE_ANSWER * 4, IpFamily::Any, &moved);
        assert!(!known.is_gone(one), "an address given by hand is no answer");

        let literal = Origin::of(&"http://[::1]:80/".parse().expect("a URL"));
        let literal = literal.expect("an origin");
        assert!(resolved.addresses(&literal).is_none());
    })
    .await;
}

/// The knowledge of one name, with an answer each second.
struct Watched {
    addresses: Addresses,
    now: Instant,
}

impl Watched {
    fn new() -> Self {
        Self {
            addresses: Addresses::default(),
            now: Instant::now(),
        }
    }

    fn hear(&mut self, about: IpFamily, answer: &[SocketAddr]) {
        let answer = Answer::from(answer.to_vec());
        self.addresses.record(self.now, about, &answer);
        self.now += ONE_ANSWER;
    }
}

fn numbered(number: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, number].into(), 80)
}

#[test]
fn an_address_has_left_when_two_answers_lack_it() {
    let mut name = Watched::new();
    let (old, new) = (numbered(1), numbered(2));
    name.hear(IpFamily::Any, &[old]);
    name.hear(IpFamily::Any, &[new]);
    assert!(!name.addresses.is_gone(old));
    name.hear(IpFamily::Any, &[new]);
    assert!(name.addresses.is_gone(old));
    assert!(!name.addresses.is_gone(new));
    // Nothing is known of one that was never answered.
    assert!(!name.addresses.is_gone(numbered(3)));
    name.hear(IpFamily::Any, &[new, old]);
    assert!(!name.addresses.is_gone(old), "it is back");
}

#[test]
fn answers_of_one_burst_are_one_answer() {
    let name = Watched::new();
    let later = name.now + ONE_ANSWER;
    let record = |at, number| {
        let answer = Answer::from(vec![numbered(number)]);
        name.addresses.record(at, IpFamily::Any, &answer);
    };
    record(name.now, 1);
    for _ in 0..100 {
        record(later, 2);
    }
    assert!(!name.addresses.is_gone(numbered(1)));
    record(later + ONE_ANSWER, 2);
    assert!(name.addresses.is_gone(numbered(1)));
}

#[test]
fn a_name_that_answers_in_parts_is_soon_left_alone() {
    let mut name = Watched::new();
    let all: Vec<_> = (0..40).map(numbered).collect();
    let mut ends = 0;
    let mut lately = 0;
    for round in 0..2000_usize {
        // Two of forty at a time: each is missing from nineteen answers in a row.
        let place = (round * 2) % all.len();
        let answer = &all[place..place + 2];
        let before = all.iter().filter(|it| name.addresses.is_gone(**it)).count();
        name.hear(IpFamily::Any, answer);
        let gone = all.iter().filter(|it| name.addresses.is_gone(**it)).count();
        ends += gone.saturating_sub(before);
        if round > 200 {
            lately += gone;
        }
    }
    assert!((1..=200).contains(&ends), "{ends}");
    assert_eq!(lately, 0);
}

#[test]
fn an_answer_tells_about_the_families_it_is_about() {
    let six: SocketAddr = "[2001:db8::1]:80".parse().expect("an address");
    let mut name = Watched::new();
    name.hear(IpFamily::Any, &[six, numbered(1)]);
    // A query for AAAA may have been lost on the way to this answer: that is how getaddrinfo tells it.
    for _ in 0..5 {
        name.hear(IpFamily::Any, &[numbered(1)]);
        name.hear(IpFamily::V4, &[numbered(1)]);
    }
    assert!(!name.addresses.is_gone(six));
    // An answer about IPv6 that is empty is an answer.
    name.hear(IpFamily::V6, &[]);
    name.hear(IpFamily::V6, &[]);
    assert!(name.addresses.is_gone(six));
    assert!(!name.addresses.is_gone(numbered(1)));
}

#[test]
fn what_is_known_of_a_name_is_bounded() {
    let mut name = Watched::new();
    let long: Vec<_> = (1..=5000)
        .map(|port| SocketAddr::new([192, 0, 2, 1].into(), port))
        .collect();
    name.hear(IpFamily::Any, &long);
    // More than is remembered: nothing is concluded from what this answer lacks.
    name.hear(IpFamily::Any, &long[1..]);
    name.hear(IpFamily::Any, &long[1..]);
    assert!(!name.addresses.is_gone(long[0]));
    for chunk in long.chunks(2) {
        name.hear(IpFamily::Any, chunk);
    }
    let gone = long
        .iter()
        .filter(|it| name.addresses.is_gone(**it))
        .count();
    assert!(gone <= 256, "{gone}");
}

#[test]
fn the_shortest_time_to_live_tells_when_to_ask_again() {
    let (addresses, now) = (Addresses::default(), Instant::now());
    assert_eq!(addresses.stale_at(), None);
    let answer = |seconds| Answer {
        addresses: Vec::new(),
        valid_for: Some(Duration::from_secs(seconds)),
    };
    addresses.record(now, IpFamily::V4, &answer(60));
    addresses.record(now, IpFamily::V6, &answer(30));
    assert_eq!(addresses.stale_at(), Some(now + Duration::from_secs(30)));
    addresses.record(now, IpFamily::V6, &answer(300));
    assert_eq!(addresses.stale_at(), Some(now + Duration::from_secs(60)));
}

/// Answers every request on this address, for the rest of the test.
async fn serving(address: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.expect("a free port");
    let bound = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|count| count > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    // A client that has gone needs no answer.
                    if socket.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    bound
}

/// A connection to an address that the name has lost for two answers is closed when it would become idle, or be taken.
#[tokio::test]
async fn address_gone() {
    bounded(async {
        let old = serving(Ipv4Addr::LOCALHOST).await;
        let new = serving(Ipv4Addr::new(127, 0, 0, 2)).await;
        let zone = Zone::of(&[old]);
        let client = build(Client::builder().resolver(zone.clone()));
        let call = || client.get("http://name.test/").send();
        // Two to the old address: one is held, the other idle.
        let (held, idle) = tokio::join!(call(), call());
        let mut held = held.expect("an answer");
        idle.expect("an answer").bytes().await.expect("a body");
        zone.set(&[new]);
        for _ in 0..2 {
            tokio::time::sleep(ONE_ANSWER + Duration::from_millis(50)).await;
            // A connection more than is idle: the name is asked.
            let (first, second, third) = tokio::join!(call(), call(), call());
            for answer in [first, second, third] {
                let answer = answer.expect("an answer");
                assert!([Some(old), Some(new)].contains(&answer.connection().remote()));
                answer.bytes().await.expect("a body");
            }
            client.prewarm("http://name.test/", 1).expect("a dial");
            settle(&client, |now| now.dialing == 0).await;
        }
        text(&client, "http://name.test/").await;
        while held.chunk().await.expect("a body").is_some() {}
        for _ in 0..20 {
            let answer = call().await.expect("an answer");
            assert_eq!(answer.connection().remote(), Some(new));
            answer.bytes().await.expect("a body");
        }
        let counts = totals(&client);
        assert!(counts.closed_as("address-gone") >= 1, "{counts:?}");
    })
    .await;
}
