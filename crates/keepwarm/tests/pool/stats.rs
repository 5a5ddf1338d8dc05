//! The numbers of a client against what the server really saw.

use std::collections::BTreeMap;

use keepwarm::event::EventKind;
use keepwarm::reason::{Again, CloseReason, Retry};
use keepwarm::{Config, Counts};
use keepwarm_lab::{Behaviour, End, Lab, scenario};

use crate::support::{GATE, Rig, finish, held, join, ms, run, run_on_two_threads, spawn};

/// Servers that lose connections in different ways, and one that does not.
fn servers() -> Vec<Behaviour> {
    vec![
        scenario::well_behaved(),
        scenario::max_requests(7),
        scenario::max_requests_silent(5),
        scenario::close_delimited(),
        scenario::http10_keep_alive(),
        scenario::stray_bytes(),
        scenario::close_instead_of_answer(4),
        scenario::idle_timeout(ms(5)),
    ]
}

/// X22: `stats()` agrees with what the servers saw.
#[test]
fn a_mixed_run_adds_up_with_what_the_servers_saw() {
    run_on_two_threads(async {
        let rig = Rig::with(scenario::chunked([7, 100]), |it| it.max_idle_per_host(3)).await;
        let mut labs = Vec::new();
        for server in servers() {
            labs.push(Lab::start(server).await);
        }
        let mut calls = Vec::new();
        for number in 0..200_usize {
            let path = ["/", "/bytes/40000", "/status/204", "/bytes/0"][number % 4];
            let lab = labs.get(number % 9).unwrap_or(&rig.lab);
            calls.push(spawn(rig.client.get(lab.url(path))));
            if calls.len() == 10 {
                join(std::mem::take(&mut calls)).await;
            }
        }
        labs.push(rig.lab);
        // A dial nobody needed any more may still land.
        let client = &rig.client;
        let still = || {
            let total = client.stats().total().clone();
            (total.dialing == 0 && total.active == 0).then_some(())
        };
        crate::support::until(still, || format!("{:?}", client.stats())).await;
        client.close_idle();
        for lab in &labs {
            let stats = client.stats();
            let counts = &stats.origin(&lab.url("/")).expect("it was called").counts;
            agrees(counts, lab).await;
        }
        let total = client.stats().total().clone();
        assert_eq!(total.requests, 200 + total.sent_again());
        let closed: u64 = total.closed.iter().map(|end| end.count).sum();
        assert_eq!((total.idle, total.opened), (0, closed));
        let events = rig
            .log
            .counted(|kind| matches!(kind, EventKind::Closed { .. }));
        assert_eq!(events as u64, closed);
    });
}

/// One origin's numbers against its server's.
async fn agrees(counts: &Counts, lab: &Lab) {
    // Connections that were opened for nothing may not have been accepted yet.
    lab.wait_for(|it| it.counters().accepted == counts.opened && it.counters().open == 0)
        .await;
    let (seen, transcript) = (lab.connections(), lab.transcript());
    // A request that crossed the server's close was written, but not read.
    let lost = counts.requests.checked_sub(seen.requests);
    assert!(
        lost.is_some_and(|lost| lost <= counts.sent_again()),
        "{counts:?}\n{transcript}"
    );
    let served = transcript
        .connections()
        .iter()
        .filter(|it| it.requests().count() > 0)
        .count();
    assert_eq!(
        counts.reused,
        counts.requests - served as u64,
        "{counts:?}\n{transcript}"
    );
    let closed: u64 = counts.closed.iter().map(|end| end.count).sum();
    assert_eq!(closed, seen.accepted);
}

/// X22: the reasons agree with how the servers saw connections end.
#[test]
fn the_reasons_add_up_with_how_the_server_ended_its_connections() {
    run(async {
        let rig = Rig::start(scenario::max_requests(4)).await;
        for _ in 0..21 {
            rig.fetch("/").await;
        }
        let counts = rig.counts();
        assert_eq!((counts.opened, counts.closed_as("peer-said-close")), (6, 5));
        assert_eq!((counts.requests, counts.reused, counts.idle), (21, 15, 1));
        let transcript = rig.lab.transcript();
        let ended = transcript
            .connections()
            .iter()
            .filter(|it| it.end() == Some(End::ClosedByLab));
        assert_eq!(ended.count(), 5);
    });
}

/// X22: `stats()` is the truth about idle, active, dialing and waiting.
#[test]
fn the_present_is_told_as_it_is() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(2)).await;
        assert_eq!(
            rig.client.stats().origins().len(),
            0,
            "nothing was called yet"
        );
        assert!((rig.client.stats().total().reuse_ratio()).abs() < f64::EPSILON);
        let calls = rig.spawn(5);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let counts = rig.until(|it| it.waiting == 3).await;
        let present = (counts.idle, counts.active, counts.dialing, counts.waiting);
        assert_eq!(present, (0, 2, 0, 3));
        assert_eq!((counts.opened, counts.requests), (2, 2));
        rig.lab.open(GATE);
        join(calls).await;
        let counts = rig.counts();
        let present = (counts.idle, counts.active, counts.dialing, counts.waiting);
        assert_eq!(present, (2, 0, 0, 0));
        assert_eq!((counts.requests, counts.reused), (5, 3));
        assert!((counts.reuse_ratio() - 0.6).abs() < 1e-9);
    });
}

#[test]
fn origins_are_counted_apart_and_added_up() {
    run(async {
        let rig = Rig::start(scenario::peer_said_close()).await;
        let other = Lab::start(scenario::http10()).await;
        for lab in [&rig.lab, &other, &other] {
            finish(
                rig.client
                    .get(lab.url("/"))
                    .send()
                    .await
                    .expect("an answer"),
            )
            .await;
        }
        let stats = rig.client.stats();
        assert_eq!(stats.origins().len(), 2);
        let by_slug = |counts: &Counts| -> BTreeMap<_, _> {
            counts
                .closed
                .iter()
                .map(|end| (end.reason.slug(), end.count))
                .collect()
        };
        let here = stats
            .origin(&rig.lab.url("/any/path"))
            .expect("any URL of it finds it");
        assert_eq!(
            by_slug(&here.counts),
            BTreeMap::from([("peer-said-close", 1)])
        );
        let there = stats.origin(&other.url("/")).expect("it was called");
        assert_eq!(by_slug(&there.counts), BTreeMap::from([("http10", 2)]));
        let all = BTreeMap::from([("peer-said-close", 1), ("http10", 2)]);
        assert_eq!(by_slug(stats.total()), all);
        assert_eq!(stats.closed().len(), 2);
        assert!(stats.origin("http://nobody.invalid/").is_none());
    });
}

#[test]
fn the_last_numbers_of_a_reason_are_shown() {
    run(async {
        let settings = |it: Config| it.max_requests_per_connection(Some(2));
        let rig = Rig::with(scenario::well_behaved(), settings).await;
        for _ in 0..6 {
            rig.fetch("/").await;
        }
        let stats = rig.client.stats();
        let [end] = stats.closed() else {
            panic!("{stats:?}");
        };
        assert_eq!(
            end.reason,
            CloseReason::UsedUp {
                requests: 2,
                limit: 2
            }
        );
        assert_eq!(end.count, 3);
        let text = format!("{} × {}", end.count, end.reason);
        assert_eq!(text, "3 × it served 2 requests, allowed 2");
    });
}

#[test]
fn retries_are_counted_as_requests_and_by_decision() {
    run(async {
        let rig = Rig::start(scenario::close_instead_of_answer(2)).await;
        for _ in 0..5 {
            rig.fetch("/").await;
        }
        let counts = rig.counts();
        assert_eq!(counts.sent_again(), 4);
        assert_eq!(counts.requests, 9);
        assert_eq!(counts.retries.len(), 1);
        assert_eq!(counts.retries[0].retry, Retry::Again(Again::IdleCloseRace));
        assert_eq!(rig.lab.connections().requests, 9);
    });
}
