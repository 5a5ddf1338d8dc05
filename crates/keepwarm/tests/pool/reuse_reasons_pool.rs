//! The reasons against reuse that are the pool's own: limits, settings, shutdown and runtimes, each brought about
//! and told by its value. One test per slug; those of the server and of the exchange are in `reuse_reasons`.

use keepwarm::reason::{CloseReason, ClosedBy, Limit, Phase, Reuse};
use keepwarm::{Client, ErrorKind, Limits};
use keepwarm_lab::{End, Lab, scenario};

use crate::support::log::Log;
use crate::support::{GATE, Rig, bounded, client, finish, held, ms, run, runtime};

#[test]
fn host_full() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_idle_per_host(1)).await;
        let done = rig.fetch_at_once(2).await;
        let reason = CloseReason::HostFull { limit: 1 };
        let verdicts = done.iter().map(|it| it.reuse.clone()).collect::<Vec<_>>();
        assert_eq!(verdicts, [Reuse::Keep, Reuse::close(reason)]);
        assert_eq!(rig.ended().await, reason);
        assert_eq!(rig.counts().idle, 1);
    });
}

#[test]
fn pool_full() {
    run(async {
        let first = Rig::with(scenario::well_behaved(), |it| it.max_idle(1)).await;
        let other = Lab::start(scenario::well_behaved()).await;
        assert!(first.fetch("/").await.reuse.is_keep());
        let response = first
            .client
            .get(other.url("/"))
            .send()
            .await
            .expect("an answer");
        let done = finish(response).await;
        assert!(
            done.reuse.is_keep(),
            "the newest stays, whatever its origin"
        );
        assert_eq!(first.ended().await, CloseReason::PoolFull { limit: 1 });
        assert_eq!(first.client.stats().total().idle, 1);
    });
}

/// Go 22 TransportPoolDisableKeepAlives: with keep-alive off nothing is pooled.
/// Same as Go.
#[test]
fn pool_off() {
    run(async {
        let rig = Rig::start(held()).await;
        rig.fetch_at_once(1).await;
        rig.lab.shut(GATE);
        let call = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let keep_alive = false;
        let limits = rig.client.limits();
        rig.client
            .retune(Limits {
                keep_alive,
                ..limits
            })
            .expect("limits that work");
        rig.lab.open(GATE);
        let done = crate::support::join(call).await.remove(0);
        assert_eq!(done.reuse, Reuse::close(CloseReason::PoolOff));
        assert_eq!(rig.ended().await, CloseReason::PoolOff);
    });
}

#[test]
fn pool_off_closes_what_is_idle_at_once() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        rig.fetch("/").await;
        let keep_alive = false;
        let limits = rig.client.limits();
        rig.client
            .retune(Limits {
                keep_alive,
                ..limits
            })
            .expect("limits that work");
        assert_eq!(rig.ended().await, CloseReason::PoolOff);
    });
}

#[test]
fn pool_off_from_the_start() {
    run(async {
        let rig = Rig::with(scenario::well_behaved(), |it| it.keep_alive(false)).await;
        let done = rig.fetch("/").await;
        let primary = done.reuse.primary();
        assert_eq!(
            primary,
            Some(&CloseReason::PoolOff),
            "the setting, not the header it makes us send"
        );
        assert_eq!(rig.ended().await, CloseReason::PoolOff);
    });
}

/// Go 13 TransportIdleConnTimeout: an idle connection is closed at its timeout.
/// Same as Go.
#[test]
fn idle_too_long() {
    run(async {
        let limit = ms(40);
        let rig = Rig::with(scenario::well_behaved(), |it| it.idle_timeout(limit)).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        let reason = rig.ended().await;
        let CloseReason::IdleTooLong { idle, limit: told } = reason else {
            panic!("{reason:?}");
        };
        assert_eq!(told, limit);
        assert!(idle >= limit, "{idle:?}");
        rig.lab
            .wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    });
}

#[test]
fn too_old() {
    run(async {
        let lifetime = ms(60);
        let rig = Rig::with(scenario::well_behaved(), |it| it.max_lifetime(lifetime)).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        let reason = rig.ended().await;
        let CloseReason::TooOld { age, limit } = reason else {
            panic!("{reason:?}");
        };
        assert!(
            (ms(54)..=lifetime).contains(&limit),
            "a tenth off at most: {limit:?}"
        );
        assert!(age >= limit, "{age:?}");
    });
}

#[test]
fn used_up() {
    run(async {
        let settings = |it: keepwarm::Config| it.max_requests_per_connection(Some(3));
        let rig = Rig::with(scenario::well_behaved(), settings).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        assert!(rig.fetch("/").await.reuse.is_keep());
        let reason = CloseReason::UsedUp {
            requests: 3,
            limit: 3,
        };
        let last = rig.fetch("/").await;
        assert_eq!(last.reuse, Reuse::close(reason));
        assert_eq!(last.connection.requests, 3);
        assert_eq!(rig.ended().await, reason);
        assert_eq!(rig.log.endings()[0].requests, 3);
    });
}

#[test]
fn timed_out() {
    run(async {
        let settings = |it: keepwarm::Config| it.response_header_timeout(ms(40));
        let rig = Rig::with(scenario::hang(), settings).await;
        let error = rig.get("/").send().await.expect_err("a timeout");
        let reason = CloseReason::TimedOut(Limit::ResponseHeader);
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(error.limit(), Some(Limit::ResponseHeader));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Timeout, Phase::Wait)
        );
        assert!(error.is_timeout());
        assert_eq!(rig.ended().await, reason);
        assert_eq!(rig.log.endings()[0].closed.by, ClosedBy::Limit);
    });
}

#[test]
fn shut_down() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        rig.client.shutdown(ms(1000)).await;
        assert_eq!(rig.ended().await, CloseReason::ShutDown);
        let error = rig.get("/").send().await.expect_err("no more calls");
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(error.reason(), Some(&CloseReason::ShutDown));
    });
}

#[test]
fn shut_down_while_an_exchange_runs() {
    run(async {
        let rig = Rig::start(held()).await;
        let call = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let (report, done) = tokio::join!(rig.client.shutdown(crate::support::PATIENCE), async {
            tokio::task::yield_now().await;
            rig.lab.open(GATE);
            crate::support::join(call).await.remove(0)
        });
        assert_eq!((report.finished, report.still_running), (1, 0));
        assert_eq!(done.reuse, Reuse::close(CloseReason::ShutDown));
        assert_eq!(rig.ended().await, CloseReason::ShutDown);
    });
}

#[test]
fn runtime_gone() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (client, log) = client(|it| it);
    let call = |client: Client| async move {
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        (finish(response).await, lab)
    };
    let first = runtime();
    let (done, lab) = first.block_on(bounded(call(client.clone())));
    assert!(done.reuse.is_keep());
    drop(first);
    runtime().block_on(bounded(async {
        let end = log.closed(1).await[0];
        assert_eq!(end.closed, CloseReason::RuntimeGone.into());
        assert_eq!(end.closed.by, ClosedBy::Us);
        assert_eq!(client.stats().closed()[0].reason, CloseReason::RuntimeGone);
        let response = client
            .get(lab.url("/"))
            .send()
            .await
            .expect("the next runtime serves");
        let next = finish(response).await;
        assert!(!next.connection.reused);
        assert!(next.reuse.is_keep());
    }));
}

#[test]
fn each_connection_that_opens_is_told_to_close_when_the_client_goes() {
    run(async {
        let Rig { lab, client, log } = Rig::start(scenario::well_behaved()).await;
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        finish(response).await;
        drop(client);
        let end = Log::closed(&log, 1).await[0];
        assert_eq!(end.closed.reason, CloseReason::ShutDown);
    });
}
