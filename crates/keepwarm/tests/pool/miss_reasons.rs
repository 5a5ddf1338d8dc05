//! Every reason why a call opened a connection instead of reusing one, each brought about and told by its value.
//! One test per slug.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use keepwarm::event::EventKind;
use keepwarm::reason::{KeyPart, Miss};
use keepwarm::{Client, Estimate, EstimateSource};
use keepwarm_lab::{Conduct, Lab, Plan, scenario};

use crate::support::dialers::Redirect;
use crate::support::{
    Done, GATE, Rig, bounded, client, finish, held, ms, on_time, run, runtime, stand_still, until,
};

/// The reason for which the call's connection was opened; the events of queue and dial must say the same.
fn told(rig: &Rig, done: &Done) -> Miss {
    let miss = done.connection.miss.expect("it was opened for this call");
    assert!(!done.connection.reused);
    assert_eq!(rig.log.dialed_for().last(), Some(&miss));
    let events = rig.log.events();
    let queued = events.iter().rev().find_map(|kind| match kind {
        EventKind::Queued { miss, .. } => Some(*miss),
        _ => None,
    });
    assert_eq!(queued, Some(miss));
    miss
}

#[test]
fn first_for_origin() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let done = rig.fetch("/").await;
        assert_eq!(told(&rig, &done), Miss::FirstForOrigin);
        let again = rig.fetch("/").await;
        assert!(again.connection.reused);
        assert_eq!(again.connection.miss, None);
        assert_eq!(again.connection.id, done.connection.id);
    });
}

/// Go 21 TransportPoolConnCannotReuseConnectionInUse: a busy connection is never shared.
/// Same as Go.
#[test]
fn all_busy() {
    run(async {
        let rig = Rig::start(held()).await;
        let first = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let second = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let third = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 3).await;
        rig.lab.open(GATE);
        crate::support::join(first).await;
        let second = crate::support::join(second).await.remove(0);
        assert_eq!(second.connection.miss, Some(Miss::AllBusy { active: 1 }));
        let third = crate::support::join(third).await.remove(0);
        assert_eq!(told(&rig, &third), Miss::AllBusy { active: 2 });
    });
}

#[test]
fn all_expired() {
    run(async {
        let rig = Rig::with(held(), |it| it.idle_timeout(ms(30))).await;
        rig.fetch_at_once(2).await;
        // Nothing of the client runs meanwhile: the next call itself finds them expired.
        stand_still(ms(40));
        let done = rig.fetch("/").await;
        assert_eq!(told(&rig, &done), Miss::AllExpired { idle: 2 });
        assert_eq!(rig.counts().closed_as("idle-too-long"), 2);
    });
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

/// What the client has measured after the first close, with one connection idle for nearly that long, and since when.
async fn doubtful(rig: &Rig) -> (Estimate, Instant) {
    rig.fetch("/").await;
    rig.log.closed(1).await;
    let estimate = rig.client.stats().origins()[0]
        .idle_timeout
        .expect("a measurement");
    assert_eq!(estimate.source, EstimateSource::Measured);
    assert!(estimate.timeout >= ms(300), "{estimate:?}");
    let since = Instant::now();
    rig.fetch("/").await;
    tokio::time::sleep(estimate.doubtful_after() + ms(5)).await;
    (estimate, since)
}

#[test]
fn all_doubtful() {
    run(on_time(async || {
        let rig = Rig::start(closes_the_first()).await;
        let (estimate, since) = doubtful(&rig).await;
        let response = rig.post("/").body("once").send().await.expect("an answer");
        if since.elapsed() > estimate.timeout {
            return false;
        }
        let done = finish(response).await;
        let estimate = estimate.timeout;
        assert_eq!(told(&rig, &done), Miss::AllDoubtful { idle: 1, estimate });
        assert_eq!(
            rig.counts().idle,
            2,
            "the doubtful one stays, to be measured"
        );
        true
    }));
}

#[test]
fn all_doubtful_does_not_concern_what_can_be_repeated() {
    run(async {
        let rig = Rig::start(closes_the_first()).await;
        doubtful(&rig).await;
        let done = rig.fetch("/").await;
        assert!(done.connection.reused);
        assert_eq!(done.connection.miss, None);
        assert_eq!(rig.lab.connections().accepted, 2);
    });
}

#[test]
fn different_key() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (client, log) = client(|it| it);
    let url = lab.url("/");
    let call = |client: Client, url: String| async move {
        finish(client.get(url).send().await.expect("an answer")).await
    };
    let first = runtime();
    let second = runtime();
    let warm = first.block_on(bounded(call(client.clone(), url.clone())));
    assert!(warm.reuse.is_keep());
    let done = second.block_on(bounded(call(client.clone(), url.clone())));
    let miss = Miss::DifferentKey(KeyPart::Runtime);
    assert_eq!(done.connection.miss, Some(miss));
    assert_eq!(log.dialed_for(), [Miss::FirstForOrigin, miss]);
    let back = first.block_on(bounded(call(client, url)));
    assert_eq!(
        back.connection.id, warm.connection.id,
        "each runtime keeps its own"
    );
    assert!(back.connection.reused);
}

#[test]
fn keep_alive_off() {
    run(async {
        let rig = Rig::with(scenario::well_behaved(), |it| it.keep_alive(false)).await;
        for _ in 0..3 {
            let done = rig.fetch("/").await;
            assert_eq!(told(&rig, &done), Miss::KeepAliveOff);
            assert!(!done.reuse.is_keep());
        }
        assert_eq!(rig.lab.connections().accepted, 3);
        assert_eq!(
            rig.lab.transcript().request(3, 1).header("connection"),
            Some("close")
        );
    });
}

#[test]
fn only_closing() {
    run(async {
        let old = Lab::spawn_thread(scenario::well_behaved());
        let new = Lab::spawn_thread(scenario::well_behaved());
        let address = Arc::new(Mutex::new(old.addr()));
        let dialer = Redirect(Arc::clone(&address));
        let (client, log) = client(|it| it.dialer(dialer));
        let url = old.url("/");
        finish(client.get(&url).send().await.expect("an answer")).await;
        *address.lock().expect("no panic") = new.addr();
        // It closes its connections now, and this thread, which the client's tasks need, waits for it.
        drop(old);
        let done = finish(client.get(&url).send().await.expect("an answer")).await;
        assert_eq!(done.connection.miss, Some(Miss::OnlyClosing));
        assert_eq!(log.dialed_for(), [Miss::FirstForOrigin, Miss::OnlyClosing]);
        assert_eq!(log.endings()[0].closed.reason.slug(), "peer-closed-idle");
        assert_eq!(client.stats().total().requests, 2, "a look is no request");
        assert_eq!(done.retries, [], "nothing was sent on it");
    });
}

#[test]
fn prewarm() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let started = rig.client.prewarm(&rig.lab.url("/"), 3).expect("a start");
        assert_eq!(started, 3);
        rig.until(|it| it.idle == 3).await;
        assert_eq!(rig.log.dialed_for(), [Miss::Prewarm; 3]);
        let done = rig.fetch("/").await;
        assert_eq!(
            done.connection.miss, None,
            "it was not opened for this call"
        );
        assert!(!done.connection.reused, "it had served nobody");
        assert_eq!((done.connection.requests, rig.counts().opened), (1, 3));
        let waiting = || format!("{:?}", rig.lab.connections());
        until(
            || (rig.lab.connections().accepted == 3).then_some(()),
            waiting,
        )
        .await;
    });
}
