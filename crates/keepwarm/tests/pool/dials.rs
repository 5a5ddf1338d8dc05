//! Dials and the calls that need them: whichever comes first serves, and nothing is lost. Over real sockets,
//! with dials that wait, fail or hang when told.

use std::io;
use std::sync::Arc;

use keepwarm::event::EventKind;
use keepwarm::reason::{Limit, Miss, Phase};
use keepwarm::{Config, ErrorKind};
use keepwarm_lab::{Behaviour, Pause, Plan, scenario};

use crate::support::dialers::{Dealt, Fate, Fates};
use crate::support::{GATE, Rig, held, join, ms, run, spawn, until};

/// A rig whose dials meet these fates.
async fn dealt(
    plan: impl Into<Plan>,
    fates: impl IntoIterator<Item = Fate>,
    change: impl FnOnce(Config) -> Config,
) -> (Rig, Arc<Fates>) {
    let fates = Fates::deal(fates);
    let dialer = Dealt(Arc::clone(&fates));
    let rig = Rig::with(plan, |it| change(it.dialer(dialer))).await;
    (rig, fates)
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

fn is_failed_dial(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::DialEnded {
            outcome: Err(_),
            ..
        }
    )
}

/// Go 30 TransportSocketLateBinding: a call that waits for a slow dial takes a connection freed meanwhile.
/// Same as Go.
/// Go 31 TransportPoolConnConnectionBecomesAvailableDuringDial: the connection of the dial left over serves the
/// next call.
/// Same as Go.
#[test]
fn a_waiting_call_takes_a_freed_connection_before_its_dial_ends() {
    run(async {
        let (rig, fates) = dealt(held(), [Fate::Lands, Fate::Waits], |it| it).await;
        let first = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let second = rig.spawn(1);
        rig.until(|it| it.waiting == 1 && it.dialing == 1).await;
        rig.lab.open(GATE);
        let first = join(first).await.remove(0);
        let second = join(second).await.remove(0);
        assert_eq!(second.connection.id, first.connection.id);
        assert!(second.connection.reused);
        assert_eq!(second.connection.miss, None, "none was opened for it");
        assert_eq!(rig.counts().dialing, 1, "its dial goes on");
        fates.release(1);
        let counts = rig.until(|it| it.idle == 2).await;
        assert_eq!((counts.dialing, counts.opened, fates.dropped()), (0, 2, 0));
        let next = rig.fetch("/").await;
        assert_eq!(
            next.connection.id.0, 2,
            "the dial nobody waited for is in the pool"
        );
        assert!(!next.connection.reused);
    });
}

/// Go 32 TransportPoolCancelRequestReusesConn: cancelling a call while it dials does not waste the connection.
/// Same as Go.
#[test]
fn a_dial_nobody_waits_for_any_more_goes_to_the_pool() {
    run(async {
        let (rig, fates) = dealt(scenario::well_behaved(), [Fate::Waits], |it| it).await;
        let call = spawn(rig.get("/given-up"));
        rig.until(|it| it.dialing == 1).await;
        call.abort();
        rig.until(|it| it.waiting == 0).await;
        fates.release(1);
        let counts = rig.until(|it| it.idle == 1).await;
        assert_eq!((counts.dialing, counts.requests), (0, 0));
        let done = rig.fetch("/").await;
        assert_eq!((done.connection.miss, rig.counts().opened), (None, 1));
        assert_eq!(rig.lab.transcript().requests_for("/given-up"), 0);
    });
}

#[test]
fn a_failed_dial_fails_nobody_whom_a_freed_connection_serves() {
    run(async {
        let fates = [Fate::Lands, Fate::Fails(refused())];
        let (rig, _) = dealt(held(), fates, |it| it).await;
        let first = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let second = rig.spawn(1);
        rig.log.count(1, is_failed_dial).await;
        assert_eq!(rig.counts().waiting, 1, "it waits on");
        rig.lab.open(GATE);
        join(first).await;
        let second = join(second).await.remove(0);
        assert!(second.connection.reused);
        assert_eq!(rig.lab.connections().accepted, 1);
    });
}

#[test]
fn a_failed_dial_fails_its_call_once_nothing_else_can_serve_it() {
    run(async {
        let closing = Behaviour {
            before_head: Pause::gate(GATE),
            ..scenario::peer_said_close()
        };
        let fates = [Fate::Lands, Fate::Fails(refused())];
        let (rig, _) = dealt(closing, fates, |it| it).await;
        let first = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let second = rig.spawn(1);
        rig.log.count(1, is_failed_dial).await;
        rig.lab.open(GATE);
        join(first).await;
        let second = second.into_iter().next().expect("one call");
        let error = second
            .await
            .expect("no panic")
            .expect_err("its dial's error");
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Connect)
        );
        assert!(error.is_connect() && error.is_safe_to_retry());
        assert_eq!(rig.counts().waiting, 0);
    });
}

/// X10: a failed dial fails nobody whom another dial to the same origin serves.
#[test]
fn a_failed_dial_fails_nobody_whom_another_dial_serves() {
    run(async {
        let fates = [Fate::Fails(refused()), Fate::Waits, Fate::Waits];
        let (rig, fates) = dealt(scenario::well_behaved(), fates, |it| it).await;
        let calls = rig.spawn(2);
        rig.log.count(1, is_failed_dial).await;
        rig.until(|it| it.dialing == 1 && it.waiting == 2).await;
        fates.release(1);
        let done = join(calls).await;
        let reused: Vec<_> = done.iter().map(|it| it.connection.reused).collect();
        assert_eq!(reused, [false, true], "one connection served both");
        assert_eq!(rig.lab.connections().accepted, 1);
    });
}

/// X8: a dial that hangs does not keep its place once nobody waits for it.
#[test]
fn a_black_holed_dial_does_not_hold_the_only_place() {
    run(async {
        let settings = |it: Config| it.max_conns_per_host(1).queue_timeout(ms(60));
        let (rig, fates) = dealt(scenario::well_behaved(), [Fate::Hangs], settings).await;
        let error = rig.get("/").send().await.expect_err("the dial hangs");
        assert_eq!(error.limit(), Some(Limit::Queue));
        let done = rig.fetch("/").await;
        assert_eq!((done.status.as_u16(), fates.started()), (200, 2));
        let dropped = || (fates.dropped() == 1).then_some(());
        until(dropped, || "the hanging dial goes on".to_owned()).await;
        let counts = rig.until(|it| it.dialing == 0).await;
        assert_eq!((counts.idle, counts.opened), (1, 1));
    });
}

#[test]
fn a_black_holed_dial_does_not_hold_the_only_place_of_all_origins() {
    run(async {
        let settings = |it: Config| it.max_conns(1).queue_timeout(ms(60));
        let (rig, fates) = dealt(scenario::well_behaved(), [Fate::Hangs], settings).await;
        rig.get("/").send().await.expect_err("the dial hangs");
        let done = rig.fetch("/").await;
        assert_eq!((done.status.as_u16(), fates.started()), (200, 2));
    });
}

#[test]
fn connect_timeout_ends_a_dial_and_names_itself() {
    run(async {
        let settings = |it: Config| it.connect_timeout(ms(50));
        let (rig, fates) = dealt(scenario::well_behaved(), [Fate::Hangs], settings).await;
        let error = rig.get("/").send().await.expect_err("the dial hangs");
        assert_eq!(
            (error.limit(), error.phase()),
            (Some(Limit::Connect), Phase::Connect)
        );
        assert!(error.is_timeout() && error.is_connect() && error.is_safe_to_retry());
        assert_eq!((fates.started(), fates.dropped()), (1, 1));
        assert_eq!(rig.counts().dialing, 0);
    });
}

/// X12: no more dials than calls that wait, and none where connections come free.
#[test]
fn no_more_dials_than_calls_that_wait() {
    run(async {
        let waiting = [Fate::Waits, Fate::Waits, Fate::Waits];
        let (rig, fates) = dealt(scenario::well_behaved(), waiting, |it| it).await;
        let calls = rig.spawn(3);
        rig.until(|it| it.dialing == 3 && it.waiting == 3).await;
        fates.release(1);
        // One connection serves all three, one after the other, while the other dials wait.
        let done = join(calls).await;
        assert!(
            done.iter()
                .all(|it| it.connection.id == done[0].connection.id)
        );
        assert_eq!(rig.log.dialed_for(), [Miss::FirstForOrigin; 3]);
        rig.fetch("/").await;
        assert_eq!(fates.started(), 3, "an idle connection needs no dial");
        fates.release(2);
        assert_eq!(rig.until(|it| it.idle == 3).await.opened, 3);
    });
}

#[test]
fn a_refused_connection_is_told_as_such() {
    run(async {
        let rig = Rig::start(scenario::refuse()).await;
        let error = rig.get("/").send().await.expect_err("nobody listens");
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Connect)
        );
        assert!(
            error.to_string().contains(&rig.lab.addr().to_string()),
            "{error}"
        );
        assert_eq!(error.reason(), None, "there was no connection");
        assert!(error.retries().is_empty());
    });
}
