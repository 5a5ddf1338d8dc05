//! What the program does that uses the client.

use keepwarm::report::Cause;
use keepwarm_lab::{Pause, scenario};

use crate::stage::{Case, Stage, attempt, fetch};
use crate::support::{GATE, held, ms, runtime, stand_still};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = bodies();
    cases.extend(habits());
    cases.extend(endings());
    cases
}

/// Answers with large bodies, dropped or read.
async fn large_bodies(is_read: bool) -> Stage {
    let stage = Stage::start(scenario::well_behaved()).await;
    for round in 1..=3 {
        let response = stage.rig.get("/bytes/67108864").send().await;
        let mut response = response.expect("an answer");
        if is_read {
            while response.chunk().await.expect("a body").is_some() {}
        } else {
            drop(response);
            stage.ended(round).await;
        }
    }
    stage
}

/// An answer that is neither read nor dropped while others come; in the end it is.
async fn held_body(is_read: bool) -> Stage {
    let stage = Stage::start(scenario::well_behaved()).await;
    let response = stage.rig.get("/bytes/67108864").send().await;
    let mut response = response.expect("an answer");
    stand_still(ms(300));
    stage.fetch("/", 2).await;
    if is_read {
        while response.chunk().await.expect("a body").is_some() {}
    } else {
        drop(response);
        stage.ended(1).await;
    }
    stage
}

fn bodies() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ClientBodyNotDrained,
            setting: "large bodies are dropped",
            found: &[Cause::ClientBodyNotDrained],
            play: || Box::pin(large_bodies(false)),
        },
        Case {
            about: Cause::ClientBodyNotDrained,
            setting: "large bodies are read",
            found: &[],
            play: || Box::pin(large_bodies(true)),
        },
        Case {
            about: Cause::ClientBodyHeld,
            setting: "an answer is kept unread while another request waits",
            found: &[Cause::ClientBodyHeld],
            play: || Box::pin(held_body(false)),
        },
        Case {
            about: Cause::ClientBodyHeld,
            setting: "an answer is read slowly while another request waits",
            found: &[],
            play: || Box::pin(held_body(true)),
        },
    ]
}

async fn clients(count: usize, requests: usize) -> Stage {
    let stage = Stage::start(scenario::well_behaved()).await;
    let url = stage.lab().url("/");
    for _ in 0..count {
        let client = stage.another_client(|config| config);
        for _ in 0..requests {
            fetch(&client, &url).await;
        }
    }
    stage
}

/// One client, asked from a runtime of the same thread or from others.
async fn runtimes(others: usize) -> Stage {
    let stage = Stage::start(scenario::well_behaved()).await;
    stage.fetch("/", 2).await;
    let (client, url) = (stage.rig.client.clone(), stage.lab().url("/"));
    let elsewhere = tokio::task::spawn_blocking(move || {
        // They live on side by side.
        let runtimes: Vec<_> = (0..others).map(|_| runtime()).collect();
        for runtime in &runtimes {
            runtime.block_on(fetch(&client, &url));
        }
    });
    elsewhere.await.expect("no panic");
    stage.fetch("/", 2).await;
    stage
}

fn habits() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ClientPerRequest,
            setting: "a client for each of five requests",
            found: &[Cause::ClientPerRequest],
            play: || Box::pin(clients(5, 1)),
        },
        Case {
            about: Cause::ClientPerRequest,
            setting: "five clients with work of their own",
            found: &[],
            play: || Box::pin(clients(5, 6)),
        },
        Case {
            about: Cause::ClientRuntimes,
            setting: "a client shared by three runtimes",
            found: &[Cause::ClientRuntimes],
            play: || Box::pin(runtimes(2)),
        },
        Case {
            about: Cause::ClientRuntimes,
            setting: "a client on one runtime",
            found: &[],
            play: || Box::pin(runtimes(0)),
        },
        Case {
            about: Cause::ClientSaysClose,
            setting: "requests that say close",
            found: &[Cause::ClientSaysClose],
            play: || Box::pin(saying("close")),
        },
        Case {
            about: Cause::ClientSaysClose,
            setting: "requests that say keep-alive",
            found: &[],
            play: || Box::pin(saying("keep-alive")),
        },
        Case {
            about: Cause::ClientKeepAliveOff,
            setting: "keep-alive is off",
            found: &[Cause::ClientKeepAliveOff],
            play: || Box::pin(kept_alive(false)),
        },
        Case {
            about: Cause::ClientKeepAliveOff,
            setting: "keep-alive is on",
            found: &[],
            play: || Box::pin(kept_alive(true)),
        },
    ]
}

async fn saying(connection: &'static str) -> Stage {
    let stage = Stage::start(scenario::well_behaved()).await;
    for _ in 0..4 {
        attempt(stage.rig.get("/").header("connection", connection)).await;
    }
    stage
}

async fn kept_alive(is_on: bool) -> Stage {
    let stage = Stage::with(scenario::well_behaved(), |it| it.keep_alive(is_on)).await;
    stage.fetch("/", 4).await;
    stage
}

/// Calls that are given up when the server has them; then one that is not.
async fn cancelled(times: u64) -> Stage {
    let stage = Stage::start(held()).await;
    for number in 1..=times {
        let call = tokio::spawn(stage.rig.get("/").send());
        let all = |it: &keepwarm_lab::Transcript| it.counters().requests == number;
        stage.lab().wait_for(all).await;
        call.abort();
        stage.ended(usize::try_from(number).unwrap_or(0)).await;
    }
    stage.lab().open(GATE);
    stage.fetch("/", 2).await;
    stage
}

/// Answers that take longer than is waited, or not.
async fn impatient(limit: u64) -> Stage {
    let server = scenario::slow_head(Pause::from(ms(60)));
    let stage = Stage::with(server, |it| it.response_header_timeout(ms(limit))).await;
    for _ in 0..3 {
        attempt(stage.rig.get("/")).await;
    }
    stage
}

fn endings() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ClientCancels,
            setting: "calls are given up when the server has them",
            found: &[Cause::ClientCancels],
            play: || Box::pin(cancelled(3)),
        },
        Case {
            about: Cause::ClientCancels,
            setting: "none is given up",
            found: &[],
            play: || Box::pin(cancelled(0)),
        },
        Case {
            about: Cause::ClientTimeout,
            setting: "answers take longer than is waited",
            found: &[Cause::ClientTimeout],
            play: || Box::pin(impatient(20)),
        },
        Case {
            about: Cause::ClientTimeout,
            setting: "answers come in time",
            found: &[],
            play: || Box::pin(impatient(9_000)),
        },
    ]
}
