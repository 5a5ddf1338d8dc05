//! The shell of a race on virtual time: scripted resolvers, scripted connecting, no socket.

use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error as _;
use std::rc::Rc;
use std::time::Duration;

use keepwarm_core::race::Settings;
use keepwarm_core::reason::Phase;

use super::*;
use crate::dial::failures::describe;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn six(number: u16) -> SocketAddr {
    let ip = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number);
    SocketAddr::new(ip.into(), 80)
}

fn four(number: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, number].into(), 80)
}

/// What an address does when it is connected to.
#[derive(Clone, Copy)]
enum Fate {
    Accepts(Duration),
    Refuses(Duration),
    Silent,
}

/// The addresses there are, and the attempts that are under way.
#[derive(Clone, Default)]
struct Net {
    fates: Rc<HashMap<SocketAddr, Fate>>,
    open: Rc<Cell<usize>>,
    begun: Rc<Cell<usize>>,
}

struct Open(Rc<Cell<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Net {
    fn of(fates: impl IntoIterator<Item = (SocketAddr, Fate)>) -> Self {
        Self {
            fates: Rc::new(fates.into_iter().collect()),
            ..Self::default()
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        self.open.set(self.open.get() + 1);
        self.begun.set(self.begun.get() + 1);
        let _open = Open(Rc::clone(&self.open));
        match self.fates[&address] {
            Fate::Accepts(after) => {
                tokio::time::sleep(after).await;
                Ok(address)
            }
            Fate::Refuses(after) => {
                tokio::time::sleep(after).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Fate::Silent => std::future::pending().await,
        }
    }

    async fn race(
        &self,
        race: Race<io::Error>,
        queries: Queries<'_>,
    ) -> Result<Won<SocketAddr>, Lost> {
        run(race, queries, |_, _| {}, |address| self.connect(address)).await
    }
}

fn begin(settings: Settings, addresses: &[SocketAddr]) -> Race<io::Error> {
    let mut race = Race::new(settings, clock::now());
    if !addresses.is_empty() {
        race.on_resolved(clock::now(), Families::Both, addresses);
    }
    race
}

/// An answer that comes after a time.
fn after(
    time: Duration,
    answer: io::Result<Vec<SocketAddr>>,
) -> BoxFuture<'static, io::Result<Answer>> {
    Box::pin(async move {
        tokio::time::sleep(time).await;
        answer.map(Answer::from)
    })
}

#[tokio::test(start_paused = true)]
async fn a_black_holed_address_costs_250_ms() {
    let net = Net::of([(six(1), Fate::Silent), (four(1), Fate::Accepts(ms(3)))]);
    let start = clock::now();
    let race = begin(Settings::default(), &[six(1), four(1)]);
    let won = net.race(race, Queries::default()).await;
    let won = won.expect("IPv4 answers");
    assert_eq!(
        (won.stream, won.address, won.was_first),
        (four(1), four(1), false)
    );
    assert_eq!((won.connecting, clock::now() - start), (start, ms(253)));
    // The loser is gone with the race.
    assert_eq!((net.open.get(), net.begun.get()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_costs_nothing() {
    let net = Net::of([
        (six(1), Fate::Refuses(ms(1))),
        (four(1), Fate::Accepts(ms(3))),
    ]);
    let start = clock::now();
    let race = begin(Settings::default(), &[six(1), four(1)]);
    let won = net.race(race, Queries::default()).await;
    assert_eq!(won.expect("IPv4 answers").address, four(1));
    assert_eq!(clock::now() - start, ms(4));
}

#[tokio::test(start_paused = true)]
async fn ipv4_does_not_wait_for_an_answer_about_ipv6_that_is_late() {
    let net = Net::of([
        (six(1), Fate::Accepts(ms(1))),
        (four(1), Fate::Accepts(ms(3))),
    ]);
    // The resolution delay passes; then the attempt delay counts from IPv4's start.
    for (late, winner, took) in [(30, six(1), 31), (5000, four(1), 63)] {
        let start = clock::now();
        let queries = Queries {
            v4: Some(after(ms(10), Ok(vec![four(1)]))),
            v6: Some(after(ms(late), Ok(vec![six(1)]))),
        };
        let won = net.race(begin(Settings::default(), &[]), queries).await;
        assert_eq!(won.expect("an address").address, winner);
        assert_eq!(clock::now() - start, ms(took));
    }
}

#[tokio::test(start_paused = true)]
async fn one_family_that_cannot_be_resolved_is_no_failure() {
    let net = Net::of([(four(1), Fate::Accepts(ms(3)))]);
    let queries = Queries {
        v4: Some(after(ms(20), Ok(vec![four(1)]))),
        v6: Some(after(ms(5), Err(io::Error::other("SERVFAIL")))),
    };
    let start = clock::now();
    let won = net.race(begin(Settings::default(), &[]), queries).await;
    let won = won.expect("IPv4 answers");
    // No resolution delay: there is nothing to wait for.
    assert_eq!(
        (won.connecting - start, clock::now() - start),
        (ms(20), ms(23))
    );
}

#[tokio::test(start_paused = true)]
async fn each_answer_is_shown_before_it_is_used() {
    let net = Net::of([(four(1), Fate::Accepts(ms(3)))]);
    let queries = Queries {
        v4: Some(after(ms(20), Ok(vec![four(1)]))),
        v6: Some(after(ms(5), Ok(Vec::new()))),
    };
    let heard = std::cell::RefCell::new(Vec::new());
    let note = |family, answer: &Answer| {
        let mut heard = heard.borrow_mut();
        heard.push((family, answer.addresses.len(), net.begun.get()));
    };
    let race = begin(Settings::default(), &[]);
    let won = run(race, queries, note, |address| net.connect(address)).await;
    assert!(won.is_ok());
    assert_eq!(heard.take(), [(Family::V6, 0, 0), (Family::V4, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_race_tells_every_address_and_why() {
    let net = Net::of([
        (six(1), Fate::Refuses(ms(2))),
        (four(1), Fate::Silent),
        (four(2), Fate::Refuses(ms(1))),
    ]);
    let settings = Settings {
        connect_timeout: Some(Duration::from_secs(10)),
        ..Settings::default()
    };
    let race = begin(settings, &[six(1), four(1), four(2)]);
    let lost = net
        .race(race, Queries::default())
        .await
        .expect_err("nobody answers");
    let error = describe(lost.why, lost.race, "service.test:80".to_owned());
    assert_eq!((error.phase, error.timed_out()), (Phase::Connect, false));
    let tried: Vec<_> = error.attempts().iter().map(|it| it.address).collect();
    assert_eq!(tried, [six(1), four(1), four(2)]);
    assert_eq!(error.attempts()[0].lasted, ms(2));
    assert_eq!(error.attempts()[1].error.kind(), io::ErrorKind::TimedOut);
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused).to_string();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to service.test:80: [2001:db8::1]:80: {refused}; 192.0.2.1:80: no answer in 5 s, \
             its share of connect_timeout; 192.0.2.2:80: {refused}"
        )
    );
    // The first address's failure is what lies below.
    let inner = error
        .source()
        .expect("the list")
        .source()
        .expect("the first");
    assert_eq!(inner.to_string(), refused);
    assert_eq!(net.open.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_race_out_of_time_tells_what_it_tried() {
    let net = Net::of([(six(1), Fate::Silent), (four(1), Fate::Silent)]);
    let settings = Settings {
        connect_timeout: Some(Duration::from_secs(3)),
        ..Settings::default()
    };
    let start = clock::now();
    let race = begin(settings.clone(), &[six(1), four(1)]);
    let lost = net
        .race(race, Queries::default())
        .await
        .expect_err("nobody answers");
    assert_eq!(
        (clock::now() - start, net.open.get()),
        (Duration::from_secs(3), 0)
    );
    let error = describe(lost.why, lost.race, "service.test:80".to_owned());
    assert_eq!((error.phase, error.timed_out()), (Phase::Connect, true));
    let text = error.to_string();
    assert!(
        text.contains("connect_timeout (3 s) ran out: [2001:db8::1]:80: no answer in 2 s"),
        "{text}"
    );
    assert!(text.contains("192.0.2.1:80: no answer in 2.8 s"), "{text}");

    // No answer from the resolver either: no address, another phase.
    let queries = Queries {
        v4: Some(Box::pin(std::future::pending())),
        v6: Some(after(ms(1), Ok(Vec::new()))),
    };
    let lost = net
        .race(begin(settings, &[]), queries)
        .await
        .expect_err("no address");
    let error = describe(lost.why, lost.race, "service.test:80".to_owned());
    assert_eq!((error.phase, error.timed_out()), (Phase::Dns, true));
    assert_eq!(
        error.to_string(),
        "cannot resolve service.test:80: connect_timeout (3 s) ran out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_race_that_is_dropped_leaves_nothing() {
    let asked = Rc::new(());
    let fates = (1..=4).map(|number| (four(number), Fate::Silent));
    let net = Net::of(fates);
    let kept = Rc::clone(&asked);
    // Not `Send`, as a resolver's future is; so the count stands beside it.
    let queries = Queries {
        v4: None,
        v6: Some(Box::pin(std::future::pending())),
    };
    let mut race = Race::new(Settings::default(), clock::now());
    let all: Vec<_> = (1..=4).map(four).collect();
    race.on_resolved(clock::now(), Families::Only(Family::V4), &all);
    let racing = async {
        let _kept = kept;
        net.race(race, queries).await
    };
    let ended = tokio::time::timeout(ms(700), racing).await;
    assert!(ended.is_err(), "nobody answers");
    assert_eq!((net.begun.get(), net.open.get()), (3, 0));
    assert_eq!(Rc::strong_count(&asked), 1);
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
}
