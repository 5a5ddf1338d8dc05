//! `First`: the way to a server, and its first answer.
//!
//! Owns its addresses and the request that everything else rests on. Refuses to know what follows from the answer.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::doors::Doors;
use crate::exchange::{Answer, Ask};
use crate::http2::{Question, Session};
use crate::measured::{Measured, Pilot, TlsSeen};
use crate::target::Target;
use crate::trouble::{Trouble, Unreachable, UnreachableKind};
use crate::wire::{Way, Wire};

/// Addresses that are tried.
const MOST_ADDRESSES: usize = 8;

/// What is unusual is not sent to whoever did not ask for it.
pub(crate) fn refuse_strangers(addresses: &[SocketAddr]) -> Result<(), Unreachable> {
    let Some(stranger) = addresses.iter().find(|address| !is_private(address.ip())) else {
        return Ok(());
    };
    let stranger = stranger.ip();
    Err(Unreachable {
        kind: UnreachableKind::Settings,
        message: format!(
            "--aggressive is for servers of your own: {stranger} is a public address; --i-own-this says that it is \
             yours"
        ),
    })
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => it.is_loopback() || it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

pub(crate) async fn addresses(
    target: &Target,
    patience: Duration,
) -> Result<Vec<SocketAddr>, Unreachable> {
    let (host, port) = (target.host(), target.port());
    let failed = |why: String| Unreachable {
        kind: UnreachableKind::Name,
        message: format!("cannot resolve {host}: {why}"),
    };
    let asked = timeout(patience, tokio::net::lookup_host((host, port))).await;
    let found = asked
        .map_err(|_| failed(format!("no answer within {} s", patience.as_secs_f64())))?
        .map_err(|error| failed(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.take(4 * MOST_ADDRESSES) {
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed("it has no address".to_owned()));
    }
    Ok(addresses)
}

/// The connection on which it came.
pub(crate) enum Spoken {
    Http1(Box<Wire>),
    Http2(Box<Session>),
}

/// The first answer, and which addresses can be connected to.
pub(crate) struct First {
    pub(crate) spoken: Spoken,
    pub(crate) round_trip: Duration,
    pub(crate) tls: Option<TlsSeen>,
    pub(crate) answer: Answer,
    /// From the request to the end of the answer.
    pub(crate) took: Duration,
    pub(crate) address: SocketAddr,
    pub(crate) alive: Vec<SocketAddr>,
    pub(crate) dead: Vec<(SocketAddr, String)>,
}

impl First {
    /// Connects to all addresses at once, and asks on the first of them that is there.
    pub(crate) async fn ask(
        target: &Target,
        way: &Way<'_>,
        doors: &Doors,
        addresses: &[SocketAddr],
    ) -> Result<Self, Unreachable> {
        let (alive, dead) = reach(addresses, doors, way.patience).await;
        let Some(&address) = alive.first() else {
            let told: Vec<_> = dead
                .iter()
                .map(|(address, why)| format!("{address}: {why}"))
                .collect();
            return Err(Unreachable {
                kind: UnreachableKind::Connect,
                message: told.join("; "),
            });
        };
        let leave = doors.enter().await;
        let opened = Wire::open(target, address, way, leave).await;
        let wire = opened.map_err(|trouble| Unreachable::of(address, &trouble))?;
        let round_trip = wire.round_trip;
        let tls = wire.tls.as_ref().map(TlsSeen::of);
        let asked = match target.is_http2_only() {
            true => over_http2(wire, target, way.patience).await,
            false => over_http1(wire, target, way.patience).await,
        };
        let (spoken, answer, took) = asked.map_err(|trouble| Unreachable::of(address, &trouble))?;
        Ok(Self {
            spoken,
            round_trip,
            tls,
            answer,
            took,
            address,
            alive,
            dead,
        })
    }
}

type Asked = Result<(Spoken, Answer, Duration), Trouble>;

async fn over_http1(mut wire: Wire, target: &Target, patience: Duration) -> Asked {
    let ask = Ask {
        head: false,
        path: target.path().to_owned(),
        http10: false,
        method: None,
        lines: String::new(),
        keep_alive: false,
        half_closes: false,
    };
    let asked = Instant::now();
    let answer = wire.ask(&ask, target.authority(), patience).await?;
    let took = answer.last_byte - asked;
    Ok((Spoken::Http1(Box::new(wire)), answer, took))
}

async fn over_http2(wire: Wire, target: &Target, patience: Duration) -> Asked {
    let mut session = Session::begin(wire, patience).await?;
    let question = Question {
        uri: target.uri(),
        head: false,
    };
    let asked = Instant::now();
    let answer = session.ask(&question, patience).await?;
    let took = answer.last_byte.saturating_duration_since(asked);
    Ok((Spoken::Http2(Box::new(session)), answer, took))
}

/// Which addresses can be connected to. When there is only one, its first connection tells.
async fn reach(
    addresses: &[SocketAddr],
    doors: &Doors,
    patience: Duration,
) -> (Vec<SocketAddr>, Vec<(SocketAddr, String)>) {
    if let [only] = addresses {
        return (vec![*only], Vec::new());
    }
    let mut attempts = JoinSet::new();
    for (place, address) in addresses.iter().copied().enumerate() {
        let doors = doors.clone();
        attempts.spawn(async move {
            let _leave = doors.enter().await;
            let attempt = timeout(patience, tokio::net::TcpStream::connect(address)).await;
            let outcome = match attempt {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("no connection within {} s", patience.as_secs_f64())),
            };
            (place, address, outcome)
        });
    }
    let mut outcomes = attempts.join_all().await;
    outcomes.sort_by_key(|(place, ..)| *place);
    let (mut alive, mut dead) = (Vec::new(), Vec::new());
    for (_, address, outcome) in outcomes {
        match outcome {
            Ok(()) => alive.push(address),
            Err(why) => dead.push((address, why)),
        }
    }
    (alive, dead)
}

pub(crate) fn measured(target: &Target, first: &First) -> Measured {
    let answer = &first.answer;
    let pilot = Pilot {
        status: answer.status.as_u16(),
        version: answer.version,
        headers: answer.headers.clone(),
        reuse: answer.reuse.clone(),
        body: answer.body,
        round_trip: first.round_trip,
    };
    Measured {
        addresses: first.alive.clone(),
        dead_addresses: first.dead.clone(),
        is_loopback: target.is_loopback(),
        tls: first.tls.clone(),
        ..Measured::of(target.url(), pilot)
    }
}
