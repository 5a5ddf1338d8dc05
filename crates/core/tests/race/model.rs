//! The race of addresses under random histories, watched by a referee that knows only the rules.
//!
//! Owns the histories: answers, ends of attempts, late timers, stale reports, each from a seed that a failure names.
//! The promises: one winner at most, every start ended exactly once, no address twice, none before its time, each in
//! its turn, and always an action, a time to wake at, or something under way.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use keepwarm_core::race::{Families, Family, First, Race, Settings};

use crate::referee::Referee;

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn ms(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    fn family(&mut self) -> Family {
        if self.one_in(2) {
            Family::V4
        } else {
            Family::V6
        }
    }

    fn families(&mut self) -> Families {
        if self.one_in(3) {
            Families::Both
        } else {
            Families::Only(self.family())
        }
    }

    fn address(&mut self, pool: u64) -> SocketAddr {
        let number = u16::try_from(self.below(pool)).expect("a small pool");
        let ip = match self.family() {
            Family::V4 => Ipv4Addr::from_bits(0x0A00_0000 + u32::from(number)).into(),
            Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number).into(),
        };
        SocketAddr::new(ip, 443)
    }

    fn settings(&mut self, pool: u64) -> Settings {
        Settings {
            families: match self.below(4) {
                0 => Families::Only(self.family()),
                _both => Families::Both,
            },
            preferred: self.one_in(3).then(|| self.family()),
            first: match self.below(3) {
                0 => First::AsResolved,
                1 => First::LastGood(self.address(pool)),
                _rotated => First::Rotated(usize::try_from(self.below(50)).expect("small")),
            },
            first_family_count: usize::try_from(self.below(4)).expect("small"),
            resolution_delay: self.ms(120),
            attempt_delay: (!self.one_in(5)).then(|| self.ms(400)),
            connect_timeout: match self.below(5) {
                0 | 1 => None,
                2 => Some(self.ms(2_000)),
                _long => Some(self.ms(30_000)),
            },
        }
    }
}

/// One history: the race, its referee, and the hand that moves the clock.
struct History {
    race: Race<u64>,
    referee: Referee,
    random: Random,
    now: Instant,
    pool: u64,
    errors: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let pool = if random.one_in(20) { 300 } else { 7 };
        let settings = random.settings(pool);
        let now = Instant::now();
        Self {
            referee: Referee::new(settings.clone(), now),
            race: Race::new(settings, now),
            random,
            now,
            pool,
            errors: 0,
        }
    }

    fn judge(&mut self) {
        self.referee.judge(&mut self.race, self.now);
    }

    fn resolve(&mut self, about: Families) {
        self.errors += 1;
        if self.random.one_in(8) {
            self.referee.unresolved(about);
            self.race.on_unresolved(self.now, about, self.errors);
        } else {
            let most = if self.random.one_in(6) {
                1
            } else {
                self.pool * 2
            };
            let number = self.random.below(most);
            let found: Vec<_> = (0..number)
                .map(|_| self.random.address(self.pool))
                .collect();
            self.referee.resolved(self.now, about, &found);
            self.race.on_resolved(self.now, about, &found);
        }
        self.judge();
    }

    /// Reports an attempt's end; it may be over long since, or may never have been.
    fn end_some_attempt(&mut self) {
        let started = self.race.attempts().len() as u64;
        let which = self.random.below(started + 1);
        let attempt = self.referee.attempt(which);
        if self.random.one_in(3) {
            self.referee.connected(attempt);
            self.race.on_connected(self.now, attempt);
        } else {
            self.errors += 1;
            self.referee.failed(attempt);
            self.race.on_failed(self.now, attempt, self.errors);
        }
        self.judge();
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..4 => {
                let about = self.random.families();
                self.resolve(about);
            }
            4..8 => self.end_some_attempt(),
            8..10 => self.now += self.random.ms(150),
            10..12 => {
                self.race.on_time(self.now);
                self.judge();
            }
            12 if self.random.one_in(20) => {
                self.referee.cancelled();
                self.race.cancel(self.now);
                self.judge();
            }
            // The timer, on time or a little late; seldom a machine that slept.
            _timer => {
                if let Some(at) = self.race.next_deadline() {
                    let late = match self.random.below(30) {
                        0 => self.random.ms(5_000),
                        1..10 => self.random.ms(5),
                        _punctual => Duration::ZERO,
                    };
                    self.now = self.now.max(at + late);
                    self.race.on_time(self.now);
                    self.judge();
                }
            }
        }
    }

    /// Everything outstanding comes to its end: then the race must, too.
    fn bring_to_an_end(&mut self) {
        for family in [Family::V4, Family::V6] {
            let about = Families::Only(family);
            self.referee.resolved(self.now, about, &[]);
            self.race.on_resolved(self.now, about, &[]);
            self.judge();
        }
        for _ in 0..1_000 {
            if self.race.is_over() {
                return;
            }
            match self.referee.some_under_way() {
                Some(attempt) => {
                    self.referee.failed(attempt);
                    self.race.on_failed(self.now, attempt, 0);
                }
                None => {
                    let at = self.race.next_deadline();
                    self.now = at.expect("a race with nothing under way has a time to wake at");
                    self.race.on_time(self.now);
                }
            }
            self.judge();
        }
        panic!("the race does not end");
    }
}

#[test]
fn the_race_keeps_its_promises_in_every_history() {
    let (mut won, mut failed, mut starts) = (0, 0, 0);
    for seed in 0..8_000 {
        let told = std::panic::catch_unwind(|| {
            let mut history = History::new(seed);
            for _ in 0..60 {
                history.step();
            }
            history.bring_to_an_end();
            (history.referee.has_won(), history.race.attempts().len())
        });
        let (winner, attempts) = told.unwrap_or_else(|_| panic!("seed {seed}"));
        won += usize::from(winner);
        failed += usize::from(!winner);
        starts += attempts;
    }
    // The histories are worth something: both ends, and races in between.
    assert!(won > 1_500 && failed > 1_500, "{won} won, {failed} failed");
    assert!(starts > 15_000, "{starts} attempts");
}
