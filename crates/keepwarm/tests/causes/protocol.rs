//! What the protocol brings about: framing, uploads, HTTP/2, proxies.

use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::report::Cause;
use keepwarm::{Client, Config};
use keepwarm_lab::{Behaviour, scenario};

use crate::peer::{Answer, Conduct, Peer};
use crate::stage::{Case, Stage, attempt, fetch};

/// More than sockets buffer: it is under way when the answer comes.
const LARGE: usize = 32 << 20;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = framing();
    cases.extend(uploads());
    cases.extend(beyond());
    cases
}

async fn fetched(server: Behaviour, times: usize) -> Stage {
    let stage = Stage::start(server).await;
    stage.fetch("/", times).await;
    stage
}

fn framing() -> Vec<Case> {
    vec![
        Case {
            about: Cause::Http10Only,
            setting: "HTTP/1.0 without keep-alive",
            found: &[Cause::Http10Only],
            play: || Box::pin(fetched(scenario::http10(), 4)),
        },
        Case {
            about: Cause::Http10Only,
            setting: "HTTP/1.0 with keep-alive",
            found: &[],
            play: || Box::pin(fetched(scenario::http10_keep_alive(), 4)),
        },
        Case {
            about: Cause::ResponseWithoutLength,
            setting: "bodies that end with the connection",
            found: &[Cause::ResponseWithoutLength],
            play: || Box::pin(fetched(scenario::close_delimited(), 4)),
        },
        Case {
            about: Cause::ResponseWithoutLength,
            setting: "bodies in chunks",
            found: &[],
            play: || Box::pin(fetched(scenario::chunked([3, 5]), 4)),
        },
        Case {
            about: Cause::ServerBrokeProtocol,
            setting: "bodies that are cut short",
            found: &[Cause::ServerBrokeProtocol],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::body_cut_short(5)).await;
                    for _ in 0..3 {
                        attempt(stage.rig.get("/")).await;
                    }
                    stage
                })
            },
        },
        Case {
            about: Cause::ServerBrokeProtocol,
            setting: "a cut body, and nobody comes back",
            found: &[],
            play: || {
                Box::pin(async {
                    let stage = Stage::start(scenario::body_cut_short(5)).await;
                    attempt(stage.rig.get("/")).await;
                    stage
                })
            },
        },
    ]
}

async fn uploaded(server: Behaviour, is_expecting: bool) -> Stage {
    let stage = Stage::start(server).await;
    for _ in 0..3 {
        let request = stage.rig.post("/");
        let request = if is_expecting {
            request.body("upload").expect_continue()
        } else {
            request.body(vec![b'x'; LARGE])
        };
        attempt(request).await;
    }
    stage
}

fn uploads() -> Vec<Case> {
    vec![
        Case {
            about: Cause::RequestBodyRefused,
            setting: "413 while the body is under way",
            found: &[Cause::RequestBodyRefused],
            play: || {
                Box::pin(uploaded(
                    Behaviour {
                        connection: keepwarm_lab::ConnectionHeader::None,
                        ..scenario::early_refusal()
                    },
                    false,
                ))
            },
        },
        Case {
            about: Cause::RequestBodyRefused,
            setting: "413 when the body has arrived",
            found: &[],
            play: || {
                Box::pin(uploaded(
                    Behaviour {
                        status: 413,
                        ..Behaviour::default()
                    },
                    false,
                ))
            },
        },
        Case {
            about: Cause::ExpectationRefused,
            setting: "417 instead of 100",
            found: &[Cause::ExpectationRefused],
            play: || Box::pin(uploaded(scenario::refused_expectation(), true)),
        },
        Case {
            about: Cause::ExpectationRefused,
            setting: "100, then the answer",
            found: &[],
            play: || Box::pin(uploaded(Behaviour::default(), true)),
        },
    ]
}

/// A peer that says goodbye with these answers, counted over all connections.
async fn goodbyes(with: &'static [usize], calls: usize) -> Stage {
    let stage = Stage::with(scenario::well_behaved(), Config::http2_only).await;
    let conduct = Conduct::new(move |_, number| {
        if with.contains(&number) {
            Answer::PathThenGoAway
        } else {
            Answer::Path
        }
    });
    let peer = Peer::start(conduct).await;
    for call in 1..=calls {
        fetch(&stage.rig.client, &peer.url("/")).await;
        let ends = with.iter().filter(|number| **number <= call).count();
        stage.ended(ends).await;
    }
    stage
}

/// Requests through a proxy that plays this server.
async fn through(proxy: Behaviour) -> Stage {
    let stage = Stage::start(proxy).await;
    let proxy = Proxy::new(&stage.lab().url("")).expect("a proxy");
    let client: Client = stage.another_client(|config| config.proxies(Proxies::all(proxy)));
    for _ in 0..4 {
        fetch(&client, "http://origin.test/").await;
    }
    stage
}

fn beyond() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ServerGoAway,
            setting: "GOAWAY after 2, 5 and 3 streams",
            found: &[Cause::ServerGoAway],
            play: || Box::pin(goodbyes(&[2, 7, 10], 12)),
        },
        Case {
            about: Cause::ServerGoAway,
            setting: "GOAWAY after 4 streams each time",
            found: &[Cause::ServerMaxRequests],
            play: || Box::pin(goodbyes(&[4, 8, 12], 14)),
        },
        Case {
            about: Cause::ProxyBreaksKeepAlive,
            setting: "the proxy says close",
            found: &[Cause::ProxyBreaksKeepAlive],
            play: || Box::pin(through(scenario::peer_said_close())),
        },
        Case {
            about: Cause::ProxyBreaksKeepAlive,
            setting: "the proxy keeps connections",
            found: &[],
            play: || Box::pin(through(scenario::well_behaved())),
        },
    ]
}
