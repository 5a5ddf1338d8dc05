//! What the pool knows of a server's keep-alive, announced or measured, and what it makes of it: over real sockets.

use std::time::{Duration, Instant};

use keepwarm::reason::{CloseReason, Miss, Reuse};
use keepwarm::{Config, Estimate, EstimateSource};
use keepwarm_lab::{Behaviour, Conduct, ConnectionHeader, Pause, Plan, Script, scenario};

use crate::support::{GATE, Rig, finish, held, ms, on_time, run};

/// Says this of its keep-alive, and keeps every connection open for ever all the same.
fn says(keep_alive: &str) -> Behaviour {
    Behaviour {
        connection: ConnectionHeader::KeepAlive,
        keep_alive: Some(keep_alive.to_owned()),
        ..Behaviour::default()
    }
}

fn learned(rig: &Rig) -> Option<Estimate> {
    let stats = rig.client.stats();
    stats
        .origin(&rig.lab.url("/"))
        .and_then(|it| it.idle_timeout)
}

/// Connection 1 is closed when it was idle for 400 ms; all later ones stay open for ever.
fn closes_the_first() -> Plan {
    Plan::choose(|number| {
        Conduct::from(match number {
            1 => scenario::idle_timeout(ms(400)),
            _ => scenario::well_behaved(),
        })
    })
}

/// X13: `Keep-Alive: timeout=` is honoured, less a margin.
#[test]
fn an_announced_timeout_is_honoured_less_a_margin() {
    run(async {
        let rig = Rig::start(says("timeout=1")).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        let estimate = learned(&rig).expect("the announcement");
        assert_eq!(estimate.timeout, Duration::from_secs(1));
        assert_eq!(estimate.source, EstimateSource::Announced);
        assert!(estimate.margin >= ms(100), "{estimate:?}");
        tokio::time::sleep(estimate.doubtful_after() + ms(5)).await;
        let next = rig.fetch("/").await;
        assert!(!next.connection.reused, "even a GET stays clear of it");
        let reason = rig.ended().await;
        let CloseReason::IdleTooLong { idle, limit } = reason else {
            panic!("{reason:?}");
        };
        assert_eq!(limit, estimate.doubtful_after());
        assert!(idle >= limit, "{idle:?}");
    });
}

#[test]
fn an_announced_timeout_is_ignored_when_told_so() {
    run(async {
        let rig = Rig::with(says("timeout=1"), |it| it.honour_server_hint(false)).await;
        rig.fetch("/").await;
        assert_eq!(learned(&rig), None);
        tokio::time::sleep(ms(950)).await;
        assert!(rig.fetch("/").await.connection.reused);
    });
}

#[test]
fn an_announced_timeout_of_zero_is_a_close() {
    run(async {
        let rig = Rig::start(says("timeout=0")).await;
        let zero = Duration::ZERO;
        let reason = CloseReason::IdleTooLong {
            idle: zero,
            limit: zero,
        };
        assert_eq!(rig.fetch("/").await.reuse, Reuse::close(reason));
        assert_eq!(rig.ended().await, reason);
    });
}

/// Counts down what further requests it takes, as httpd does, and never closes.
fn counts_down() -> Script {
    let mut script = Script::new();
    for left in [1, 0, 0] {
        let head = format!("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max={left}\r\n");
        script = script.answer(format!("{head}Content-Length: 0\r\n\r\n"));
    }
    script
}

/// X13: `Keep-Alive: max=` is honoured: no request too many is sent.
#[test]
fn an_announced_max_is_honoured() {
    run(async {
        let rig = Rig::start(counts_down()).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        let reason = CloseReason::UsedUp {
            requests: 2,
            limit: 2,
        };
        assert_eq!(rig.fetch("/").await.reuse, Reuse::close(reason));
        assert_eq!(rig.ended().await, reason);
    });
}

#[test]
fn an_announced_max_is_ignored_when_told_so() {
    run(async {
        let rig = Rig::with(counts_down(), |it| it.honour_server_hint(false)).await;
        for number in 1..=3 {
            let done = rig.fetch("/").await;
            assert!(done.reuse.is_keep());
            assert_eq!(done.connection.requests, number);
        }
    });
}

#[test]
fn a_close_of_an_idle_connection_is_measured() {
    run(async {
        let rig = Rig::start(scenario::idle_timeout(ms(80))).await;
        for _ in 0..3 {
            rig.fetch("/").await;
            let idle = rig.until(|it| it.idle == 0 && it.active == 0).await;
            assert!(idle.closed_as("peer-closed-idle") > 0);
        }
        let seen = rig.log.endings();
        let shortest = seen.iter().map(|end| match end.closed.reason {
            CloseReason::PeerClosedIdle { idle, .. } => idle,
            other => panic!("{other:?}"),
        });
        let shortest = shortest.min().expect("three closes");
        let estimate = learned(&rig).expect("three measurements");
        assert_eq!(estimate.source, EstimateSource::Measured);
        assert!(estimate.timeout >= shortest, "{estimate:?} {seen:?}");
        assert!(estimate.margin >= ms(1) && estimate.margin <= estimate.timeout / 2);
    });
}

#[test]
fn a_close_is_not_measured_when_told_so() {
    run(async {
        let rig = Rig::with(scenario::idle_timeout(ms(40)), |it| it.learning(false)).await;
        rig.fetch("/").await;
        assert_eq!(rig.ended().await.slug(), "peer-closed-idle");
        assert_eq!(learned(&rig), None);
    });
}

#[test]
fn a_close_of_a_connection_that_never_served_is_not_measured() {
    run(async {
        let first_request_timeout = Some(ms(30));
        let rig = Rig::start(Behaviour {
            first_request_timeout,
            ..Behaviour::default()
        })
        .await;
        rig.client.prewarm(&rig.lab.url("/"), 1).expect("a start");
        assert_eq!(rig.ended().await.slug(), "peer-closed-idle");
        assert_eq!(
            learned(&rig),
            None,
            "that is another timeout of the server's"
        );
    });
}

#[test]
fn a_request_that_cannot_be_repeated_avoids_a_doubtful_connection() {
    run(on_time(async || {
        let rig = Rig::start(closes_the_first()).await;
        rig.fetch("/").await;
        rig.ended().await;
        let estimate = learned(&rig).expect("a measurement");
        let fresh = finish(rig.post("/").body("a").send().await.expect("an answer")).await;
        assert!(!fresh.connection.reused);
        let since = Instant::now();
        let soon = finish(rig.post("/").body("b").send().await.expect("an answer")).await;
        tokio::time::sleep(estimate.doubtful_after() + ms(5)).await;
        let late = finish(rig.post("/").body("c").send().await.expect("an answer")).await;
        if since.elapsed() > estimate.timeout {
            return false;
        }
        assert!(soon.connection.reused, "it was not doubtful yet");
        let timeout = estimate.timeout;
        let miss = Miss::AllDoubtful {
            idle: 1,
            estimate: timeout,
        };
        assert_eq!(late.connection.miss, Some(miss));
        true
    }));
}

#[test]
fn a_reuse_beyond_the_estimate_disproves_it() {
    run(async {
        let rig = Rig::start(closes_the_first()).await;
        rig.fetch("/").await;
        rig.ended().await;
        let estimate = learned(&rig).expect("a measurement");
        rig.fetch("/").await;
        tokio::time::sleep(estimate.timeout * 2).await;
        let done = rig.fetch("/").await;
        assert!(done.connection.reused, "a GET may try");
        assert_eq!(
            learned(&rig),
            None,
            "the server changed: what was learned is let go"
        );
    });
}

#[test]
fn a_get_is_sent_again_when_the_doubt_was_right() {
    let plan = || {
        Plan::choose(|number| {
            Conduct::from(match number {
                1 => scenario::idle_timeout(ms(400)),
                2 => scenario::close_instead_of_answer(2),
                _ => scenario::well_behaved(),
            })
        })
    };
    run(on_time(async || {
        let rig = Rig::start(plan()).await;
        rig.fetch("/").await;
        rig.ended().await;
        let estimate = learned(&rig).expect("a measurement");
        let since = Instant::now();
        rig.fetch("/").await;
        tokio::time::sleep(estimate.doubtful_after() + ms(5)).await;
        let done = rig.fetch("/").await;
        assert_eq!((done.status.as_u16(), done.retries.len()), (200, 1));
        if since.elapsed() > estimate.timeout {
            return false;
        }
        assert!(learned(&rig).is_some(), "nothing disproved it");
        true
    }));
}

#[test]
fn origins_are_learned_apart() {
    run(async {
        let rig = Rig::with(scenario::idle_timeout(ms(40)), |it: Config| it).await;
        let other = keepwarm_lab::Lab::start(held()).await;
        other.open(GATE);
        let response = rig
            .client
            .get(other.url("/"))
            .send()
            .await
            .expect("an answer");
        finish(response).await;
        rig.fetch("/").await;
        rig.log.closed(1).await;
        let stats = rig.client.stats();
        assert!(
            stats
                .origin(&rig.lab.url("/"))
                .is_some_and(|it| it.idle_timeout.is_some())
        );
        assert!(
            stats
                .origin(&other.url("/"))
                .is_some_and(|it| it.idle_timeout.is_none())
        );
    });
}

#[test]
fn a_server_that_counts_requests_teaches_no_idle_timeout() {
    run(async {
        // The close comes when the connection has just become idle.
        let after_body = Pause::For(ms(2));
        let server = Behaviour {
            after_body,
            ..scenario::max_requests_silent(3)
        };
        let rig = Rig::start(server).await;
        let mut closes = 0;
        for _ in 0..12 {
            let response = rig.post("/").body("data").send().await.expect("an answer");
            if finish(response).await.connection.requests == 3 {
                closes += 1;
                rig.log.closed(closes).await;
            }
            // Now it is idle for clearly longer than the one that was closed: the server does not count time.
            tokio::time::sleep(ms(100)).await;
        }
        let counts = rig.counts();
        assert!(counts.opened <= 6, "{:?} {counts:?}", learned(&rig));
    });
}
