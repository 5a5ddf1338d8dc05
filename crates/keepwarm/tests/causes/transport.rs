//! What lies between: names, TLS, servers that are not there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use keepwarm::dial::{BoxFuture, Resolver};
use keepwarm::report::Cause;
use keepwarm_lab::{Behaviour, Lab, scenario};

use crate::authority::Authority;
use crate::stage::{Case, Stage, attempt, fetch};
use crate::support::{GATE, held, join, ms, spawn, until};
use crate::tls_server::{TlsServer, config};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            about: Cause::ConnectFails,
            setting: "nobody listens",
            found: &[Cause::ConnectFails],
            play: || Box::pin(attempts(scenario::refuse())),
        },
        Case {
            about: Cause::ConnectFails,
            setting: "somebody listens and answers",
            found: &[],
            play: || Box::pin(attempts(scenario::well_behaved())),
        },
        Case {
            about: Cause::AddressRotation,
            setting: "the name moves to another address",
            found: &[Cause::AddressRotation],
            play: || Box::pin(moving(true)),
        },
        Case {
            about: Cause::AddressRotation,
            setting: "the name stays where it is",
            found: &[],
            play: || Box::pin(moving(false)),
        },
        Case {
            about: Cause::TlsNotResumed,
            setting: "three more are opened, and the server gave no tickets",
            found: &[Cause::TlsNotResumed],
            play: || Box::pin(handshakes(false)),
        },
        Case {
            about: Cause::TlsNotResumed,
            setting: "three more are opened with the tickets it gave",
            found: &[],
            play: || Box::pin(handshakes(true)),
        },
    ]
}

async fn attempts(server: Behaviour) -> Stage {
    let stage = Stage::start(server).await;
    for _ in 0..3 {
        attempt(stage.rig.get("/")).await;
    }
    stage
}

/// A name whose address may change.
#[derive(Clone)]
struct Name(Arc<Mutex<SocketAddr>>);

impl Resolver for Name {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let address = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move { Ok(vec![address]) })
    }
}

/// One connection to the first address; then the name moves, is asked again, and three calls come at once.
async fn moving(moves: bool) -> Stage {
    let first = Lab::start(held()).await;
    first.open(GATE);
    let there = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), first.addr().port()));
    let second = Lab::listen(there, held()).await.expect("the same port");
    second.open(GATE);
    let name = Name(Arc::new(Mutex::new(first.addr())));
    let resolver = name.clone();
    let stage = Stage::with(scenario::well_behaved(), |it| it.resolver(resolver)).await;
    let client = &stage.rig.client;
    let url = "http://name.test/";
    fetch(client, url).await;
    if moves {
        *name.0.lock().unwrap_or_else(PoisonError::into_inner) = second.addr();
    }
    let warm = |count: usize| {
        let stats = client.stats();
        let idle = stats.origin(url).map_or(0, |origin| origin.counts.idle);
        (idle >= count).then_some(())
    };
    for round in 0..2 {
        // Two answers are one question when they come together.
        tokio::time::sleep(ms(1_100)).await;
        client.prewarm(url, 1).expect("a dial");
        let wanted = if moves { round + 1 } else { round + 2 };
        until(|| warm(wanted), || format!("{:?}", client.stats())).await;
    }
    if moves {
        stage.ended(1).await;
    }
    let wanted = if moves { 2 } else { 3 };
    until(|| warm(wanted), || format!("{:?}", client.stats())).await;
    let calls = (0..3).map(|_| spawn(client.get(url))).collect();
    join(calls).await;
    stage
}

async fn handshakes(with_tickets: bool) -> Stage {
    let authority = Authority::new();
    let mut settings = config(&authority.issue(&["localhost"]));
    if !with_tickets {
        settings.send_tls13_tickets = 0;
        settings.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    }
    let server = TlsServer::hello(settings).await;
    let stage = Stage::with(scenario::well_behaved(), |it| it.tls(authority.trusted())).await;
    let client = &stage.rig.client;
    let url = server.url("/");
    fetch(client, &url).await;
    client.prewarm(&url, 3).expect("dials");
    let warm = || {
        let stats = client.stats();
        let idle = stats.origin(&url).map_or(0, |origin| origin.counts.idle);
        (idle == 4).then_some(())
    };
    until(warm, || format!("{:?}", client.stats())).await;
    stage
}
