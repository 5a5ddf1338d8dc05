//! Every word that an event can say: each variant of each enum, once.
//!
//! Owns the lists, which do not compile when a variant is missing.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{
    CallId, ClientId, ConnectionId, DialId, EventKind, Opening, PoolLimits, Protocol, TlsInfo,
    TlsVersion,
};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{
    Again, CloseReason, Closed, ClosedBy, KeyPart, Limit, Miss, PeerEnd, Phase, ProtocolFault,
    Retry, Reuse, Stop,
};
use keepwarm_report::Record;

/// A list with a value for each pattern; the patterns are all there are.
macro_rules! all {
    ($(#[$about:meta])* $name:ident: $type:ty; $($pattern:pat => $value:expr,)+) => {
        $(#[$about])*
        pub(crate) fn $name() -> Vec<$type> {
            let list: Vec<$type> = vec![$($value),+];
            for it in &list {
                match it {
                    $($pattern => {})+
                }
            }
            list
        }
    };
}

const TIME: Duration = Duration::from_micros(1_234_567);

all! { limits: Limit;
    Limit::ChunkLine => Limit::ChunkLine,
    Limit::ChunkOverhead => Limit::ChunkOverhead,
    Limit::Connect => Limit::Connect,
    Limit::DecodeRatio => Limit::DecodeRatio,
    Limit::ExpectContinue => Limit::ExpectContinue,
    Limit::HeadBytes => Limit::HeadBytes,
    Limit::HeaderCount => Limit::HeaderCount,
    Limit::Interim => Limit::Interim,
    Limit::OpenFiles => Limit::OpenFiles,
    Limit::Ping => Limit::Ping,
    Limit::ProxyHandshake => Limit::ProxyHandshake,
    Limit::Queue => Limit::Queue,
    Limit::QueueLength => Limit::QueueLength,
    Limit::ReadIdle => Limit::ReadIdle,
    Limit::Redirects => Limit::Redirects,
    Limit::ResponseHeader => Limit::ResponseHeader,
    Limit::TlsHandshake => Limit::TlsHandshake,
    Limit::Total => Limit::Total,
    Limit::TrailerBytes => Limit::TrailerBytes,
    Limit::WriteStall => Limit::WriteStall,
}

all! { phases: Phase;
    Phase::Queue => Phase::Queue,
    Phase::Dns => Phase::Dns,
    Phase::Connect => Phase::Connect,
    Phase::Tls => Phase::Tls,
    Phase::Send => Phase::Send,
    Phase::Wait => Phase::Wait,
    Phase::Receive => Phase::Receive,
}

all! {
    /// But for the limits that [`ProtocolFault::TooMuch`] may name.
    faults: ProtocolFault;
    ProtocolFault::BareCr => ProtocolFault::BareCr,
    ProtocolFault::ChunkEnd => ProtocolFault::ChunkEnd,
    ProtocolFault::ChunkSize => ProtocolFault::ChunkSize,
    ProtocolFault::ControlByte => ProtocolFault::ControlByte,
    ProtocolFault::EndedInBody { .. } => ProtocolFault::EndedInBody { left: Some(7) },
    ProtocolFault::EndedInHead => ProtocolFault::EndedInHead,
    ProtocolFault::HeaderLine => ProtocolFault::HeaderLine,
    ProtocolFault::Http2 { .. } => ProtocolFault::Http2 { code: 11 },
    ProtocolFault::Length => ProtocolFault::Length,
    ProtocolFault::LengthAndChunked => ProtocolFault::LengthAndChunked,
    ProtocolFault::LengthsDiffer => ProtocolFault::LengthsDiffer,
    ProtocolFault::NotHttp => ProtocolFault::NotHttp,
    ProtocolFault::ObsFold => ProtocolFault::ObsFold,
    ProtocolFault::SpaceBeforeColon => ProtocolFault::SpaceBeforeColon,
    ProtocolFault::StartLine => ProtocolFault::StartLine,
    ProtocolFault::TlsInstead => ProtocolFault::TlsInstead,
    ProtocolFault::TooMuch(_) => ProtocolFault::TooMuch(Limit::HeadBytes),
    ProtocolFault::Trailer => ProtocolFault::Trailer,
    ProtocolFault::TransferEncoding => ProtocolFault::TransferEncoding,
    ProtocolFault::UnaskedSwitch => ProtocolFault::UnaskedSwitch,
    ProtocolFault::Version => ProtocolFault::Version,
}

all! { close_reasons: CloseReason;
    CloseReason::AddressGone => CloseReason::AddressGone,
    CloseReason::BodyNotRead { .. } => CloseReason::BodyNotRead { left: Some(99) },
    CloseReason::Cancelled => CloseReason::Cancelled,
    CloseReason::CloseDelimited => CloseReason::CloseDelimited,
    CloseReason::GoAway => CloseReason::GoAway,
    CloseReason::HostFull { .. } => CloseReason::HostFull { limit: 2 },
    CloseReason::Http1Required => CloseReason::Http1Required,
    CloseReason::Http10 => CloseReason::Http10,
    CloseReason::IdleTooLong { .. } => CloseReason::IdleTooLong { idle: TIME, limit: TIME },
    CloseReason::IoError { .. } => CloseReason::IoError { kind: ErrorKind::ConnectionReset },
    CloseReason::Misdirected => CloseReason::Misdirected,
    CloseReason::NoContinue => CloseReason::NoContinue,
    CloseReason::PeerBrokeProtocol(_) => CloseReason::PeerBrokeProtocol(ProtocolFault::NotHttp),
    CloseReason::PeerClosedIdle { .. } => CloseReason::PeerClosedIdle { how: PeerEnd::Fin, idle: TIME },
    CloseReason::PeerSaidClose => CloseReason::PeerSaidClose,
    CloseReason::PoolFull { .. } => CloseReason::PoolFull { limit: 100 },
    CloseReason::PoolOff => CloseReason::PoolOff,
    CloseReason::RequestNotSent => CloseReason::RequestNotSent,
    CloseReason::RuntimeGone => CloseReason::RuntimeGone,
    CloseReason::ShutDown => CloseReason::ShutDown,
    CloseReason::StrayBytes { .. } => CloseReason::StrayBytes { bytes: 5 },
    CloseReason::SwitchedProtocols => CloseReason::SwitchedProtocols,
    CloseReason::TimedOut(_) => CloseReason::TimedOut(Limit::ReadIdle),
    CloseReason::TooOld { .. } => CloseReason::TooOld { age: TIME, limit: TIME },
    CloseReason::UsedUp { .. } => CloseReason::UsedUp { requests: 100, limit: 100 },
    CloseReason::WeSaidClose => CloseReason::WeSaidClose,
}

all! { closers: ClosedBy;
    ClosedBy::Caller => ClosedBy::Caller,
    ClosedBy::Limit => ClosedBy::Limit,
    ClosedBy::Peer => ClosedBy::Peer,
    ClosedBy::Us => ClosedBy::Us,
}

all! { peer_ends: PeerEnd;
    PeerEnd::CloseNotify => PeerEnd::CloseNotify,
    PeerEnd::Fin => PeerEnd::Fin,
    PeerEnd::GoAway => PeerEnd::GoAway,
    PeerEnd::RequestTimeout => PeerEnd::RequestTimeout,
    PeerEnd::Reset => PeerEnd::Reset,
}

all! { key_parts: KeyPart;
    KeyPart::Runtime => KeyPart::Runtime,
}

all! { misses: Miss;
    Miss::AllBusy { .. } => Miss::AllBusy { active: 3 },
    Miss::AllDoubtful { .. } => Miss::AllDoubtful { idle: 2, estimate: TIME },
    Miss::AllExpired { .. } => Miss::AllExpired { idle: 1 },
    Miss::DifferentKey(_) => Miss::DifferentKey(KeyPart::Runtime),
    Miss::FirstForOrigin => Miss::FirstForOrigin,
    Miss::KeepAliveOff => Miss::KeepAliveOff,
    Miss::OnlyClosing => Miss::OnlyClosing,
    Miss::Prewarm => Miss::Prewarm,
}

all! { agains: Again;
    Again::GoAway => Again::GoAway,
    Again::Http1Required => Again::Http1Required,
    Again::IdleCloseRace => Again::IdleCloseRace,
    Again::Misdirected => Again::Misdirected,
    Again::NothingWritten => Again::NothingWritten,
    Again::RefusedStream => Again::RefusedStream,
}

all! { stops: Stop;
    Stop::Budget => Stop::Budget,
    Stop::BytesReceived => Stop::BytesReceived,
    Stop::FirstUse => Stop::FirstUse,
    Stop::NotReplayable => Stop::NotReplayable,
    Stop::Policy => Stop::Policy,
}

all! { protocols: Protocol;
    Protocol::H1 => Protocol::H1,
    Protocol::H2 => Protocol::H2,
}

all! { tls_versions: TlsVersion;
    TlsVersion::V1_2 => TlsVersion::V1_2,
    TlsVersion::V1_3 => TlsVersion::V1_3,
}

const CALL: CallId = CallId(7);
const CONNECTION: ConnectionId = ConnectionId(3);
const DIAL: DialId = DialId(2);

fn origin() -> Origin {
    "https://api.example:8443".parse().expect("an origin")
}

fn limits_of_a_pool() -> PoolLimits {
    PoolLimits {
        keep_alive: true,
        max_idle: Some(100),
        max_idle_per_host: None,
        max_conns: None,
        max_conns_per_host: Some(8),
        idle_timeout: Some(Duration::from_secs(30)),
        max_lifetime: None,
        max_requests_per_connection: None,
    }
}

fn opened(protocol: Protocol, tls: Option<TlsInfo>) -> EventKind {
    EventKind::Opened {
        connection: CONNECTION,
        origin: origin(),
        local: Some("[2001:db8::1]:51422".parse().expect("an address")),
        remote: Some("203.0.113.7:8443".parse().expect("an address")),
        protocol,
        via: tls.is_none().then(|| Arc::from("http://proxy:3128")),
        took: Opening {
            resolving: Duration::from_micros(40),
            connecting: Duration::from_micros(1_000),
            handshake: tls.is_some().then_some(TIME),
        },
        tls: tls.map(Box::new),
    }
}

all! { some_kinds: EventKind;
    EventKind::Configured { .. } => EventKind::Configured { limits: limits_of_a_pool() },
    EventKind::CallStarted { .. } => EventKind::CallStarted {
        call: CALL,
        method: http::Method::POST,
        origin: origin(),
        target: "/a?token=secret".parse().expect("a target"),
    },
    EventKind::Queued { .. } => EventKind::Queued { call: CALL, miss: Miss::FirstForOrigin },
    EventKind::Dequeued { .. } => EventKind::Dequeued { call: CALL, waited: TIME },
    EventKind::DialStarted { .. } => EventKind::DialStarted {
        dial: DIAL,
        origin: origin(),
        miss: Miss::FirstForOrigin,
    },
    EventKind::DialEnded { .. } => EventKind::DialEnded { dial: DIAL, outcome: Ok(CONNECTION) },
    EventKind::Opened { .. } => opened(Protocol::H1, None),
    EventKind::CheckedOut { .. } => EventKind::CheckedOut {
        call: CALL,
        connection: CONNECTION,
        reused: true,
        requests: 4,
        idle: Some(TIME),
    },
    EventKind::RequestSent { .. } => EventKind::RequestSent {
        call: CALL,
        connection: CONNECTION,
        bytes: 117,
    },
    EventKind::ResponseHead { .. } => EventKind::ResponseHead {
        call: CALL,
        connection: CONNECTION,
        status: 204,
    },
    EventKind::ExchangeEnded { .. } => EventKind::ExchangeEnded {
        call: CALL,
        connection: CONNECTION,
        reuse: Reuse::Keep,
        received: 311,
    },
    EventKind::Parked { .. } => EventKind::Parked { connection: CONNECTION },
    EventKind::Closed { .. } => EventKind::Closed {
        connection: CONNECTION,
        closed: Closed::from(CloseReason::PeerSaidClose),
        requests: 4,
        age: TIME,
    },
    EventKind::RetryDecided { .. } => EventKind::RetryDecided {
        call: CALL,
        retry: Retry::Stop(Stop::Policy),
    },
    EventKind::CallEnded { .. } => EventKind::CallEnded { call: CALL, failed: None },
}

/// Each reason for a close, with each word that can stand in it.
fn told_reasons() -> Vec<CloseReason> {
    let broken = faults().into_iter().map(CloseReason::PeerBrokeProtocol);
    let limited = limits().into_iter().flat_map(|limit| {
        let fault = CloseReason::PeerBrokeProtocol(ProtocolFault::TooMuch(limit));
        [CloseReason::TimedOut(limit), fault]
    });
    let lengths = [
        CloseReason::BodyNotRead { left: None },
        CloseReason::PeerBrokeProtocol(ProtocolFault::EndedInBody { left: None }),
    ];
    let idle = peer_ends().into_iter();
    let idle = idle.map(|how| CloseReason::PeerClosedIdle { how, idle: TIME });
    let reasons = (close_reasons().into_iter())
        .chain(idle)
        .chain(broken)
        .chain(limited)
        .chain(lengths);
    reasons.collect()
}

/// Each event with each word that can stand in it, at times a millisecond apart.
pub(crate) fn records() -> Vec<Record> {
    let mut kinds = some_kinds();
    kinds.extend(misses().into_iter().flat_map(|miss| {
        let (call, dial, origin) = (CALL, DIAL, origin());
        [
            EventKind::Queued { call, miss },
            EventKind::DialStarted { dial, origin, miss },
        ]
    }));
    let outcome = Err("connection refused \"here\"\n".to_owned());
    kinds.push(EventKind::DialEnded {
        dial: DIAL,
        outcome,
    });
    kinds.extend(protocols().into_iter().flat_map(|protocol| {
        tls_versions().into_iter().map(move |version| {
            let mut tls = TlsInfo::new(version, "TLS_AES_128_GCM_SHA256", "api.example");
            tls.alpn = (protocol == Protocol::H2).then(|| "h2".to_owned());
            tls.resumed = version == TlsVersion::V1_3;
            opened(protocol, Some(tls))
        })
    }));
    let reasons = told_reasons();
    kinds.extend(reasons.iter().map(|reason| EventKind::ExchangeEnded {
        call: CALL,
        connection: CONNECTION,
        reuse: Reuse::close(*reason).also(CloseReason::PeerSaidClose),
        received: 0,
    }));
    kinds.extend(reasons.iter().map(|reason| EventKind::Closed {
        connection: CONNECTION,
        closed: Closed::from(*reason),
        requests: 0,
        age: TIME,
    }));
    kinds.extend(closers().into_iter().map(|by| EventKind::Closed {
        connection: CONNECTION,
        closed: Closed {
            reason: CloseReason::ShutDown,
            by,
        },
        requests: 0,
        age: TIME,
    }));
    let again = agains().into_iter().map(Retry::Again);
    let retries = again.chain(stops().into_iter().map(Retry::Stop));
    kinds.extend(retries.map(|retry| EventKind::RetryDecided { call: CALL, retry }));
    kinds.extend(phases().into_iter().map(|phase| EventKind::CallEnded {
        call: CALL,
        failed: Some(phase),
    }));
    let numbered = kinds.into_iter().zip(1..);
    numbered
        .map(|(kind, nth): (_, u64)| Record {
            at_us: nth * 1_000,
            client: ClientId(1),
            kind,
        })
        .collect()
}
