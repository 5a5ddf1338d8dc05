//! The bench of the race's scenarios: a world written in words, played on virtual time, told line by line.
//!
//! Owns the words. Addresses are `6.1` (IPv6) and `4.1` (IPv4), times are milliseconds from the beginning.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use keepwarm_core::race::{Action, AttemptId, End, Families, Family, First, Race, Settings, Why};

pub(crate) type TestRace = Race<String>;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The defaults.
pub(crate) fn plain() -> Settings {
    Settings::default()
}

/// The defaults with a `connect_timeout`.
pub(crate) fn within(limit_ms: u64) -> Settings {
    Settings {
        connect_timeout: Some(ms(limit_ms)),
        ..plain()
    }
}

/// The defaults with another address first.
pub(crate) fn first(first: First) -> Settings {
    Settings { first, ..plain() }
}

/// `6.1` or `4.1` as an address.
pub(crate) fn address(name: &str) -> SocketAddr {
    let (family, number) = name.split_once('.').expect("family.number");
    let number: u16 = number.parse().expect("a number");
    let ip = match family {
        "4" => Ipv4Addr::from_bits(0x0A00_0000 + u32::from(number)).into(),
        "6" => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number).into(),
        other => panic!("no family {other}"),
    };
    SocketAddr::new(ip, 443)
}

/// An address as its name.
pub(crate) fn name(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(four) => format!("4.{}", four.ip().to_bits() & 0xFFFF),
        SocketAddr::V6(six) => format!("6.{}", six.ip().segments()[7]),
    }
}

pub(crate) fn families(word: &str) -> Families {
    match word {
        "both" => Families::Both,
        "v4" => Families::Only(Family::V4),
        "v6" => Families::Only(Family::V6),
        other => panic!("no answer {other}"),
    }
}

/// Something that comes from outside.
enum Event {
    Cancel,
    Connected(AttemptId),
    Failed(AttemptId, String),
    Resolved(Families, Vec<SocketAddr>),
    Unresolved(Families, String),
}

/// What an address does: `6.1 up 30` connects after 30 ms, `6.1 refuses 5` fails; any other is a black hole.
struct Host {
    address: SocketAddr,
    up: bool,
    after: Duration,
}

/// A race and its world.
pub(crate) struct World {
    pub(crate) race: TestRace,
    start: Instant,
    now: Instant,
    hosts: Vec<Host>,
    events: Vec<(Instant, Event)>,
    told: Vec<String>,
}

/// Plays `script` (`10 v4 4.1 4.2; 20 v6 fails; 100 cancel`) with these hosts (`4.1 up 30; 4.2 refuses 5`) to the end.
pub(crate) fn play(settings: Settings, script: &str, hosts: &str) -> World {
    let start = Instant::now();
    let mut world = World {
        race: Race::new(settings, start),
        start,
        now: start,
        hosts: lines(hosts).map(host).collect(),
        events: lines(script).map(|line| event(start, line)).collect(),
        told: Vec::new(),
    };
    world.run();
    world
}

/// Plays a world and compares what the race did.
#[track_caller]
pub(crate) fn check(settings: &Settings, script: &str, hosts: &str, expected: &str) {
    let world = play(settings.clone(), script, hosts);
    let expected: Vec<&str> = lines(expected).collect();
    assert_eq!(world.told(), expected, "\nscript: {script}\nhosts: {hosts}");
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

fn host(line: &str) -> Host {
    let words: Vec<&str> = line.split_whitespace().collect();
    Host {
        address: address(words[0]),
        up: words[1] == "up",
        after: ms(words[2].parse().expect("milliseconds")),
    }
}

fn event(start: Instant, line: &str) -> (Instant, Event) {
    let mut words = line.split_whitespace();
    let at = words.next().expect("a time").parse().expect("milliseconds");
    let what = words.next().expect("an event");
    let rest: Vec<&str> = words.collect();
    let event = match (what, rest.as_slice()) {
        ("cancel", _) => Event::Cancel,
        (asked, ["fails"]) => Event::Unresolved(families(asked), format!("no {asked}")),
        (asked, found) => Event::Resolved(
            families(asked),
            found.iter().map(|found| address(found)).collect(),
        ),
    };
    (start + ms(at), event)
}

impl World {
    pub(crate) fn told(&self) -> Vec<&str> {
        self.told.iter().map(String::as_str).collect()
    }

    /// How each attempt ended, in the order of their starts.
    pub(crate) fn ends(&self) -> Vec<String> {
        let attempts = self.race.attempts().iter();
        attempts
            .map(|attempt| {
                let (_, end) = attempt.ended.as_ref().expect("every attempt has ended");
                format!("{} {}", name(&attempt.address), how(end))
            })
            .collect()
    }

    fn run(&mut self) {
        let mut turns = 0;
        while !self.race.is_over() {
            turns += 1;
            assert!(turns < 1_000, "the race wakes for nothing");
            let due = self.events.iter().map(|(at, _)| *at).min();
            let Some(next) = due.into_iter().chain(self.race.next_deadline()).min() else {
                self.tell("stuck");
                return;
            };
            assert!(next >= self.now, "a deadline in the past");
            self.now = next;
            match self.events.iter().position(|(at, _)| *at == next) {
                Some(place) => {
                    let (_, event) = self.events.remove(place);
                    self.happen(event);
                }
                None => self.race.on_time(next),
            }
            self.carry_out();
        }
        assert_eq!(self.race.next_deadline(), None);
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Cancel => self.race.cancel(now),
            Event::Connected(attempt) => self.race.on_connected(now, attempt),
            Event::Failed(attempt, error) => self.race.on_failed(now, attempt, error),
            Event::Resolved(families, found) => self.race.on_resolved(now, families, &found),
            Event::Unresolved(families, error) => self.race.on_unresolved(now, families, error),
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.race.next_action() {
            match action {
                Action::Cancel { attempt } => self.cancelled(attempt),
                Action::Failed { why } => self.tell(&format!("failed: {}", why_in_words(why))),
                Action::Start { attempt, address } => self.started(attempt, address),
                Action::Won { attempt } => {
                    let winner = name(&self.race.attempts()[attempt.0].address);
                    self.tell(&format!("won {winner}"));
                }
            }
        }
    }

    fn started(&mut self, attempt: AttemptId, address: SocketAddr) {
        self.tell(&format!("start {}", name(&address)));
        if let Some(host) = self.hosts.iter().find(|host| host.address == address) {
            let event = match host.up {
                true => Event::Connected(attempt),
                false => Event::Failed(attempt, format!("{} refused", name(&address))),
            };
            self.events.push((self.now + host.after, event));
        }
    }

    fn cancelled(&mut self, attempt: AttemptId) {
        self.events.retain(|(_, event)| match event {
            Event::Connected(other) | Event::Failed(other, _) => *other != attempt,
            Event::Cancel | Event::Resolved(..) | Event::Unresolved(..) => true,
        });
        let attempt = &self.race.attempts()[attempt.0];
        let (_, end) = attempt.ended.as_ref().expect("a cancelled one has ended");
        let line = format!("stop {} {}", name(&attempt.address), how(end));
        self.tell(&line);
    }

    fn tell(&mut self, what: &str) {
        let at = (self.now - self.start).as_millis();
        self.told.push(format!("{at} {what}"));
    }
}

fn how(end: &End<String>) -> String {
    match end {
        End::Cancelled => "cancelled".to_owned(),
        End::Connected => "connected".to_owned(),
        End::ConnectTimeout { limit } => format!("timeout {}", limit.as_millis()),
        End::Failed(error) => format!("failed: {error}"),
        End::ShareUsedUp { share } => format!("share {}", share.as_millis()),
    }
}

fn why_in_words(why: Why) -> String {
    match why {
        Why::AllFailed { left_out } => format!("all, {left_out} left out"),
        Why::Cancelled => "cancelled".to_owned(),
        Why::ConnectTimeout { limit } => format!("timeout {}", limit.as_millis()),
        Why::NoAddress { unwanted } => format!("no address, {unwanted} unwanted"),
        Why::Unresolved => "unresolved".to_owned(),
    }
}
