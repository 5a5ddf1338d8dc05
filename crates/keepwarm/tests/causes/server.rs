//! What servers do.

use std::time::Duration;

use keepwarm::report::Cause;
use keepwarm_lab::{Behaviour, Plan, scenario};

use crate::stage::{Case, Stage, attempt};
use crate::support::{held, ms, stand_still};

pub(crate) fn cases() -> Vec<Case> {
    [idle(), rules(), close_said(), moments(), races()]
        .into_iter()
        .flatten()
        .collect()
}

fn idle() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ServerIdleTimeout,
            setting: "the server closes after 30 ms idle, then a request comes",
            found: &[Cause::ServerIdleTimeout],
            play: || Box::pin(closes_idle(3)),
        },
        Case {
            about: Cause::ServerIdleTimeout,
            setting: "it closes after the last request, and none comes",
            found: &[],
            play: || Box::pin(closes_idle(1)),
        },
        Case {
            about: Cause::ServerIdleTimeout,
            setting: "it announces a timeout, and we leave in time",
            found: &[Cause::ServerIdleTimeout],
            play: || Box::pin(announced()),
        },
        Case {
            about: Cause::ServerResetsIdle,
            setting: "the server resets after 30 ms idle",
            found: &[Cause::ServerResetsIdle],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::reset_on_idle(ms(30))).await;
                    for round in 1..=3 {
                        stage.fetch("/", 2).await;
                        stage.ended(round).await;
                    }
                    stage
                })
            },
        },
        Case {
            about: Cause::ServerResetsIdle,
            setting: "it resets when nobody comes back",
            found: &[],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::reset_on_idle(ms(30))).await;
                    stage.fetch("/", 2).await;
                    stage.ended(1).await;
                    stage
                })
            },
        },
    ]
}

fn rules() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ServerMaxRequests,
            setting: "seven requests for each connection",
            found: &[Cause::ServerMaxRequests],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::max_requests(7)).await;
                    stage.fetch("/", 30).await;
                    stage
                })
            },
        },
        Case {
            about: Cause::ServerMaxRequests,
            setting: "seven requests, and it closes without a word",
            found: &[Cause::ServerMaxRequests],
            play: || Box::pin(closes_silently(7)),
        },
        Case {
            about: Cause::ServerMaxRequests,
            setting: "seven are allowed, six are made",
            found: &[],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::max_requests(7)).await;
                    stage.fetch("/", 6).await;
                    stage
                })
            },
        },
        Case {
            about: Cause::ServerMaxAge,
            setting: "connections end at one age, whatever they served",
            found: &[Cause::ServerMaxAge],
            play: || Box::pin(ends_at_an_age(&[3, 5, 9])),
        },
        Case {
            about: Cause::ServerMaxAge,
            setting: "they end at one number of requests",
            found: &[Cause::ServerMaxRequests],
            play: || Box::pin(ends_at_an_age(&[4, 4, 4])),
        },
    ]
}

fn close_said() -> Vec<Case> {
    vec![
        Case {
            about: Cause::KeepAliveDisabled,
            setting: "each answer says close",
            found: &[Cause::KeepAliveDisabled],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::peer_said_close()).await;
                    stage.fetch("/", 5).await;
                    stage
                })
            },
        },
        Case {
            about: Cause::KeepAliveDisabled,
            setting: "it closes after each answer without a word",
            found: &[Cause::KeepAliveDisabled],
            play: || Box::pin(closes_silently(1)),
        },
        Case {
            about: Cause::KeepAliveDisabled,
            setting: "only the last answer of a run says close",
            found: &[],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::max_requests(5)).await;
                    stage.fetch("/", 5).await;
                    stage
                })
            },
        },
        Case {
            about: Cause::ServerSaysClose,
            setting: "it says close after 2, 5, 3 and 9 requests",
            found: &[Cause::ServerSaysClose],
            play: || Box::pin(says_close_after(&[2, 5, 3, 9])),
        },
        Case {
            about: Cause::ServerSaysClose,
            setting: "it says close after 4 each time",
            found: &[Cause::ServerMaxRequests],
            play: || Box::pin(says_close_after(&[4, 4, 4, 4])),
        },
        Case {
            about: Cause::ErrorStatusClose,
            setting: "503 closes, 200 does not",
            found: &[Cause::ErrorStatusClose],
            play: || Box::pin(errors(true)),
        },
        Case {
            about: Cause::ErrorStatusClose,
            setting: "503 keeps the connection",
            found: &[],
            play: || Box::pin(errors(false)),
        },
    ]
}

fn moments() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ServerRestart,
            setting: "connections of any idle age end in one moment",
            found: &[Cause::ServerRestart],
            play: || Box::pin(restart(true)),
        },
        Case {
            about: Cause::ServerRestart,
            setting: "connections that were idle alike end together",
            found: &[Cause::ServerIdleTimeout],
            play: || Box::pin(restart(false)),
        },
        Case {
            about: Cause::BackendsDiffer,
            setting: "every other connection is closed after 30 ms, the rest after 120",
            found: &[Cause::BackendsDiffer],
            play: || Box::pin(backends(120)),
        },
        Case {
            about: Cause::BackendsDiffer,
            setting: "all are closed after 30 ms, more or less",
            found: &[Cause::ServerIdleTimeout],
            play: || Box::pin(backends(30)),
        },
        Case {
            about: Cause::StrayBytes,
            setting: "bytes that nobody asked for come on idle connections",
            found: &[Cause::StrayBytes],
            play: || {
                Box::pin(async {
                    let stray = scenario::stray_bytes_while_idle(ms(10).into());
                    let stage = Stage::start(stray).await;
                    for round in 1..=3 {
                        stage.fetch("/", 2).await;
                        stage.ended(round).await;
                    }
                    stage
                })
            },
        },
        Case {
            about: Cause::StrayBytes,
            setting: "a 408 that nobody asked for is a close in many words",
            found: &[Cause::ServerIdleTimeout],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::timeout_408_on_idle(ms(30))).await;
                    for round in 1..=3 {
                        stage.fetch("/", 2).await;
                        stage.ended(round).await;
                    }
                    stage
                })
            },
        },
    ]
}

fn races() -> Vec<Case> {
    vec![
        Case {
            about: Cause::StaleReuseRace,
            setting: "the close crosses a POST",
            found: &[Cause::StaleReuseRace],
            play: || Box::pin(race(2)),
        },
        Case {
            about: Cause::StaleReuseRace,
            setting: "a new connection ends without an answer",
            found: &[Cause::ServerBrokeProtocol],
            play: || Box::pin(race(1)),
        },
        Case {
            about: Cause::WriteAvoidsRace,
            setting: "a POST keeps off a connection that may close any moment",
            found: &[Cause::WriteAvoidsRace],
            play: || Box::pin(doubtful(true)),
        },
        Case {
            about: Cause::WriteAvoidsRace,
            setting: "a GET need not keep off",
            found: &[],
            play: || Box::pin(doubtful(false)),
        },
    ]
}

async fn closes_idle(rounds: usize) -> Stage {
    let stage = Stage::start(scenario::idle_timeout(ms(30))).await;
    for round in 1..=rounds {
        stage.fetch("/", 2).await;
        stage.ended(round).await;
    }
    stage
}

/// So many requests on each of four connections; the next comes when the close has arrived.
async fn closes_silently(requests: usize) -> Stage {
    let most = u64::try_from(requests).unwrap_or(0);
    let stage = Stage::start(scenario::max_requests_silent(most)).await;
    for round in 1..=4 {
        stage.fetch("/", requests).await;
        stage.ended(round).await;
    }
    stage
}

/// A second is the least that can be announced; the margin takes off a tenth.
async fn announced() -> Stage {
    let plan = scenario::announced_idle_timeout(Duration::from_secs(1));
    let stage = Stage::start(plan).await;
    stage.fetch("/", 2).await;
    stage.ended(1).await;
    stage.fetch("/", 1).await;
    stage
}

/// So many requests on each connection; the last answers come when the connection has its age.
async fn ends_at_an_age(requests: &'static [u64]) -> Stage {
    const AGE: Duration = Duration::from_millis(500);
    let plan = Plan::choose(move |number| {
        let index = usize::try_from(number - 1).unwrap_or(0) % requests.len();
        scenario::max_requests(requests[index]).into()
    });
    let stage = Stage::start(plan).await;
    for count in requests {
        let begun = tokio::time::Instant::now();
        for _ in 1..*count {
            stage.fetch("/", 1).await;
        }
        if requests.iter().any(|other| other != count) {
            tokio::time::sleep_until(begun + AGE).await;
        }
        stage.fetch("/", 1).await;
    }
    stage.fetch("/", 1).await;
    stage
}

async fn says_close_after(requests: &'static [u64]) -> Stage {
    let plan = Plan::choose(move |number| {
        let index = usize::try_from(number - 1).unwrap_or(0) % requests.len();
        scenario::max_requests(requests[index]).into()
    });
    let stage = Stage::start(plan).await;
    let all: u64 = requests.iter().sum();
    stage
        .fetch("/", usize::try_from(all).unwrap_or(0) + 1)
        .await;
    stage
}

/// Connections on which the third answer is a 503.
async fn errors(close: bool) -> Stage {
    let stage = Stage::start(Plan::choose(move |_| {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let says = if close { "Connection: close\r\n" } else { "" };
        let error =
            format!("HTTP/1.1 503 Service Unavailable\r\n{says}Content-Length: 2\r\n\r\nno");
        let mut script = keepwarm_lab::Script::new();
        for _ in 0..4 {
            script = script.read_head().send(ok).read_head().send(ok);
            script = script.read_head().send(error.clone());
            if close {
                return script.close().into();
            }
        }
        script.into()
    }))
    .await;
    stage.fetch("/", 10).await;
    stage
}

/// Three connections that go idle one by one, or together; then all are closed, and three are wanted again.
async fn restart(one_by_one: bool) -> Stage {
    let plan = Plan::choose(|number| {
        let idle_gate = (number <= 3).then(|| "restart".to_owned());
        let behaviour = Behaviour {
            idle_gate,
            ..held()
        };
        behaviour.into()
    });
    let stage = Stage::start(plan).await;
    stage.rig.fetch_at_once(3).await;
    if one_by_one {
        for _ in 0..3 {
            stand_still(ms(60));
            // The one that was idle last is taken: the others grow old.
            stage.fetch("/", 1).await;
        }
    } else {
        stand_still(ms(100));
    }
    stage.lab().open("restart");
    stage.ended(3).await;
    stage.rig.fetch_at_once(3).await;
    stage
}

async fn backends(other: u64) -> Stage {
    let plan = Plan::choose(move |number| {
        let timeout = if number % 2 == 0 { 30 } else { other };
        scenario::idle_timeout(ms(timeout)).into()
    });
    let stage = Stage::start(plan).await;
    for round in 1..=8 {
        stage.fetch("/", 2).await;
        stage.ended(round).await;
    }
    stage
}

/// The server takes request `number` of each connection and closes instead of answering.
async fn race(number: u64) -> Stage {
    let plan = Plan::choose(move |connection| {
        if connection <= 2 {
            scenario::close_instead_of_answer(number).into()
        } else {
            scenario::well_behaved().into()
        }
    });
    let stage = Stage::start(plan).await;
    for _ in 0..4 {
        attempt(stage.rig.post("/").body("once")).await;
    }
    stage
}

/// The first of two connections is closed by the server, which teaches its timeout; the other is still there when a
/// request comes at a moment at which it might be closed too.
async fn doubtful(is_post: bool) -> Stage {
    const TIMEOUT: Duration = Duration::from_millis(400);
    loop {
        let plan = Plan::choose(move |number| {
            let idle_timeout = (number == 1).then_some(TIMEOUT);
            let behaviour = Behaviour {
                idle_timeout,
                ..held()
            };
            behaviour.into()
        });
        let stage = Stage::start(plan).await;
        stage.rig.fetch_at_once(2).await;
        stage.ended(1).await;
        stage.fetch("/", 1).await;
        // A tenth before the timeout the connection is doubtful; a little after it, it has proved the timeout wrong.
        let since = tokio::time::Instant::now();
        tokio::time::sleep_until(since + TIMEOUT - TIMEOUT / 20).await;
        if is_post {
            attempt(stage.rig.post("/").body("once")).await;
        } else {
            stage.fetch("/", 1).await;
        }
        // A machine that was not on time tries again.
        if since.elapsed() < TIMEOUT {
            return stage;
        }
    }
}
