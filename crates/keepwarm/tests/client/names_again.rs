//! A name asked again while connections to it are open: on virtual time, with connections in memory.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepwarm::dial::{
    Addresses, Answer, BoxFuture, DialError, Dialed, Dialer, IpFamily, Lookup, Resolver, TcpDialer,
};
use keepwarm::reason::{CloseReason, Reuse};
use keepwarm::{Client, Origin, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::common::{bounded, build, ok, text, totals};

const TTL: Duration = Duration::from_secs(60);
const URL: &str = "http://service.test/";
/// Answered with a head; the body comes when the test says so.
const HELD: &str = "http://service.test/held";

fn numbered(number: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, number].into(), 80)
}

/// A name whose address may change, and the server behind whatever it is.
#[derive(Clone)]
struct Name(Arc<Inner>);

struct Inner {
    address: Mutex<SocketAddr>,
    /// How long an answer holds; none: nobody says.
    valid_for: Option<Duration>,
    known: Arc<Addresses>,
    /// When it was asked again, since it was made.
    asked: Mutex<Vec<u64>>,
    made: Instant,
    dials: AtomicUsize,
    answers: bool,
    rest: Notify,
}

impl Name {
    fn new(valid_for: Option<Duration>, answers: bool) -> Self {
        Self(Arc::new(Inner {
            address: Mutex::new(numbered(1)),
            valid_for,
            known: Arc::default(),
            asked: Mutex::default(),
            made: Instant::now(),
            dials: AtomicUsize::new(0),
            answers,
            rest: Notify::new(),
        }))
    }

    fn moves_to(&self, number: u8) {
        *self.0.address.lock().expect("no panic") = numbered(number);
    }

    fn asked_at(&self) -> Vec<u64> {
        self.0.asked.lock().expect("no panic").clone()
    }

    fn answer(&self) -> SocketAddr {
        let address = *self.0.address.lock().expect("no panic");
        let answer = Answer {
            addresses: vec![address],
            valid_for: self.0.valid_for,
        };
        let now = Instant::now().into_std();
        self.0.known.record(now, IpFamily::V4, &answer);
        address
    }
}

async fn serve(mut stream: DuplexStream, name: Name) {
    let whole = ok("here");
    let (head, body) = whole.split_at(whole.len() - 4);
    let mut request = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut request).await {
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let is_held = request.starts_with(b"GET /held ");
        request.clear();
        let mut said = stream.write_all(head.as_bytes()).await;
        if is_held {
            name.0.rest.notified().await;
        }
        if said.is_ok() {
            said = stream.write_all(body.as_bytes()).await;
        }
        if said.is_err() {
            return;
        }
    }
}

impl Dialer for Name {
    fn dial<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        self.0.dials.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(serve(theirs, self.clone()));
        Box::pin(std::future::ready(Ok(Dialed {
            stream: Stream::new(ours),
            local: None,
            remote: Some(self.answer()),
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        })))
    }

    fn addresses(&self, _: &Origin) -> Option<Arc<Addresses>> {
        Some(Arc::clone(&self.0.known))
    }

    fn ask_again<'a>(&'a self, _: &'a Origin) -> Option<BoxFuture<'a, ()>> {
        let mut asked = self.0.asked.lock().expect("no panic");
        asked.push(self.0.made.elapsed().as_secs());
        if self.0.answers {
            self.answer();
        }
        Some(Box::pin(std::future::ready(())))
    }
}

fn client(name: &Name, idle_timeout: Option<Duration>) -> Client {
    build(
        Client::builder()
            .dialer(name.clone())
            .idle_timeout(idle_timeout),
    )
}

/// Nobody calls, nobody dials: the idle connection to the old address goes all the same.
#[tokio::test(start_paused = true)]
async fn a_connection_to_an_address_that_left_is_retired_without_a_dial() {
    bounded_by_virtual_hours(async {
        let name = Name::new(Some(TTL), true);
        let client = client(&name, None);
        assert_eq!(text(&client, URL).await, "here");
        name.moves_to(2);
        sleep(TTL + Duration::from_secs(1)).await;
        assert_eq!((name.asked_at(), totals(&client).idle), (vec![60], 1));
        // An address has left when two answers lack it.
        sleep(TTL).await;
        assert_eq!(name.asked_at(), [60, 120]);
        let counts = totals(&client);
        assert_eq!((counts.idle, counts.closed_as("address-gone")), (0, 1));
        assert_eq!(name.0.dials.load(Ordering::SeqCst), 1);
        // With no connection there is nothing to ask for.
        sleep(TTL * 10).await;
        assert_eq!(name.asked_at(), [60, 120]);
        // A dial asks by itself, and from then on the name is watched again.
        let began = name.0.made.elapsed().as_secs();
        assert_eq!(text(&client, URL).await, "here");
        sleep(TTL + Duration::from_secs(1)).await;
        assert_eq!(name.asked_at(), [60, 120, began + 60]);
        assert_eq!(totals(&client).idle, 1);
    })
    .await;
}

/// The connection that carries a call is not taken from it.
#[tokio::test(start_paused = true)]
async fn a_connection_in_use_is_retired_when_it_comes_back() {
    bounded_by_virtual_hours(async {
        let name = Name::new(Some(TTL), true);
        let client = client(&name, None);
        let mut response = client.get(HELD).send().await.expect("a head");
        name.moves_to(2);
        sleep(TTL * 5 / 2).await;
        assert_eq!(name.asked_at(), [60, 120]);
        assert_eq!(totals(&client).active, 1);
        name.0.rest.notify_one();
        assert_eq!(
            &response.chunk().await.expect("a body").expect("all of it")[..],
            b"here"
        );
        assert!(response.chunk().await.expect("the end").is_none());
        let gone = Reuse::close(CloseReason::AddressGone);
        assert_eq!(response.reuse(), Some(&gone));
        let response = client.get(URL).send().await.expect("an answer");
        assert_eq!(response.connection().remote(), Some(numbered(2)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_no_more_often_than_it_needs() {
    bounded_by_virtual_hours(async {
        // An answer without a time to live says nothing of when to ask.
        let name = Name::new(None, true);
        let calm = client(&name, None);
        assert_eq!(text(&calm, URL).await, "here");
        sleep(TTL * 60).await;
        assert_eq!(name.asked_at(), Vec::<u64>::new());

        // One that holds for no time does not make a flood.
        let name = Name::new(Some(Duration::from_secs(1)), true);
        let brief = client(&name, Some(Duration::from_secs(16)));
        assert_eq!(text(&brief, URL).await, "here");
        sleep(TTL).await;
        assert_eq!(
            name.asked_at(),
            [5, 10, 15],
            "until the connection is closed"
        );

        // Nor do questions that bring nothing.
        let name = Name::new(Some(TTL), false);
        let silent = client(&name, None);
        assert_eq!(text(&silent, URL).await, "here");
        sleep(TTL * 2 + Duration::from_secs(1)).await;
        assert_eq!(name.asked_at(), [60, 90, 120]);
        let counts = totals(&silent);
        assert_eq!(
            (counts.idle, counts.closed.len()),
            (1, 0),
            "silence says nothing"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_shut_down_asks_nothing() {
    bounded_by_virtual_hours(async {
        let name = Name::new(Some(TTL), true);
        let client = client(&name, None);
        assert_eq!(text(&client, URL).await, "here");
        client.shutdown(Duration::ZERO).await;
        assert_eq!(totals(&client).closed_as(CloseReason::ShutDown.slug()), 1);
        sleep(TTL * 3).await;
        assert_eq!(name.asked_at(), Vec::<u64>::new());
    })
    .await;
}

/// Time is virtual: the bound of other tests is too short for it.
async fn bounded_by_virtual_hours(test: impl Future<Output = ()>) {
    let hours = Duration::from_secs(24 * 3600);
    let ended = tokio::time::timeout(hours, test).await;
    ended.expect("it ends");
}

/// Answers for each family apart, with a number that changes with each question.
struct Apart(AtomicUsize);

impl Resolver for Apart {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn lookup<'a>(&'a self, _: &'a str, _: u16) -> Lookup<'a> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let number = u8::try_from(number.min(1)).expect("0 or 1");
        let answer = |addresses| -> BoxFuture<'a, io::Result<Answer>> {
            let valid_for = Some(TTL);
            Box::pin(std::future::ready(Ok(Answer {
                addresses,
                valid_for,
            })))
        };
        Lookup::Apart {
            v4: answer(vec![numbered(number)]),
            v6: answer(vec![SocketAddr::new([0, 0, 0, 0, 0, 0, 0, 1].into(), 80)]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_dialer_asks_for_the_families_it_uses_and_notes_the_answers() {
    bounded(async {
        let origin: Origin = URL.parse().expect("an origin");
        let v6 = SocketAddr::new([0, 0, 0, 0, 0, 0, 0, 1].into(), 80);
        let config = Client::builder().resolver(Apart(AtomicUsize::new(0)));
        let dialer = TcpDialer::of(&config);
        let known = dialer.addresses(&origin).expect("it is a name");
        assert_eq!(known.stale_at(), None);
        for _ in 0..3 {
            dialer.ask_again(&origin).expect("it is a name").await;
            sleep(Duration::from_secs(1)).await;
        }
        assert!(known.is_gone(numbered(0)));
        assert!(!known.is_gone(numbered(1)) && !known.is_gone(v6));
        let now = Instant::now().into_std();
        let left = known.stale_at().map(|at| at - now);
        assert_eq!(left, Some(TTL - Duration::from_secs(1)));
        let literal: Origin = "http://192.0.2.1/".parse().expect("an origin");
        assert!(dialer.ask_again(&literal).is_none());
    })
    .await;
}
