//! What the client's own limits bring about.

use std::time::Duration;

use keepwarm::report::Cause;
use keepwarm_lab::{Pause, scenario};

use crate::stage::{Case, Stage};
use crate::support::{held, join, ms, until};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = of_the_pool();
    cases.extend(of_connections());
    cases
}

fn of_the_pool() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ClientIdleCapTooSmall,
            setting: "one idle connection for four calls at once",
            found: &[Cause::ClientIdleCapTooSmall],
            play: || Box::pin(crowds(1)),
        },
        Case {
            about: Cause::ClientIdleCapTooSmall,
            setting: "four idle connections for four calls at once",
            found: &[],
            play: || Box::pin(crowds(4)),
        },
        Case {
            about: Cause::ClientIdleTimeoutShort,
            setting: "we close after 20 ms, then a request comes",
            found: &[Cause::ClientIdleTimeoutShort],
            play: || Box::pin(short_idle(3)),
        },
        Case {
            about: Cause::ClientIdleTimeoutShort,
            setting: "we close after the last request",
            found: &[],
            play: || Box::pin(short_idle(1)),
        },
        Case {
            about: Cause::ClientMaxConnsTooSmall,
            setting: "ten calls at once on one connection",
            found: &[Cause::ClientMaxConnsTooSmall],
            play: || Box::pin(queue(1)),
        },
        Case {
            about: Cause::ClientMaxConnsTooSmall,
            setting: "ten calls at once on ten connections",
            found: &[],
            play: || Box::pin(queue(10)),
        },
    ]
}

fn of_connections() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ClientMaxLifetime,
            setting: "three requests for each connection, by our own limit",
            found: &[Cause::ClientMaxLifetime],
            play: || Box::pin(own_limit(10)),
        },
        Case {
            about: Cause::ClientMaxLifetime,
            setting: "three are allowed, three are made",
            found: &[],
            play: || Box::pin(own_limit(3)),
        },
        Case {
            about: Cause::IdleTimeoutOver120s,
            setting: "an idle timeout of five minutes",
            found: &[Cause::IdleTimeoutOver120s],
            play: || Box::pin(idle_timeout(300)),
        },
        Case {
            about: Cause::IdleTimeoutOver120s,
            setting: "an idle timeout of two minutes",
            found: &[],
            play: || Box::pin(idle_timeout(120)),
        },
        Case {
            about: Cause::OpenedUnused,
            setting: "three are opened ahead, none is used",
            found: &[Cause::OpenedUnused],
            play: || Box::pin(prewarmed(3)),
        },
        Case {
            about: Cause::OpenedUnused,
            setting: "one is opened ahead and used",
            found: &[],
            play: || Box::pin(prewarmed(0)),
        },
    ]
}

async fn crowds(max_idle_per_host: usize) -> Stage {
    // Each crowd is held at a gate of its own, so that all of it is there at once.
    let stage = Stage::with(held(), |it| it.max_idle_per_host(max_idle_per_host)).await;
    for _ in 0..3 {
        stage.lab().shut(crate::support::GATE);
        stage.rig.fetch_at_once(4).await;
    }
    stage
}

async fn short_idle(rounds: usize) -> Stage {
    let stage = Stage::with(scenario::well_behaved(), |it| it.idle_timeout(ms(20))).await;
    for round in 1..=rounds {
        stage.fetch("/", 2).await;
        stage.ended(round).await;
    }
    stage
}

async fn queue(max_conns_per_host: usize) -> Stage {
    let server = scenario::slow_head(Pause::from(ms(20)));
    let change = |it: keepwarm::Config| it.max_conns_per_host(max_conns_per_host);
    let stage = Stage::with(server, change).await;
    let calls = stage.rig.spawn(10);
    join(calls).await;
    stage
}

async fn own_limit(requests: usize) -> Stage {
    let change = |it: keepwarm::Config| it.max_requests_per_connection(Some(3));
    let stage = Stage::with(scenario::well_behaved(), change).await;
    stage.fetch("/", requests).await;
    stage
}

async fn idle_timeout(seconds: u64) -> Stage {
    let change = |it: keepwarm::Config| it.idle_timeout(Duration::from_secs(seconds));
    let stage = Stage::with(scenario::well_behaved(), change).await;
    stage.fetch("/", 3).await;
    stage
}

async fn prewarmed(unused: usize) -> Stage {
    let stage = Stage::with(scenario::well_behaved(), |it| it.idle_timeout(ms(60))).await;
    let url = stage.lab().url("/");
    let client = &stage.rig.client;
    client.prewarm(&url, unused + 1).expect("dials");
    let open = || (stage.rig.counts().idle > unused).then_some(());
    until(open, || format!("{:?}", stage.rig.counts())).await;
    stage.fetch("/", 2).await;
    stage.ended(unused + 1).await;
    stage
}
